"""After a deploy: check a stack, and print what is wrong and what to do."""

import argparse
from collections.abc import Callable

from botocore.exceptions import BotoCoreError, ClientError

from lunas.cli.smoke.checks import CHECKS, Check
from lunas.cli.stacks import DeployedStack, find

HELP = "after a deploy: print what is wrong with a stack, and what to do"


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no options of its own."""


def run(given: argparse.Namespace) -> int:
    """Check the stack of an environment; return 1 when something is wrong."""
    return check_all(find(given.env, given.state), print)


def check_all(stack: DeployedStack, report: Callable[[str], None]) -> int:
    """Report a line for each check that passed, and one for each problem."""
    problems = 0
    for name, check in CHECKS.items():
        found = _problems(check, stack)
        for problem in found:
            report(f"WRONG {name:<17} {problem}")
        if not found:
            report(f"ok    {name:<17} {_description(check)}")
        problems += len(found)
    report(f"smoke: {problems} wrong of {len(CHECKS)} checks of {stack.name}")
    return int(problems > 0)


def _description(check: Check) -> str:
    """Return what a passed check has shown, from its docstring."""
    return (check.__doc__ or "").removeprefix("Check that ").rstrip(".")


def _problems(check: Check, stack: DeployedStack) -> list[str]:
    """Return the problems of a check; a call that AWS refuses is a problem as well."""
    try:
        return list(check(stack))
    except ClientError as error:
        return [f"cannot be checked: {error.response['Error']['Code']} on {error.operation_name}"]
    except (BotoCoreError, KeyError) as error:
        return [f"cannot be checked: {type(error).__name__} {error}"]
