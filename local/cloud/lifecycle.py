"""Starts and stops stacks; a start that fails or is interrupted leaves nothing running."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud import emulator, simulators, stack
from local.cloud.assembly import assemble
from local.cloud.errors import NotUp
from local.cloud.options import Options
from local.cloud.service import Service
from local.cloud.stack import Stack
from local.cloud.state import State

_SERVICES = (emulator.NAME, *simulators.NAMES)


@contextmanager
def running_stack(state_dir: Path, options: Options | None = None) -> Iterator[Stack]:
    """Run a fresh stack in ``state_dir`` for as long as the block lasts.

    Raises ``InUse`` while another command has a stack there, and what ``up`` raises.

    >>> with running_stack(Path(".local/test")) as stack:  # doctest: +SKIP
    ...     requests.get(f"{stack.api_url}/health")
    """
    with State(state_dir.absolute()).owned():
        down(state_dir)
        try:
            yield up(state_dir, options)
        finally:
            down(state_dir)


def up(state_dir: Path, options: Options | None = None) -> Stack:
    """Start a stack, or give the one that is up; a half-dead one is replaced by a fresh one.

    Raises ``LocalCloudError`` with the reason when the start fails.
    """
    state = State(state_dir.absolute())
    with state.changing():
        try:
            return _running(state)
        except NotUp:
            return _start_clean(state, options or Options())


def down(state_dir: Path) -> None:
    """Stop the stack with everything it started; does nothing when there is none."""
    state = State(state_dir.absolute())
    if state.folder.exists():
        with state.changing():
            _stop(state)


def is_up(state_dir: Path) -> bool:
    """Return whether a whole stack runs in ``state_dir``."""
    try:
        _running(State(state_dir.absolute()))
    except NotUp:
        return False
    return True


def _running(state: State) -> Stack:
    """Give the stack that is up; raises ``NotUp`` also when one of its processes has died."""
    found = stack.read(state)
    needed = {
        emulator.NAME: found.aws_endpoint_url,
        simulators.DUITKU: found.duitku_url,
        simulators.THINKIFIC: found.thinkific_url,
    }
    for name, url in needed.items():
        if url and not Service(name, state).is_running():
            message = f"{name} of the stack in {state.folder} has died"
            raise NotUp(message)
    return found


def _start_clean(state: State, options: Options) -> Stack:
    _stop(state)
    state.prepare()
    try:
        return assemble(state, options)
    except BaseException:
        _stop(state)
        raise


def _stop(state: State) -> None:
    with uninterrupted():
        for name in _SERVICES:
            Service(name, state).stop()
        state.discard()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore what would leave something running: a second, impatient Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)
