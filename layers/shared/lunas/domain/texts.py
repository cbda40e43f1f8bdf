"""Cleans and validates what people type and paste: names, e-mail addresses and links."""

import re
from urllib.parse import urlsplit

_JOINERS = r"\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"
"""Characters that shape an adjacent letter or emoji; alone they are invisible."""
_NOTHING = (
    r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3"
    r"\U0001d173-\U0001d17a\U000e0000-\U000e00ff"
)
"""Invisible characters: control characters that separate nothing, Unicode's
Default_Ignorable_Code_Point, and the blank Braille pattern.

Phones and messengers put some of these around copied text."""
INVISIBLE = f"{_NOTHING}{_JOINERS}"
"""For a character class of a regular expression."""
_ALL_INVISIBLE, _INVISIBLE_IN_PROSE = re.compile(f"[{INVISIBLE}]"), re.compile(f"[{_NOTHING}]")
_PARTING = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]")
"""Control characters that separate words or lines, such as Word's line breaks; become a space."""
_LONE_JOINERS = re.compile(rf"^[\s{_JOINERS}]+|\s+[\s{_JOINERS}]*$|^[\s{_JOINERS}]*$")


def plain(text: str) -> str:
    """Return a text such as an id, an address or a number without invisible characters."""
    return _ALL_INVISIBLE.sub("", _PARTING.sub(" ", text)).strip()


def prose(text: str) -> str:
    """Return a text for people to read; characters that shape a letter stay."""
    seen = _INVISIBLE_IN_PROSE.sub("", _PARTING.sub(" ", text))
    return _LONE_JOINERS.sub("", seen).strip()


def line(text: str) -> str:
    """Return a text of one line, with single spaces."""
    return " ".join(prose(text).split())


def is_unicode(text: str) -> bool:
    """Return whether a text can be encoded in UTF-8; a lone surrogate cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


LONGEST_ADDRESS = 254
"""Characters of an address that mail is delivered to (RFC 5321, section 4.5.3.1)."""
_LONGEST_LOCAL = 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_TOP = r"(?:[A-Za-z]{2,63}|[xX][nN]--[A-Za-z0-9-]{0,58}[A-Za-z0-9])"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_TOP}")


def email_address(given: str) -> str:
    """Return an address without surrounding blanks; ValueError, with the reason, if it is invalid.

    Neither the gateway nor the platform documents which addresses it accepts, so these are the ones
    that both can be expected to: plain characters before the @, and a domain of at least two parts.
    A domain in another script is converted to its ASCII form.
    """
    local, at, domain = plain(given).rpartition("@")
    if not at:
        raise ValueError("must be an e-mail address, with an @ in it")
    if not _LOCAL.fullmatch(local) or len(local) > _LONGEST_LOCAL:
        raise ValueError("must be an e-mail address; the part before the @ is invalid")
    if not domain.isascii():
        domain = _in_ascii(domain)
    if not _DOMAIN.fullmatch(domain):
        raise ValueError("must be an e-mail address; the part after the @ is invalid")
    if len(address := f"{local}@{domain}") > LONGEST_ADDRESS:
        raise ValueError(f"must be an e-mail address of at most {LONGEST_ADDRESS} characters")
    return address


def compared(address: str) -> str:
    """Return the form in which addresses are compared: in lower case."""
    return address.lower()


def _in_ascii(domain: str) -> str:
    # Few addresses need it, so only they load it.
    import idna  # noqa: PLC0415

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return ""


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
