"""Dates as Thinkific writes them: ISO 8601, UTC, whole seconds and a Z."""

from datetime import UTC, datetime


def to_text(moment: datetime | None) -> str | None:
    """Return the moment as Thinkific shows it, None for a date that is not set."""
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: object) -> datetime:
    """Read a date or a moment, UTC where it names no zone; raise ValueError on anything else."""
    moment = datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
