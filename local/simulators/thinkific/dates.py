"""Dates as Thinkific writes them: ISO 8601, UTC, with milliseconds and a Z."""

from datetime import UTC, datetime


def to_text(moment: datetime | None) -> str | None:
    """Return the moment as Thinkific shows it, None for a date that is not set."""
    if moment is None:
        return None
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='milliseconds')}Z"


def from_text(text: object) -> datetime:
    """Read a date or a moment, UTC where it names no zone; raise ValueError on anything else."""
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
