"""The media type that an Accept header prefers (RFC 9110, section 12.5.1)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Range:
    """An entry of the header; ``place`` counts from the end, so the first one ranks first."""

    name: str
    quality: float
    place: int

    def specificity(self, media_type: str) -> int:
        """Return how exactly the entry matches: 3 by name, 2 by kind, 1 as any type, 0 not."""
        kind = media_type.partition("/")[0]
        return {media_type: 3, f"{kind}/*": 2, "*/*": 1}.get(self.name, 0)


def preferred(accept: str, offered: Sequence[str]) -> str:
    """Return the offered type with the highest quality, or the first one without a preference.

    Of two with the same quality, the more exact match wins, then the one that is named first.
    """
    ranges = list(_ranges(accept))
    return max(offered, key=lambda each: _rank(ranges, each))


def _rank(ranges: Sequence[_Range], media_type: str) -> tuple[float, int, int]:
    """Rank a media type by the entry that matches it most exactly."""
    best = max(ranges, key=lambda each: (each.specificity(media_type), each.place), default=None)
    specificity = best.specificity(media_type) if best else 0
    if best is None or not specificity or not best.quality:
        return (0.0, 0, 0)
    return (best.quality, specificity, best.place)


def _ranges(accept: str) -> Iterator[_Range]:
    entries = accept.lower().split(",")
    for place, entry in enumerate(entries):
        name, *parameters = (part.strip() for part in entry.split(";"))
        yield _Range(name, _quality(parameters), len(entries) - place)


def _quality(parameters: Sequence[str]) -> float:
    """Return ``q``, or 1 if it is absent or not a number between 0 and 1."""
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                quality = float(value)
            except ValueError:
                return 1.0
            return quality if 0 <= quality <= 1 else 1.0
    return 1.0
