"""Print the redirect URI to paste into Thinkific's portal, and check it.

The first line is the URI and nothing else; each other line is the result of a check.
"""

import argparse
from collections.abc import Callable

from lunas.cli.stacks import find
from lunas.platforms.thinkific.redirect_uri import redirect_checks, redirect_uri

HELP = "print the redirect URI to paste into Thinkific's portal, and check it"


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(given: argparse.Namespace) -> int:
    """Print the URI of an environment; return 1 when a check found a mistake."""
    outputs = find(given.env, given.state).outputs
    return show(outputs["ThinkificRedirectBase"], outputs["ApiUrl"], print)


def show(base: str, own: str, report: Callable[[str], None]) -> int:
    """Report the URI of a base, and each check of it against the API's ``own`` address."""
    report(redirect_uri(base))
    checks = redirect_checks(base, own.rstrip("/"))
    for check in checks:
        report(f"{'ok' if check.ok else 'FIX':<5} {check.name:<11} {check.message}")
    return 0 if all(check.ok for check in checks) else 1
