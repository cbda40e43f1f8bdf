"""Where a callback came from: a second lock, beside its signature.

API Gateway and the Function URL say who sent a request. Headers such as X-Forwarded-For are the
sender's own words, so they are not read.
"""

from ipaddress import ip_address, ip_network

from lunas.domain.errors import ConfigurationError, Forbidden

SETTING = "DUITKU_ADDRESSES"
"""Environment variable: addresses or networks with commas; empty admits every address."""


def check_sender(allowed: str | None, sender: str) -> None:
    """Raise Forbidden for a callback from elsewhere; ConfigurationError for a list with a mistake.

    It comes after the signature: what is refused here was signed with our key, so either Duitku
    has new addresses or another one has the key, and the reason may name the address.
    """
    if allowed and not _admits(allowed, sender):
        raise Forbidden(f"rightly signed, but sent from {sender or 'nowhere'}")


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
