"""Validation of links that callers and providers send and Lunas shows to people."""

import re
from urllib.parse import urlsplit

from lunas.domain.texts import plain

LOOPBACK = frozenset({"localhost", "127.0.0.1"})
_CONTROL, _FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f]"), re.compile(r"[\s\x00-\x1f\x7f-\x9f\\]")
LONGEST_LINK = 2048
"""Characters of a link that is stored."""


def plain_link(value: str) -> str:
    """Return a link without surrounding blanks, unchanged if it has control characters inside.

    Removing those would change where the link leads, so it is left to be refused.
    """
    return value if _CONTROL.search(value.strip()) else plain(value)


def check_web_address(value: str, *, loopback: bool = False) -> str:
    """Return an https address that is safe to show; ValueError, with the reason, for any other.

    Surrounding blanks are removed and the scheme is lowered. With ``loopback``, http is allowed
    for an address of the local machine.
    """
    scheme, colon, rest = plain_link(value).partition(":")
    address = f"{scheme.lower()}{colon}{rest}"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    local = loopback and host in LOOPBACK and address.startswith("http://")
    if not host or not (address.startswith("https://") or local):
        raise ValueError("must be a complete https address")
    if _FORBIDDEN.search(address) or parts.username is not None:
        raise ValueError("must not hold spaces, control characters or a user name")
    return address


def kept_link(value: object) -> str | None:
    """Return a link that a provider sent, or None for one that must not be stored and shown."""
    if not isinstance(value, str) or len(value) > LONGEST_LINK:
        return None
    try:
        return check_web_address(value)
    except ValueError:
        return None
