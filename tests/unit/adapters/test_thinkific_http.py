"""What each answer of Thinkific means, and reading its error bodies."""

import pytest
import requests

from lunas.adapters.thinkific.http import (
    REFUSED_DELAY,
    Rejected,
    ThinkificApi,
    ThinkificSite,
    field_errors,
)
from lunas.rules.errors import DeliveryDelayed
from tests.unit.adapters.stub import StubPeer, Told

SITE = ThinkificSite("https://thinkific.test", "shop", "key")


def get(told: Told) -> dict[str, object]:
    return ThinkificApi(SITE, StubPeer(told).session).get("/courses")


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"errors": {"email": ["taken", "bad"]}}, {"email": "taken; bad"}),
        ({"errors": {"topic": "invalid format"}}, {"topic": "invalid format"}),
        ({"errors": ["No course.", "No user."]}, {"": "No course.; No user."}),
        ({"errors": [{"field": "x", "message": "y"}]}, {"": "x; y"}),
        ({"errors": {"user": {"email": ["bad"]}}}, {"user": "bad"}),
        ({"errors": "one text"}, {"": "one text"}),
        ({"error": "Record not found."}, {"": "Record not found."}),
        ({"errors": []}, {}),
        ({"errors": None}, {}),
        ({}, {}),
        ([], {}),
        (["text"], {}),
        ("text", {}),
        (None, {}),
        (7, {}),
    ],
)
def test_every_shape_of_an_error_body_is_read(body: object, errors: dict[str, str]) -> None:
    assert field_errors(body) == errors


@pytest.mark.parametrize("status", [400, 409, 422])
def test_rejected_values_are_told_by_field_name_only(status: int) -> None:
    with pytest.raises(Rejected) as raised:
        get(Told(status, {"errors": {"email": ["secret text"], "first_name": "also secret"}}))
    assert str(raised.value) == f"Thinkific answered {status}: email, first_name"
    assert raised.value.errors["email"] == "secret text"


@pytest.mark.parametrize("body", ["<html>", "", None, "[]"])
def test_a_rejection_without_a_readable_body_is_one_all_the_same(body: str | None) -> None:
    with pytest.raises(Rejected):
        get(Told(422, body))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_waits_for_a_person(status: int) -> None:
    with pytest.raises(DeliveryDelayed) as raised:
        get(Told(status, {"error": "Authentication Error"}))
    assert raised.value.retry_after == REFUSED_DELAY


def test_a_missing_address_waits_for_a_person() -> None:
    with pytest.raises(DeliveryDelayed) as raised:
        get(Told(404, {"error": "Record not found."}))
    assert raised.value.retry_after == 300


@pytest.mark.parametrize("status", [500, 502, 503, 520, 527, 530, 301, 302, 308, 418])
def test_anything_else_is_worth_another_try(status: int) -> None:
    with pytest.raises(DeliveryDelayed) as raised:
        get(Told(status, "<html>", {"Location": "https://elsewhere.test/"}))
    assert raised.value.retry_after is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"RateLimit-Reset": "30"}, 31), ({}, 60), ({"RateLimit-Reset": "soon"}, 60)],
)
def test_a_rate_limit_always_tells_how_long(headers: dict[str, str], seconds: int) -> None:
    with pytest.raises(DeliveryDelayed) as raised:
        get(Told(429, None, headers))
    assert raised.value.retry_after == pytest.approx(seconds, abs=2)


@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", "7", b"\xff"])
def test_a_success_without_a_json_object_is_worth_another_try(body: object) -> None:
    with pytest.raises(DeliveryDelayed):
        get(Told(200, body))


def test_an_empty_answer_to_a_put_is_a_success() -> None:
    peer = StubPeer(Told(204))
    ThinkificApi(SITE, peer.session).put("/enrollments/1", {"expiry_date": None})
    assert peer.asked[0].body == {"expiry_date": None}


def test_without_a_session_given_each_client_makes_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = [StubPeer(Told(body={})), StubPeer(Told(body={}))]
    sessions = [peer.session for peer in peers]
    monkeypatch.setattr(requests, "Session", lambda: sessions.pop(0))
    for _ in range(2):
        ThinkificApi(SITE).get("/courses")
    assert [len(peer.asked) for peer in peers] == [1, 1]
