"""Parses the command line and runs one command."""

import argparse
import importlib
import sys
from pathlib import Path

from lunas.cli.errors import CommandFailed
from lunas.cli.stacks import LOCAL

_INTERRUPTED = 130
COMMANDS = {
    "oauth-redirect-uri": "oauth_redirect_uri",
    "redrive-deliveries": "redrive_deliveries",
    "sale-reports": "sale_reports",
    "smoke": "smoke.command",
    "thinkific-check": "thinkific_check.command",
    "thinkific-webhooks": "thinkific_webhooks",
}
"""The module of each command. It has ``HELP``, ``add_arguments`` and ``run``."""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; ``run`` of the parsed arguments is the command."""
    made = argparse.ArgumentParser(prog="python -m lunas.cli", description=_DESCRIPTION)
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        command = importlib.import_module(f"lunas.cli.{module}")
        one = commands.add_parser(name, help=command.HELP, description=command.__doc__)
        one.add_argument(
            "--env",
            default=LOCAL,
            help="an environment of samconfig.toml, such as dev or prod (default: the local stack)",
        )
        one.add_argument(
            "--state",
            type=Path,
            default=Path(".local"),
            metavar="FOLDER",
            help="where the local stack has its stack.json (default: .local)",
        )
        command.add_arguments(one)
        one.set_defaults(run=command.run)
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return 0, or 1 when it failed or left work for a person."""
    given = parser().parse_args(arguments)
    try:
        code: int = given.run(given)
    except CommandFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; run it again, it continues where it stopped", file=sys.stderr)
        return _INTERRUPTED
    return code


_DESCRIPTION = "Commands of an operator, on AWS and on the local stack."

if __name__ == "__main__":
    sys.exit(main())
