"""The evidence that is kept of a callback, without personal data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIFETIME = timedelta(days=400)
"""How long evidence is kept, unless a stack sets another time: a year, and time to review it."""
SHORT = 16
"""Hexadecimal digits of the digest that a payment and its history store: 64 bits."""


class Signature(StrEnum):
    """The result of checking a callback's signature."""

    UNCHECKED = "UNCHECKED"
    VALID = "VALID"
    VALID_LEGACY = "VALID_LEGACY"
    DIFFERS = "DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEvidence:
    """A callback as it is stored: from ``at`` to ``until``, or for good if it changed a status.

    ``digest`` is the SHA-256 of the raw body in hexadecimal, so a repeated body is one piece of
    evidence. ``length`` is the body's, in bytes. ``fields`` are those stored with their values,
    cut to a length; ``others`` maps the name of every other field to the length of its value, and
    ``unnamed`` counts those stored without even the name. ``transaction`` is the gateway's number
    of the transfer in a callback of success; it is not signed.
    """

    digest: str
    order_id: str
    at: datetime
    until: datetime
    correlation_id: str
    media_type: str
    length: int
    fields: Mapping[str, str]
    others: Mapping[str, int]
    unnamed: int = 0
    transaction: str | None = None
    signature: Signature = Signature.UNCHECKED

    @property
    def short(self) -> str:
        """Return the beginning of the digest, by which payments refer to the callback."""
        return self.digest[:SHORT]
