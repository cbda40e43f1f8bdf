"""Tokens with which Lunas calls other services."""

import time
from typing import Any

import jwt
import pytest

from lunas.domain.errors import ConfigurationError
from lunas.package_service.catalog import LIFETIME, service_headers
from tests.support.api_requests import API_KEY, AUTH_SECRET, SERVICE_DOMAIN, SERVICE_SECRET

SCOPE = "packages:read courses:read"


def claims_of(headers: dict[str, str]) -> Any:
    token = headers["Authorization"].removeprefix("Bearer ")
    return jwt.decode(
        token,
        SERVICE_SECRET,
        algorithms=["HS256"],
        audience=SERVICE_DOMAIN["audience"],
        issuer=SERVICE_DOMAIN["issuer"],
    )


def test_a_call_has_a_token_and_the_api_key() -> None:
    headers = service_headers(AUTH_SECRET, SCOPE)
    assert set(headers) == {"Authorization", "x-api-key"}
    assert headers["x-api-key"] == API_KEY
    assert headers["Authorization"].startswith("Bearer ")


def test_the_token_is_of_the_services_domain_and_short_lived() -> None:
    before = int(time.time())
    claims = claims_of(service_headers(AUTH_SECRET, SCOPE))
    assert (claims["sub"], claims["role"], claims["scope"]) == ("lunas", "SERVICE", SCOPE)
    assert before <= claims["iat"] <= time.time()
    assert claims["exp"] - claims["iat"] == LIFETIME <= 3600


def test_the_headers_do_not_show_the_secret() -> None:
    assert SERVICE_SECRET not in str(service_headers(AUTH_SECRET, SCOPE))


@pytest.mark.parametrize(
    "changes",
    [
        {"service": None},
        {"service": {}},
        {"service": {**SERVICE_DOMAIN, "secret": ""}},
        {"service": {**SERVICE_DOMAIN, "secret": None}},
        {"serviceApiKey": None},
        {"serviceApiKey": ""},
    ],
    ids=str,
)
def test_a_missing_secret_or_key_is_a_configuration_error(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        service_headers({**AUTH_SECRET, **changes}, SCOPE)
    assert SERVICE_SECRET not in str(raised.value)
    assert API_KEY not in str(raised.value)
