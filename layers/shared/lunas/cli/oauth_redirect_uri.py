"""``make oauth-redirect-uri``: the redirect URI to paste into Thinkific's portal, and its checks.

The first line is the URI and nothing else; the others say what each check found.
"""

from collections.abc import Callable
from pathlib import Path

from local.deployed import outputs
from lunas.domain.redirect_uri import redirect_checks, redirect_uri


def run(environment: str, state_dir: Path) -> int:
    """Print the URI of an environment; returns 1 when a check found a mistake."""
    made = outputs(environment, state_dir)
    return tell(made["ThinkificRedirectBase"], made["ApiUrl"], print)


def tell(base: str, own: str, report: Callable[[str], None]) -> int:
    """Report the URI of a base, and each check of it against the API's ``own`` address."""
    report(redirect_uri(base))
    checks = redirect_checks(base, own.rstrip("/"))
    for check in checks:
        report(f"{'ok' if check.ok else 'MEND':<5} {check.name:<11} {check.told}")
    return 0 if all(check.ok for check in checks) else 1
