"""What a fake does before a call on request: an error, or another worker's step."""

from collections.abc import Callable

type Interruption = Callable[[], None] | Exception


def interrupt(pending: list[Interruption]) -> None:
    """Run the next interruption that a test has queued: another worker's step, or an error."""
    if not pending:
        return
    coming = pending.pop(0)
    if isinstance(coming, Exception):
        raise coming
    coming()
