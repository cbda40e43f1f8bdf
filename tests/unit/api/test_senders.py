"""A callback is taken from the addresses that are allowed, as the gateway tells them."""

from typing import Any

import pytest
from lunas.api.senders import SETTING, check_sender

from lunas.domain.errors import ConfigurationError, Forbidden

ALLOWED = "182.23.85.8, 103.177.101.184/29,2001:db8::/32"


def sent_from(address: str | None) -> dict[str, Any]:
    http = {} if address is None else {"sourceIp": address}
    return {"requestContext": {"http": http}, "headers": {"x-forwarded-for": "182.23.85.8"}}


@pytest.fixture(autouse=True)
def _allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, ALLOWED)


@pytest.mark.parametrize("address", ["182.23.85.8", "103.177.101.190", "2001:db8::7"])
def test_an_allowed_address_or_network_is_admitted(address: str) -> None:
    check_sender(sent_from(address))


@pytest.mark.parametrize("address", ["182.23.85.9", "103.177.101.192", "::1", "", None, "no"])
def test_any_other_is_refused_whatever_its_headers_say(address: str | None) -> None:
    with pytest.raises(Forbidden, match="rightly signed, but sent from"):
        check_sender(sent_from(address))


def test_a_request_without_a_context_is_refused() -> None:
    with pytest.raises(Forbidden, match="nowhere"):
        check_sender({})


@pytest.mark.parametrize("setting", [None, ""])
def test_without_a_list_every_address_is_admitted(
    setting: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SETTING, setting or "")
    check_sender(sent_from("198.51.100.7"))


@pytest.mark.parametrize("setting", ["182.23.85.8/8", "182.23.85", "182.23.85.8,", "duitku"])
def test_a_list_with_a_mistake_is_told(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SETTING, setting)
    with pytest.raises(ConfigurationError, match=SETTING):
        check_sender(sent_from("182.23.85.8"))
