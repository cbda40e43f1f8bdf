"""Where a callback came from: a second lock, beside its signature.

The gateway says who sent a request. Headers such as X-Forwarded-For are the sender's own words,
so they are not read.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

from lunas.aws.settings import optional
from lunas.domain.errors import ConfigurationError, Forbidden

SETTING = "DUITKU_ADDRESSES"
"""Environment variable: addresses or networks with commas; empty admits every address."""


def check_sender(event: Mapping[str, Any]) -> None:
    """Raise Forbidden for a callback from elsewhere; ConfigurationError for a list with a mistake.

    It comes after the signature: what is refused here was signed with our key, so either Duitku
    has new addresses or somebody else has the key, and the reason may name the address.
    """
    allowed = optional(SETTING)
    if allowed and not _admits(allowed, _source(event)):
        raise Forbidden(f"rightly signed, but sent from {_source(event) or 'nowhere'}")


def _source(event: Mapping[str, Any]) -> str:
    return str((event.get("requestContext") or {}).get("http", {}).get("sourceIp", ""))


def _admits(allowed: str, source: str) -> bool:
    try:
        networks = [ip_network(each.strip()) for each in allowed.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"{SETTING} is not a list of addresses: see template.yaml"
        ) from None
    try:
        return any(ip_address(source) in network for network in networks)
    except ValueError:
        return False
