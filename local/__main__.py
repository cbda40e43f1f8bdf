"""The developer commands behind the Makefile: ``python -m local up``."""

import argparse
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from local import checks, demo, sam_local, sample_event
from local.cloud import LocalCloudError, Options, Stack, build, down, is_up, stack, up
from local.cloud.errors import NotUp
from local.cloud.state import ROOT, State
from local.tokens import user_token

_STATE = ROOT / ".local"
_INTERRUPTED = 130
_PORTS = range(1, 65_536)
_OF_THEIR_OWN = ("demo", "soak")
"""Commands that run a stack of their own, in a folder of their name."""
_WITHOUT_STACK = {"build", "check"}


def _say(line: str) -> None:
    print(line, flush=True)


def _up(given: argparse.Namespace) -> int:
    was_up = is_up(given.state)
    running = up(given.state, Options(environment=os.environ, report=_say))
    _say(f"{'already up' if was_up else 'up'}: {running.api_url}")
    _say(f"all addresses and keys: {given.state / 'stack.json'}")
    return 0


def _down(given: argparse.Namespace) -> int:
    others = [_STATE / name for name in _OF_THEIR_OWN] + [*_STATE.glob("test*")]
    for state in [given.state, *(others if given.all else ())]:
        down(state)
    return 0


def _token(given: argparse.Namespace) -> int:
    print(_user_token(_running(given.state), given))
    return 0


def _event(given: argparse.Namespace) -> int:
    running = _running(given.state)
    token = partial(_user_token, running, given) if given.sub else None
    print(sample_event.prepare(given.event, running, token))
    return 0


def _running(state: Path) -> Stack:
    if not is_up(state):
        message = "no stack is up; `make up` starts one"
        raise NotUp(message)
    return stack.read(State(state))


def _user_token(running: Stack, given: argparse.Namespace) -> str:
    options = {"role": given.role, "kind": given.type, "email": given.email, "name": given.name}
    return user_token(running, given.sub, **options)


def _build(given: argparse.Namespace) -> int:
    architecture = given.arch or build.configured_architecture(given.config_env)
    built = build.build(build.Target(architecture))
    print(".aws-sam/build is", "built" if built else "up to date")
    return 0


def _demo(given: argparse.Namespace) -> int:
    return demo.run(given.state)


def _soak(given: argparse.Namespace) -> int:
    from tests.soak.run import run  # noqa: PLC0415  (what other commands do without)

    return run(given.state, given.payments, given.seed)


def _sam_local(given: argparse.Namespace) -> int:
    return sam_local.serve(State(given.state), os.environ, given.port)


def _check(_given: argparse.Namespace) -> int:
    return checks.run()


_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "up": _up,
    "down": _down,
    "token": _token,
    "event": _event,
    "demo": _demo,
    "build": _build,
    "soak": _soak,
    "sam-local": _sam_local,
    "check": _check,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    parsers = {name: commands.add_parser(name) for name in _COMMANDS}
    for name in _COMMANDS.keys() - _WITHOUT_STACK:
        folder = _STATE / name if name in _OF_THEIR_OWN else _STATE
        parsers[name].add_argument("--state", type=Path, default=folder)
    parsers["down"].add_argument("--all", action="store_true")
    parsers["soak"].add_argument("--payments", type=int, default=2000)
    parsers["soak"].add_argument("--seed", type=int, default=1)
    parsers["sam-local"].add_argument("--port", type=_port, default=sam_local.PORT)
    parsers["build"].add_argument("--arch", choices=("x86_64", "arm64"))
    parsers["build"].add_argument("--config-env", default="dev")
    parsers["token"].add_argument("--sub", required=True, type=_not_empty, metavar="SUB")
    parsers["event"].add_argument("--sub", default="", metavar="SUB")
    parsers["event"].add_argument("event", type=_file, metavar="EVENT")
    _add_claims(parsers["token"])
    _add_claims(parsers["event"])
    return parser


def _add_claims(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--role", default="USER", type=str.upper, choices=("USER", "ADMIN"))
    parser.add_argument("--type", default="UMUM", type=str.upper, choices=("UMUM", "DIKE"))
    parser.add_argument("--email", default="")
    parser.add_argument("--name", default="")


def _not_empty(value: str) -> str:
    if not value:
        message = "is missing: say whose token, as in SUB=u1"
        raise argparse.ArgumentTypeError(message)
    return value


def _port(value: str) -> int:
    try:
        port = int(value)
    except ValueError:
        port = 0
    if port not in _PORTS:
        message = f"is no port: {value!r}; say which, as in PORT={sam_local.PORT}"
        raise argparse.ArgumentTypeError(message)
    return port


def _file(value: str) -> Path:
    if not value:
        message = "is missing: say which, as in EVENT=events/payments-get.json"
        raise argparse.ArgumentTypeError(message)
    return Path(value)


def main() -> int:
    """Run the command; whatever ends it interrupts it like Ctrl-C, so that it can clean up."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    given = _parser().parse_args()
    try:
        return _COMMANDS[given.command](given)
    except LocalCloudError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing is left running", file=sys.stderr)
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
