"""User tokens signed with the login service's own keys, which it publishes as a JWKS."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lunas.api import jwks
from lunas.api.auth import authenticate
from lunas.api.problems import status_of
from lunas.domain.errors import KeysUnavailable, Unauthenticated
from lunas.domain.users import Caller, PaymentType, Role
from tests.support.api_requests import (
    AUTH_SECRET,
    USER_SECRET,
    service_headers,
    service_token,
    signed,
    user_claims,
)
from tests.support.login import PATH, Key, Login, new_keys, public
from tests.support.loopback import Answer, serving

LONGEST_WAIT = 10
"""Seconds: more than the wait that a test sets, and less than the library's own of 30."""


def pem(key: Any) -> bytes:
    written: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return written


@pytest.fixture(scope="module")
def keys() -> dict[str, Key]:
    """Make the keys once: RSA ones take a while."""
    return new_keys()


@pytest.fixture
def login(keys: dict[str, Key], monkeypatch: pytest.MonkeyPatch) -> Iterator[Login]:
    """Run a login service that publishes two keys, and let Lunas trust it."""
    with serving() as service:
        monkeypatch.setenv("JWKS_URL", f"{service.url}{PATH}")
        monkeypatch.setattr("lunas.api.auth.secret", lambda _: AUTH_SECRET)
        jwks._client.cache_clear()  # noqa: SLF001
        made = Login(service, keys)
        made.show("rsa-1", "ec-1")
        yield made
    jwks._client.cache_clear()  # noqa: SLF001


def bearer(token: str) -> Caller:
    return authenticate({"authorization": f"Bearer {token}"})


@pytest.mark.parametrize("name", ["rsa-1", "ec-1"])
def test_a_token_signed_by_a_key_of_the_set_identifies_the_caller(name: str, login: Login) -> None:
    assert bearer(login.token(name, sub="u1", role="ADMIN")) == Caller(
        "u1", Role.ADMIN, PaymentType.UMUM, "u1@example.com", "Budi Santoso"
    )


def test_the_keys_are_fetched_once_for_many_tokens(login: Login) -> None:
    for number in range(5):
        assert bearer(login.token("rsa-1", sub=f"u{number}")).id == f"u{number}"
        assert bearer(login.token("ec-1", sub=f"v{number}")).id == f"v{number}"

    assert login.service.paths() == [PATH]


def test_a_token_signed_with_the_former_shared_secret_is_refused(login: Login) -> None:
    with pytest.raises(Unauthenticated):
        bearer(signed(user_claims(role="ADMIN"), USER_SECRET))
    assert login.service.paths() == []


@pytest.mark.parametrize("name", ["rsa-1", "ec-1"])
@pytest.mark.parametrize("kid", [True, False], ids=["with kid", "without kid"])
def test_a_public_key_used_as_a_shared_secret_is_refused(
    kid: bool, name: str, login: Login
) -> None:
    header = {"alg": "HS256", "typ": "JWT"} | ({"kid": name} if kid else {})
    forged = hs256(header, user_claims(role="ADMIN"), pem(login.keys[name]))

    with pytest.raises(Unauthenticated):
        bearer(forged)


@pytest.mark.parametrize(
    ("signer", "kid"),
    [
        ("rsa-impostor", "rsa-1"),
        ("rsa-impostor", "rsa-impostor"),
        ("rsa-impostor", "ec-1"),
        ("ec-1", "rsa-1"),
        ("rsa-1", "ec-1"),
        ("rsa-1", "unknown"),
    ],
)
def test_a_token_signed_by_another_key_than_it_names_is_refused(
    signer: str, kid: str, login: Login
) -> None:
    with pytest.raises(Unauthenticated):
        bearer(login.token(signer, kid, role="ADMIN"))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_600_000_000},
        {"exp": None},
        {"sub": None},
        {"role": "SERVICE"},
        {"role": None},
    ],
    ids=str,
)
def test_the_claims_of_a_correctly_signed_token_are_checked(
    changes: dict[str, Any], login: Login
) -> None:
    with pytest.raises(Unauthenticated):
        bearer(login.token("rsa-1", **changes))


@pytest.mark.parametrize("token", ["x", "a.b.c", "..", "e30.e30.e30"])
def test_an_unreadable_token_is_refused_without_fetching_keys(token: str, login: Login) -> None:
    with pytest.raises(Unauthenticated):
        bearer(token)
    assert login.service.paths() == []


