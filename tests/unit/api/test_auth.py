"""Tokens of users and of services: two trust domains that never mix."""

import base64
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest

from lunas.api.auth import (
    ADMINS,
    PUBLIC,
    USERS,
    RouteAccess,
    authenticate,
    check_owner,
    users_and_services,
)
from lunas.domain.errors import ConfigurationError, Forbidden, Unauthenticated
from lunas.domain.users import Caller, PaymentType, Role
from tests.support.api_requests import (
    API_KEY,
    OLD_SECRET,
    SERVICE_DOMAIN,
    SERVICE_SECRET,
    USER_SECRET,
    service_claims,
    service_headers,
    service_token,
    signed,
    user_claims,
    user_token,
)
from tests.support.builders import ADMIN_CALLER, SERVICE_CALLER, USER_CALLER

pytestmark = pytest.mark.usefixtures("auth_secret")


def bearer(token: str) -> Caller:
    return authenticate({"authorization": f"Bearer {token}"})


def in_seconds(number: int) -> timedelta:
    """Stand for a moment relative to the run of the test, not to its collection."""
    return timedelta(seconds=number)


def from_now(changes: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    return {
        name: now + int(value.total_seconds()) if isinstance(value, timedelta) else value
        for name, value in changes.items()
    }


def refused(headers: dict[str, str]) -> bool:
    with pytest.raises(Unauthenticated):
        authenticate(headers)
    return True


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    """Write a token without a signature."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': algorithm, 'typ': 'JWT'})}.{part(claims)}."


def test_a_user_token_names_the_caller() -> None:
    assert bearer(user_token("u1")) == Caller(
        "u1", Role.USER, PaymentType.UMUM, "u1@example.com", "Budi Santoso"
    )


def test_an_admin_token_makes_an_admin() -> None:
    assert bearer(user_token("a1", "ADMIN")).role is Role.ADMIN


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(scheme: str) -> None:
    assert authenticate({"authorization": f"{scheme} {user_token()}"}).id == "u1"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic dTpw",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer \u00e9",
    ],
)
def test_without_a_readable_bearer_token_a_request_is_refused(header: str) -> None:
    assert refused({"authorization": header})
    assert refused({})


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS256", ""])
@pytest.mark.parametrize("claims", [user_claims(role="ADMIN"), service_claims()])
def test_a_token_without_a_signature_is_refused(claims: dict[str, Any], algorithm: str) -> None:
    assert refused(service_headers(unsigned(claims, algorithm)))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_than_agreed_is_refused(algorithm: str) -> None:
    made = jwt.encode(user_claims(), USER_SECRET * 2, algorithm=algorithm)
    assert refused({"authorization": f"Bearer {made}"})


def test_a_token_of_another_key_is_refused() -> None:
    assert refused({"authorization": f"Bearer {signed(user_claims(), 'x' * 32)}"})


def test_altered_claims_are_refused() -> None:
    head, _, signature = user_token().split(".")
    _, forged, _ = signed(user_claims(role="ADMIN"), "x" * 32).split(".")
    assert refused({"authorization": f"Bearer {head}.{forged}.{signature}"})


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": in_seconds(-60)},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": in_seconds(900)},
        {"iat": in_seconds(900)},
        {"iat": "now"},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"iat": 10**400},
        {"iat": float("-inf")},
        {"nbf": float("inf")},
        {"nbf": 10**400},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": " "},
        {"sub": "x" * 201},
        {"role": None},
        {"role": "ROOT"},
        {"role": "user"},
        {"role": "SERVICE"},
        {"role": []},
        {"role": {"USER": True}},
        {"role": True},
    ],
    ids=str,
)
def test_a_signed_user_token_with_invalid_claims_is_refused(changes: dict[str, Any]) -> None:
    assert refused(service_headers(signed(user_claims(**from_now(changes)))))


@pytest.mark.parametrize("kind", ["VIP", "", 7, [], ["DIKE"], {"a": 1}, None])
def test_an_unknown_payment_type_counts_as_none(kind: object) -> None:
    assert bearer(signed(user_claims() | {"type": kind})).payment_type is None


@pytest.mark.parametrize("value", [None, "", "  ", 7, ["x"]])
def test_a_name_or_address_that_is_not_a_text_counts_as_none(value: object) -> None:
    caller = bearer(signed(user_claims() | {"email": value, "name": value}))
    assert (caller.email, caller.name) == (None, None)


@pytest.mark.parametrize("secret", [OLD_SECRET, USER_SECRET])
@pytest.mark.parametrize("kid", [None, "unknown", ""])
def test_during_a_rotation_old_and_new_secret_both_verify(secret: str, kid: str | None) -> None:
    assert bearer(signed(user_claims(), secret, kid)).id == "u1"


@pytest.mark.parametrize(("kid", "secret"), [("old", OLD_SECRET), ("new", USER_SECRET)])
def test_a_token_may_name_its_key(kid: str, secret: str) -> None:
    assert bearer(signed(user_claims(), secret, kid)).id == "u1"


@pytest.mark.parametrize("kid", [7, ["new"], {"new": 1}, True, None], ids=str)
def test_a_key_id_that_is_not_a_text_is_refused(kid: object) -> None:
    """Signed without the library, which writes no such header; a caller can."""
    header, claims = ({"alg": "HS256", "kid": kid}, user_claims())
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()) for each in (header, claims)]
    text = b".".join(part.rstrip(b"=") for part in parts)
    signature = base64.urlsafe_b64encode(hmac.digest(USER_SECRET.encode(), text, "sha256"))
    assert refused({"authorization": f"Bearer {text.decode()}.{signature.decode().rstrip('=')}"})


def test_a_token_that_names_one_key_and_is_signed_with_another_is_refused() -> None:
    assert refused({"authorization": f"Bearer {signed(user_claims(), USER_SECRET, 'old')}"})


def test_after_the_rotation_the_old_secret_is_refused(auth_secret: dict[str, Any]) -> None:
    auth_secret["userKeys"] = {"new": USER_SECRET}
    assert refused({"authorization": f"Bearer {signed(user_claims(), OLD_SECRET, 'old')}"})
    assert refused({"authorization": f"Bearer {signed(user_claims(), OLD_SECRET)}"})


@pytest.mark.parametrize("keys", [{}, None, "k", ["k" * 32], {"a": None}, {"a": {"k": "v"}}, 7])
def test_without_a_key_the_configuration_is_wrong(
    auth_secret: dict[str, Any], keys: object
) -> None:
    auth_secret["userKeys"] = keys
    with pytest.raises(ConfigurationError):
        bearer(user_token())


@pytest.mark.parametrize(
    "wrong",
    [
        {"service": "s"},
        {"service": ["s"]},
        {"service": SERVICE_DOMAIN | {"secret": 7}},
        {"serviceApiKey": ["k"]},
        {"issuer": 7},
        {"audience": {"a": "b"}},
        {"userKeys": {"a": "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"}},
    ],
    ids=str,
)
def test_a_malformed_secret_is_a_configuration_error(
    auth_secret: dict[str, Any], wrong: dict[str, Any]
) -> None:
    token = service_token()
    auth_secret.update(wrong)
    with pytest.raises(ConfigurationError, match="AUTH_SECRET_ID"):
        authenticate(service_headers(token))


def test_an_empty_key_verifies_nothing(auth_secret: dict[str, Any]) -> None:
    auth_secret["userKeys"] = {"new": ""}
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        forged = jwt.encode(user_claims(role="ADMIN"), "\0", algorithm="HS256")
    assert refused({"authorization": f"Bearer {forged}"})


@pytest.mark.parametrize(
    ("claims", "valid"),
    [
        ({"iss": "login", "aud": "lunas"}, True),
        ({"iss": "login", "aud": ["other", "lunas"]}, True),
        ({"iss": "other", "aud": "lunas"}, False),
        ({"iss": "login", "aud": "other"}, False),
        ({"aud": "lunas"}, False),
        ({"iss": "login"}, False),
        ({}, False),
    ],
)
def test_issuer_and_audience_are_checked_once_they_are_configured(
    auth_secret: dict[str, Any], claims: dict[str, Any], valid: bool
) -> None:
    auth_secret.update(issuer="login", audience="lunas")
    token = signed(user_claims(**claims))
    if valid:
        assert bearer(token).id == "u1"
    else:
        assert refused({"authorization": f"Bearer {token}"})


def test_the_audience_is_ignored_while_none_is_configured() -> None:
    assert bearer(user_token(aud="anything", iss="anyone")).id == "u1"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_from_a_clock_slightly_ahead_is_accepted(claim: str) -> None:
    token = signed(user_claims() | {claim: int(time.time()) + 5})
    assert bearer(token).id == "u1"


def test_a_token_that_expired_a_moment_ago_is_accepted() -> None:
    assert bearer(user_token(exp=int(time.time()) - 3)).id == "u1"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": in_seconds(-20)}, "has expired"),
        ({"nbf": in_seconds(20)}, "not valid yet"),
        ({"iat": in_seconds(20)}, "not valid yet"),
        ({"exp": "soon"}, "claims of the token are not valid"),
    ],
    ids=str,
)
def test_beyond_the_leeway_the_reason_is_named(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unauthenticated, match=reason):
        bearer(user_token(**from_now(changes)))


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer   "])
def test_a_header_without_a_token_is_named_as_the_reason(header: str) -> None:
    with pytest.raises(Unauthenticated, match="a bearer token is required"):
        authenticate({"authorization": header})


def test_a_token_under_another_scheme_is_refused() -> None:
    with pytest.raises(Unauthenticated, match="a bearer token is required"):
        authenticate({"authorization": f"Basic {user_token()}"})


@pytest.mark.parametrize(
    "changes", [{"iat": 5, "exp": 3605}, {"nbf": 5}, {"iat": -3000, "exp": -3}], ids=str
)
def test_a_services_clock_may_differ_by_the_same_leeway(changes: dict[str, int]) -> None:
    now = int(time.time())
    token = service_token(**{name: now + seconds for name, seconds in changes.items()})
    assert authenticate(service_headers(token)).id == "crm"


@pytest.mark.parametrize("claim", ["sub", "email", "name", "role", "type"])
@pytest.mark.parametrize("value", ["Budi \ud83d", "\udc00", "a\ud800b@example.com"])
def test_half_a_surrogate_pair_in_a_claim_is_refused(claim: str, value: str) -> None:
    token = signed(user_claims() | {claim: value})
    with pytest.raises(Unauthenticated, match=f"{claim} is not valid Unicode"):
        bearer(token)


@pytest.mark.parametrize("value", ["Budi \U0001f600", "\u674e", "Zo\u00eb"])
def test_a_name_may_contain_any_whole_character(value: str) -> None:
    assert bearer(user_token(name=value)).name == value


def test_a_user_id_may_have_200_characters_and_no_more() -> None:
    assert bearer(user_token("\u674e" * 200)).id == "\u674e" * 200
    with pytest.raises(Unauthenticated, match="longer than 200 characters"):
        bearer(user_token("x" * 201))


@pytest.mark.parametrize("text", ["\ud83d", "x.\udfff.y"])
def test_a_header_that_is_not_valid_utf_8_is_refused(text: str) -> None:
    assert refused({"authorization": f"Bearer {text}"})
    assert refused({**service_headers(service_token()), "x-api-key": text})


def test_a_service_is_authenticated_by_its_token_and_the_api_key() -> None:
    caller = authenticate(service_headers(service_token()))
    assert (caller.id, caller.role) == ("crm", Role.SERVICE)
    assert caller.scopes == {"payments:read", "enrollments:read"}


@pytest.mark.parametrize("key", [None, "", "wrong", API_KEY.upper(), f"{API_KEY} ", "\u00e9"])
def test_a_service_without_the_api_key_is_refused(key: str | None) -> None:
    headers = service_headers(service_token())
    if key is None:
        del headers["x-api-key"]
    else:
        headers["x-api-key"] = key
    assert refused(headers)


def test_without_a_configured_api_key_every_service_is_refused(auth_secret: dict[str, Any]) -> None:
    for nothing in ("", None):
        auth_secret["serviceApiKey"] = nothing
        assert refused({**service_headers(service_token()), "x-api-key": ""})


@pytest.mark.parametrize("secret", [USER_SECRET, OLD_SECRET])
def test_a_user_secret_never_makes_a_service(secret: str) -> None:
    assert refused(service_headers(signed(service_claims(), secret)))


@pytest.mark.parametrize("role", ["USER", "ADMIN"])
def test_the_service_secret_never_makes_a_user(role: str) -> None:
    assert refused(service_headers(service_token(role=role, type="UMUM")))


@pytest.mark.parametrize(
    "changes",
    [
        {"iat": in_seconds(0), "exp": in_seconds(3700)},
        {"iat": in_seconds(-3000), "exp": in_seconds(700)},
        {"exp": in_seconds(-60)},
        {"exp": None},
        {"iat": None},
        {"exp": "2000000000"},
        {"iat": "1700000000"},
        {"iat": in_seconds(900), "exp": in_seconds(600)},
        {"iat": in_seconds(900), "exp": in_seconds(4500)},
        *(
            {"iat": iat, "exp": exp}
            for iat in (-0.5, -1e308, 1_700_000_000.5, -(10**400))
            for exp in (10**400, 1e308, 10**308)
        ),
        {"iat": 10**400, "exp": 10**400 + 60},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"iat": float("-inf")},
        {"nbf": 10**400},
        {"nbf": float("inf")},
        {"iss": "someone"},
        {"iss": None},
        {"aud": "other"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"role": "ROOT"},
        {"role": None},
        {"role": []},
    ],
    ids=str,
)
def test_a_signed_service_token_with_invalid_claims_is_refused(changes: dict[str, Any]) -> None:
    assert refused(service_headers(service_token(**from_now(changes))))


def test_a_service_token_may_live_one_hour() -> None:
    now = int(time.time())
    token = service_token(iat=now, exp=now + 3600)
    assert authenticate(service_headers(token)).id == "crm"


@pytest.mark.parametrize("scope", [None, "", "root", "payments:write PAYMENTS:READ", 7])
def test_a_service_without_a_known_scope_has_none(scope: object) -> None:
    caller = authenticate(service_headers(service_token(scope=scope)))
    assert caller.scopes == frozenset()
    with pytest.raises(Forbidden):
        users_and_services("payments:read").check(caller)


@pytest.mark.parametrize("missing", ["secret", "issuer", "audience"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_an_incomplete_service_domain_refuses_every_service(
    auth_secret: dict[str, Any], missing: str, nothing: str | None
) -> None:
    auth_secret["service"] = {**SERVICE_DOMAIN, missing: nothing}
    assert refused(service_headers(service_token()))


def test_without_a_service_domain_users_are_still_accepted(auth_secret: dict[str, Any]) -> None:
    auth_secret["service"] = None
    assert bearer(user_token()).id == "u1"
    assert refused(service_headers(service_token()))


def test_a_service_key_may_share_its_name_with_a_user_key(auth_secret: dict[str, Any]) -> None:
    assert "old" in auth_secret["userKeys"]
    token = signed(service_claims(), SERVICE_SECRET, "old")
    assert authenticate(service_headers(token)).role is Role.SERVICE


CALLERS = [USER_CALLER, ADMIN_CALLER, SERVICE_CALLER]


@pytest.mark.parametrize(
    ("access", "admitted"),
    [
        (USERS, [True, True, False]),
        (ADMINS, [False, True, False]),
        (users_and_services("payments:read"), [True, True, True]),
        (users_and_services("enrollments:write"), [True, True, False]),
        (RouteAccess(frozenset(Role)), [True, True, False]),
        (RouteAccess(), [False, False, False]),
    ],
)
def test_an_access_admits_its_roles_and_scopes(access: RouteAccess, admitted: list[bool]) -> None:
    for caller, may in zip(CALLERS, admitted, strict=True):
        if may:
            access.check(caller)
            continue
        with pytest.raises(Forbidden):
            access.check(caller)


def test_a_route_is_public_only_when_declared_so() -> None:
    assert PUBLIC.public
    assert not RouteAccess().public


@pytest.mark.parametrize(
    ("caller", "may"),
    [(USER_CALLER, True), (Caller("u2", Role.USER), False), (ADMIN_CALLER, True)],
)
def test_users_can_access_only_what_they_own(caller: Caller, may: bool) -> None:
    if may:
        check_owner(caller, "u1")
        return
    with pytest.raises(Forbidden):
        check_owner(caller, "u1")
