"""Times as Lunas writes them: ISO 8601 in UTC, milliseconds, with Z."""

from datetime import UTC, datetime


def to_iso(moment: datetime) -> str:
    """Write an aware time, e.g. ``2026-11-22T03:04:05.678Z``; equal lengths sort as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_iso(text: str) -> datetime:
    """Read what :func:`to_iso` wrote, or any ISO 8601 time with an offset."""
    return datetime.fromisoformat(text).astimezone(UTC)