def test_an_unexpected_algorithm_is_refused(login: Login) -> None:
    header = {"kid": "rsa-1"}
    key = login.keys["rsa-1"]
    assert isinstance(key, rsa.RSAPrivateKey)
    for name in ("RS512", "PS256"):
        with pytest.raises(Unauthenticated):
            bearer(jwt.encode(user_claims(), key, algorithm=name, headers=header))
    with pytest.raises(Unauthenticated):
        bearer(hs256({"alg": "none", "kid": "rsa-1"}, user_claims(), b""))


def test_a_token_that_carries_its_own_key_is_refused(login: Login) -> None:
    impostor = login.keys["rsa-impostor"]
    assert isinstance(impostor, rsa.RSAPrivateKey)
    own = {"jwk": public("rsa-1", impostor), "jku": f"{login.service.url}/evil.json"}

    with pytest.raises(Unauthenticated):
        bearer(
            jwt.encode(
                user_claims(role="ADMIN"),
                impostor,
                algorithm="RS256",
                headers={**own, "kid": "rsa-1"},
            )
        )
    assert login.service.paths() == [PATH]


def test_unknown_key_ids_do_not_cause_a_fetch_each(login: Login) -> None:
    for number in range(20):
        with pytest.raises(Unauthenticated):
            bearer(login.token("rsa-impostor", f"unknown-{number}"))

    assert len(login.service.paths()) <= 2


def test_a_new_key_is_fetched_before_the_cached_set_expires(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "COOLDOWN", 0.1)
    bearer(login.token("rsa-1"))
    login.show("rsa-1", "ec-new")
    time.sleep(0.2)

    assert bearer(login.token("ec-new")).id == "u1"
    assert login.service.paths() == [PATH, PATH]


def test_an_expired_key_set_is_fetched_again(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "LIFETIME", 0.1)
    bearer(login.token("rsa-1"))
    login.show("ec-new")
    time.sleep(0.2)

    with pytest.raises(Unauthenticated):
        bearer(login.token("rsa-1"))


def test_a_new_key_is_accepted_after_the_set_is_fetched_again(login: Login) -> None:
    bearer(login.token("rsa-1"))
    login.show("ec-new")
    jwks._client.cache_clear()  # noqa: SLF001  (what five minutes do)

    assert bearer(login.token("ec-new")).id == "u1"
    with pytest.raises(Unauthenticated):
        bearer(login.token("rsa-1"))


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(404), Answer(cut=True), Answer(hang=True)],
    ids=["500", "404", "cut", "slow"],
)
def test_no_token_is_accepted_while_the_keys_cannot_be_fetched(
    answer: Answer, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jwks, "TIMEOUT", 0.3)
    login.service.answers[PATH] = answer
    began = time.monotonic()

    with pytest.raises(KeysUnavailable) as raised:
        bearer(login.token("rsa-1"))

    assert time.monotonic() - began < LONGEST_WAIT
    assert status_of(raised.value) == 503
    login.show("rsa-1")
    assert bearer(login.token("rsa-1")).id == "u1"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "RSA"}]}', b"\xff"],
    ids=str,
)
def test_a_key_set_without_usable_keys_does_not_crash(body: bytes, login: Login) -> None:
    login.service.answers[PATH] = Answer(body=body)

    with pytest.raises((KeysUnavailable, Unauthenticated)):
        bearer(login.token("rsa-1"))


def test_an_unreachable_login_service_is_a_503(
    login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JWKS_URL", "http://127.0.0.1:9/jwks.json")

    with pytest.raises(KeysUnavailable):
        bearer(login.token("rsa-1"))


def test_service_tokens_use_their_own_secret(login: Login) -> None:
    assert authenticate(service_headers(service_token())).role is Role.SERVICE
    assert login.service.paths() == []


def hs256(header: dict[str, Any], claims: dict[str, Any], key: bytes) -> str:
    """Sign without the library, which refuses a public key as a shared secret."""

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    text = ".".join(part(json.dumps(each).encode()) for each in (header, claims))
    signature = hmac.new(key, text.encode(), hashlib.sha256).digest() if key else b""
    return f"{text}.{part(signature)}"
