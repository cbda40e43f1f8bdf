"""Runs every check, says how each ended, and fails when one found something."""

from collections.abc import Callable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from local.smoke.asked import Asked, ask
from local.smoke.checks import CHECKS, Check


def run(environment: str, state_dir: Path, report: Callable[[str], None]) -> int:
    """Ask the stack of an environment; returns 1 when something is wrong."""
    return look(ask(environment, state_dir), report)


def look(asked: Asked, report: Callable[[str], None]) -> int:
    """Report a line for each check that is content, and one for each thing that is wrong."""
    problems = 0
    for name, check in CHECKS.items():
        found = _found(check, asked)
        for problem in found:
            report(f"WRONG {name:<17} {problem}")
        if not found:
            report(f"ok    {name:<17} {_holds(check)}")
        problems += len(found)
    report(f"smoke: {problems} wrong of {len(CHECKS)} checks of {asked.stack_name}")
    return int(problems > 0)


def _holds(check: Check) -> str:
    """Return what a check that found nothing has shown."""
    return (check.__doc__ or "").removeprefix("Check that ").rstrip(".")


def _found(check: Check, asked: Asked) -> list[str]:
    """Return what a check finds; a question that AWS refuses is a finding as well."""
    try:
        return list(check(asked))
    except ClientError as error:
        return [f"cannot be asked: {error.response['Error']['Code']} on {error.operation_name}"]
    except (BotoCoreError, KeyError) as error:
        return [f"cannot be asked: {type(error).__name__} {error}"]
