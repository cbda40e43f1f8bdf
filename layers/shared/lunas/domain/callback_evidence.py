"""What is kept of a callback: evidence for a person to look at, with personal data left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

LIFETIME = timedelta(days=400)
"""How long evidence is kept, unless the stack says otherwise: a year, and time to look at it."""
SHORT = 16
"""Hexadecimal digits by which a payment and its history name a callback: 64 bits."""


class Signature(StrEnum):
    """What the signature of a callback was found to be."""

    UNCHECKED = "UNCHECKED"
    VALID = "VALID"
    VALID_LEGACY = "VALID_LEGACY"
    DIFFERS = "DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEvidence:
    """A callback as it is kept, from ``at`` to ``until``.

    ``digest`` is the SHA-256 of the raw body in hexadecimal: the same body is the same evidence,
    however often it comes. ``length`` is the body's, in bytes. ``fields`` are those that may be
    kept with their values, which are cut; ``others`` maps the name of every other field to the
    length of its value, and ``unnamed`` counts those whose names are not kept either.
    ``transaction`` is the gateway's number of the transfer that a callback of success names,
    unsigned.
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
        """Return the beginning of the digest, which names the callback elsewhere."""
        return self.digest[:SHORT]
