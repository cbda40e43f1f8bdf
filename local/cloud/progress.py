"""Reports what a command is doing, one line a step, with the time it took."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def step(report: Callable[[str], None], what: str) -> Iterator[None]:
    """Report ``what`` with its duration in seconds once it is done; nothing when it fails."""
    started = time.monotonic()
    yield
    report(f"{time.monotonic() - started:6.1f} s  {what}")
