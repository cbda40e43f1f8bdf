"""A clock that tests can move, so that nothing has to wait for real time."""

from datetime import UTC, datetime, timedelta


class SimulatedClock:
    """Real time plus an offset that an admin route moves forward or back."""

    def __init__(self) -> None:
        self._offset = timedelta()

    def now(self) -> datetime:
        """Return the simulated time, in UTC."""
        return datetime.now(UTC) + self._offset

    def move(self, seconds: float) -> None:
        """Shift the clock by ``seconds``; negative values go back."""
        self._offset += timedelta(seconds=seconds)

    def reset(self) -> None:
        """Return to real time."""
        self._offset = timedelta()
