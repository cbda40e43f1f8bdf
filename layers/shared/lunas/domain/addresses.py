"""Validation of e-mail addresses that the gateway, the platform and mail servers all accept."""

import re

from lunas.domain.texts import plain

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

    Neither Duitku nor Thinkific documents which addresses it accepts, so these are the ones that
    both can be expected to: plain characters before the @, and a domain of at least two parts. A
    domain in another script is converted to its ASCII form.
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
