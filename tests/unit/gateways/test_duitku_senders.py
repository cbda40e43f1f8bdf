"""A callback is accepted from allowed addresses only, as API Gateway reports them."""

import pytest

from lunas.domain.errors import ConfigurationError, Forbidden
from lunas.gateways.duitku.callbacks import SETTING, check_sender

ALLOWED = "182.23.85.8, 103.177.101.184/29,2001:db8::/32"


@pytest.mark.parametrize("address", ["182.23.85.8", "103.177.101.190", "2001:db8::7"])
def test_an_allowed_address_or_network_is_admitted(address: str) -> None:
    check_sender(ALLOWED, address)


@pytest.mark.parametrize("address", ["182.23.85.9", "103.177.101.192", "::1", "", "no"])
def test_any_other_address_is_refused(address: str) -> None:
    with pytest.raises(Forbidden, match=f"valid signature, but sent from {address}"):
        check_sender(ALLOWED, address)


def test_a_request_without_an_address_is_refused() -> None:
    with pytest.raises(Forbidden, match="nowhere"):
        check_sender(ALLOWED, "")


@pytest.mark.parametrize("allowed", [None, ""])
def test_without_a_list_every_address_is_admitted(allowed: str | None) -> None:
    check_sender(allowed, "198.51.100.7")


@pytest.mark.parametrize("allowed", ["182.23.85.8/8", "182.23.85", "182.23.85.8,", "duitku"])
def test_a_list_with_a_mistake_is_reported(allowed: str) -> None:
    with pytest.raises(ConfigurationError, match=SETTING):
        check_sender(allowed, "182.23.85.8")
