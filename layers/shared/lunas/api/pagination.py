"""Cursors of lists: opaque, signed, bound to one list and filter, valid for a day.

A cursor is a JWT of its own trust domain. Its key is derived from the service API key, so a cursor
is never valid as a token, and a token never as a cursor.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping

import jwt

from lunas.api.auth import SECRET
from lunas.aws.secrets import secret_text
from lunas.domain.errors import MalformedInput
from lunas.domain.lists import Position

LIFETIME = 86_400
"""Seconds for which a cursor is valid."""
ALGORITHM = "HS256"


def write_cursor(position: Position | None, asked: Mapping[str, object]) -> str | None:
    """Return the cursor of the page after ``position``, or None at the end of the list."""
    if position is None:
        return None
    claims = {"at": dict(position), "for": _fingerprint(asked), "exp": int(time.time()) + LIFETIME}
    return jwt.encode(claims, _key(), algorithm=ALGORITHM)


def read_cursor(cursor: str | None, asked: Mapping[str, object]) -> Position | None:
    """Return the position of a cursor; MalformedInput if forged, expired or of another list."""
    if cursor is None:
        return None
    try:
        claims = jwt.decode(
            cursor, _key(), algorithms=[ALGORITHM], options={"require": ["exp", "at", "for"]}
        )
    except jwt.InvalidTokenError:
        raise MalformedInput("the cursor is not valid, or has expired") from None
    if claims["for"] != _fingerprint(asked):
        raise MalformedInput("the cursor belongs to another list or filter")
    position: Position = claims["at"]
    return position


def _fingerprint(asked: Mapping[str, object]) -> str:
    text = json.dumps({name: str(value) for name, value in asked.items()}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _key() -> bytes:
    base = secret_text(SECRET, "serviceApiKey")
    return hmac.new(base.encode(), b"lunas cursor", hashlib.sha256).digest()
