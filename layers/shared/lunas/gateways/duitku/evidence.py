"""Reduces a callback to the evidence that Lunas keeps (docs/reference/duitku.md, Evidence).

Only the fields of a list are kept with their values. Of any other field, only name and length are
kept, so that a new field with the buyer's name is no leak. The signature is dropped too: with it,
a reader of the table could guess the dropped values and compare digests.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from lunas.domain.callback_evidence import CallbackEvidence
from lunas.domain.errors import MalformedInput
from lunas.gateways.duitku.callbacks import EVIDENCE, SUCCESS, form_fields

KEPT = ("merchantCode", "amount", "merchantOrderId", *EVIDENCE)
"""Fields that are kept with their values."""
MAX_VALUE = 64
"""Characters kept of a value; those that Duitku sends are about half as long."""
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,31}")
"""A field name that is kept; anything else could be a value in the wrong place."""
MAX_NAMES = 30
"""Names that are kept; Duitku sends about twenty besides those in KEPT."""
MAX_READ = 65_536
"""Bytes of the longest body that is read; of a longer one, digest and length are kept."""
MAX_ORDER_ID = 50
"""Characters of an order id at Duitku."""
MAX_MEDIA_TYPE = 64
UNREADABLE = "unreadable"
"""Order id of a callback that names none."""


def reduced(
    body: bytes, media_type: str, *, at: datetime, lifetime: timedelta, correlation_id: str
) -> CallbackEvidence:
    """Return the evidence of any callback: less than 4 KB, nothing personal."""
    fields, rest = _split(_pairs(body))
    others = _lengths(rest)
    return CallbackEvidence(
        digest=hashlib.sha256(body).hexdigest(),
        order_id=fields.get("merchantOrderId", "")[:MAX_ORDER_ID] or UNREADABLE,
        at=at,
        until=at + lifetime,
        correlation_id=correlation_id,
        media_type=media_type[:MAX_MEDIA_TYPE],
        length=len(body),
        fields=fields,
        others=others,
        unnamed=len({name for name, _ in rest} - others.keys()),
        transaction=_transaction(fields),
    )


def _transaction(fields: Mapping[str, str]) -> str | None:
    """Return Duitku's number of the transfer, an unsigned field of a callback for a paid order."""
    paid = fields.get("resultCode") == SUCCESS
    return fields.get("publisherOrderId") or None if paid else None


def _pairs(body: bytes) -> Sequence[tuple[str, str]]:
    """Return the fields of a form with any known field; none of any other body."""
    if len(body) > MAX_READ:
        return []
    try:
        pairs = form_fields(body)
    except MalformedInput:
        return []
    return pairs if any(name in KEPT for name, _ in pairs) else []


def _split(pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return the values that are kept, and the fields that are not kept in full."""
    fields: dict[str, str] = {}
    rest: list[tuple[str, str]] = []
    for name, value in pairs:
        if name not in KEPT or name in fields:
            rest.append((name, value))
            continue
        fields[name] = value[:MAX_VALUE]
        if len(value) > MAX_VALUE:
            rest.append((name, value))
    return fields, rest


def _lengths(rest: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Map names to the length of their values, summed up for a repeated field."""
    found: dict[str, int] = {}
    for name, value in rest:
        if name in found or (len(found) < MAX_NAMES and NAME.fullmatch(name)):
            found[name] = found.get(name, 0) + len(value)
    return found
