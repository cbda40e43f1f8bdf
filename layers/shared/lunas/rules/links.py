"""Addresses on the web that others hand in, and that Lunas shows to people."""

import re
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1"})
LONGEST_LINK = 2048
"""Characters of a link that is kept."""


def check_web_address(value: str, *, loopback: bool = False) -> str:
    """Return an https address that is safe to show; ValueError says what is wrong with another.

    With ``loopback`` http is good enough for an address on this machine.
    """
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    local = loopback and host in LOOPBACK and value.startswith("http://")
    if not host or not (value.startswith("https://") or local):
        raise ValueError("must be a complete https address")
    if re.search(r"[\s\x00-\x1f\x7f\\]", value) or parts.username is not None:
        raise ValueError("must not hold spaces, control characters or a user name")
    return value


def kept_link(value: object) -> str | None:
    """Return a link that a peer told, or None for one that is not to be kept and shown."""
    if not isinstance(value, str) or len(value) > LONGEST_LINK:
        return None
    try:
        return check_web_address(value)
    except ValueError:
        return None
