"""Checks the address that sent a callback, in addition to its signature.

API Gateway and the Function URL name the sender of a request. Headers such as X-Forwarded-For are
not read, since the sender can write anything in them.
"""

from ipaddress import ip_address, ip_network

from lunas.domain.errors import ConfigurationError, Forbidden

SETTING = "DUITKU_ADDRESSES"
"""Environment variable: comma-separated addresses or networks; empty allows every address."""


def check_sender(allowed: str | None, sender: str) -> None:
    """Raise Forbidden for any other sender, ConfigurationError for an invalid list.

    The signature is checked before. A refused callback was signed with Lunas' key, so either Duitku
    has new addresses or someone else has the key, and the reason may name the address.
    """
    if allowed and not _admits(allowed, sender):
        raise Forbidden(f"valid signature, but sent from {sender or 'nowhere'}")


def _admits(allowed: str, sender: str) -> bool:
    try:
        networks = [ip_network(each.strip()) for each in allowed.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"{SETTING} is not a list of addresses: see template.yaml"
        ) from None
    try:
        return any(ip_address(sender) in network for network in networks)
    except ValueError:
        return False
