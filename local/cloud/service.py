"""Processes that outlive the command which started them: the emulator and the simulators.

Each holds a lock on a file of its own for as long as it lives, because the descriptor is handed
down to it. So whether it lives, and whether the process id in that file is still its own, is
never a guess.
"""

import fcntl
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.cloud.errors import ServiceFailed
from local.cloud.state import State

POLL_SECONDS = 0.05
GRACE_SECONDS = 1.0
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True)
class Service:
    """One process of a stack, known by its name in the stack's state directory."""

    name: str
    state: State

    @property
    def log(self) -> Path:
        """Everything the process printed."""
        return self.state.logs / f"{self.name}.log"

    @property
    def _lock(self) -> Path:
        return self.state.run / f"{self.name}.pid"

    def start(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        """Start the process in a group of its own, so that it can be ended with its children."""
        with self._lock.open("a") as lock, self.log.open("ab") as log:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            lock.truncate(0)
            child = subprocess.Popen(
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(lock.fileno(),),
            )
            _children.append(child)
            lock.write(str(child.pid))

    def is_running(self) -> bool:
        """Return whether the process lives, by its lock."""
        try:
            with self._lock.open("r+") as lock:
                return not _lock_is_free(lock)
        except FileNotFoundError:
            return False

    def wait_until(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once ``ready`` is true; raises ``ServiceFailed`` on death or after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.is_running():
                raise ServiceFailed(self._report("ended while starting"))
            if time.monotonic() > deadline:
                raise ServiceFailed(self._report(f"was not ready within {seconds:.0f} s"))
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """End the process and its children; does nothing when it is not running."""
        if self.is_running():
            group = int(self._lock.read_text())
            _signal_group(group, signal.SIGTERM)
            self._wait_for_end(GRACE_SECONDS)
            _signal_group(group, signal.SIGKILL)
            self._wait_for_end(GRACE_SECONDS)
        _reap()
        self._lock.unlink(missing_ok=True)

    def tail(self, lines: int = 20) -> str:
        """Give the last lines of the log."""
        try:
            with self.log.open(errors="replace") as log:
                return "".join(deque(log, maxlen=lines)).rstrip()
        except FileNotFoundError:
            return ""

    def _wait_for_end(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)

    def _report(self, what: str) -> str:
        return f"{self.name} {what}; the end of {self.log}:\n{self.tail()}"


def _lock_is_free(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _signal_group(group: int, number: signal.Signals) -> None:
    """Reach the children too: workers of the emulator that outlive it for a moment."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def _reap() -> None:
    """Collect the ended ones among the processes that this very command started."""
    _children[:] = [child for child in _children if child.poll() is None]
