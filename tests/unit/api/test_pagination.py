"""Cursors are opaque, bound to a list and filter, signed with their own key, valid for a day."""

import time
from datetime import UTC, datetime

import jwt
import pytest

from lunas.api import pagination
from lunas.api.auth import authenticate
from lunas.api.pagination import LIFETIME, read_cursor, write_cursor
from lunas.domain.errors import LunasError, MalformedInput, Unauthenticated
from lunas.domain.lists import PaymentFilter, Span
from lunas.domain.payments import Status
from tests.support.api_requests import (
    API_KEY,
    SERVICE_SECRET,
    USER_SECRET,
    service_token,
    signed,
    user_token,
)

AT = {
    "pk": "PAYMENT#pay1",
    "sk": "PAYMENT",
    "type": "payment",
    "createdAt": "2026-11-22T03:04:05.678Z",
}
PAID = PaymentFilter(status=Status.PAID)
SINCE = Span(datetime(2026, 1, 1, tzinfo=UTC))
ASKED = {"list": "payments", "filter": PAID}


@pytest.fixture(autouse=True)
def _api_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lunas.api.pagination.secret_text", lambda *_: API_KEY)


def written(asked: dict[str, object] | None = None) -> str:
    made = write_cursor(AT, asked or ASKED)
    assert made
    return made


def test_a_cursor_continues_where_the_page_ended() -> None:
    assert read_cursor(written(), ASKED) == AT


def test_the_order_of_the_filters_does_not_matter() -> None:
    assert read_cursor(written({"filter": PAID, "list": "payments"}), ASKED) == AT


def test_the_end_of_a_list_has_no_cursor_and_its_beginning_needs_none() -> None:
    assert write_cursor(None, ASKED) is None
    assert read_cursor(None, ASKED) is None


@pytest.mark.parametrize(
    "other",
    [
        {"list": "enrollments", "filter": PAID},
        {"list": "payments", "filter": PaymentFilter()},
        {"list": "payments", "filter": PaymentFilter(status=Status.PAID, user_id="u1")},
        {
            "list": "payments",
            "filter": PaymentFilter(status=Status.PAID, span=SINCE),
        },
        {"list": "payments"},
        {},
    ],
    ids=str,
)
def test_a_cursor_of_another_list_or_filter_is_refused(other: dict[str, object]) -> None:
    with pytest.raises(MalformedInput, match="another"):
        read_cursor(written(), other)


@pytest.mark.parametrize("cursor", ["", "x", "a.b.c", "é", "." * 2000])
def test_a_text_that_is_not_a_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(MalformedInput):
        read_cursor(cursor, ASKED)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_an_altered_cursor_is_refused(part: int) -> None:
    pieces = written().split(".")
    pieces[part] = pieces[part][:5] + ("A" if pieces[part][5] != "A" else "B") + pieces[part][6:]
    with pytest.raises(MalformedInput):
        read_cursor(".".join(pieces), ASKED)


def test_an_unsigned_cursor_is_refused() -> None:
    claims = jwt.decode(written(), options={"verify_signature": False})
    with pytest.raises(MalformedInput):
        read_cursor(jwt.encode(claims, "", algorithm="none"), ASKED)


def test_a_cursor_is_valid_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.time()
    monkeypatch.setattr("lunas.api.pagination.time.time", lambda: began - LIFETIME + 5)
    young = written()
    monkeypatch.setattr("lunas.api.pagination.time.time", lambda: began - LIFETIME - 5)
    old = written()
    assert read_cursor(young, ASKED) == AT
    with pytest.raises(MalformedInput, match="expired"):
        read_cursor(old, ASKED)


@pytest.mark.parametrize("token", [user_token(), service_token()], ids=["user", "service"])
def test_a_token_is_not_accepted_as_a_cursor(token: str) -> None:
    with pytest.raises(MalformedInput):
        read_cursor(token, ASKED)


@pytest.mark.parametrize("key", [API_KEY * 3, USER_SECRET, SERVICE_SECRET], ids=["api", "u", "s"])
def test_the_keys_of_other_domains_do_not_sign_cursors(key: str) -> None:
    claims = jwt.decode(written(), options={"verify_signature": False})
    with pytest.raises(MalformedInput):
        read_cursor(signed(claims, key), ASKED)


@pytest.mark.usefixtures("auth_secret")
def test_a_cursor_is_not_accepted_as_a_token() -> None:
    with pytest.raises(Unauthenticated):
        authenticate({"authorization": f"Bearer {written()}"})
    with pytest.raises(LunasError):
        authenticate({"authorization": f"Bearer {written()}", "x-api-key": API_KEY})


@pytest.mark.parametrize("missing", ["at", "for", "exp"])
def test_a_cursor_without_one_of_its_claims_is_refused(missing: str) -> None:
    claims = jwt.decode(written(), options={"verify_signature": False})
    del claims[missing]
    forged = jwt.encode(claims, pagination._key(), algorithm="HS256")  # noqa: SLF001
    with pytest.raises(MalformedInput):
        read_cursor(forged, ASKED)
