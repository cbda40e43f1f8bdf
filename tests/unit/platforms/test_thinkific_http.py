"""What each response of Thinkific means, and reading its error bodies."""

import pytest

from lunas.domain.errors import DeliveryDelayed, NoPermit, RateLimited
from lunas.platforms.thinkific import http
from lunas.platforms.thinkific.credentials import ApiKey
from lunas.platforms.thinkific.http import (
    REFUSED_DELAY,
    Rejected,
    ThinkificApi,
    ThinkificSite,
)
from lunas.platforms.thinkific.rejections import field_errors
from tests.support.http_stub import Reply, StubLimiter, StubProvider

SITE = ThinkificSite("https://thinkific.test", ApiKey("shop", "key"))


def api(provider: StubProvider, limiter: StubLimiter | None = None) -> ThinkificApi:
    return ThinkificApi(SITE, limiter or StubLimiter(), session=provider.session)


def get(reply: Reply) -> dict[str, object]:
    return api(StubProvider(reply)).get("/courses")


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
        ({"errors": [], "error": "no"}, {"": "no"}),
        ({"last_name": ["can't be blank"], "status": 422}, {"last_name": "can't be blank"}),
        ({"message": "no", "status": 422}, {"": "no"}),
        ({"errors": []}, {}),
        ({"errors": None}, {}),
        ({}, {}),
        ([], {}),
        (["text"], {"": "text"}),
        ("text", {"": "text"}),
        (None, {}),
        (7, {}),
    ],
)
def test_every_shape_of_an_error_body_is_read(body: object, errors: dict[str, str]) -> None:
    assert field_errors(body) == errors


@pytest.mark.parametrize("status", [400, 409, 422])
def test_rejected_values_are_shown_by_field_name_only(status: int) -> None:
    with pytest.raises(Rejected) as raised:
        get(Reply(status, {"errors": {"email": ["secret text"], "first_name": "also secret"}}))
    assert str(raised.value) == f"Thinkific answered {status}: email, first_name"
    assert raised.value.errors["email"] == "secret text"


@pytest.mark.parametrize("body", ["<html>", "", None, "[]"])
def test_a_rejection_needs_no_readable_body(body: str | None) -> None:
    with pytest.raises(Rejected):
        get(Reply(422, body))


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_waits_for_a_person(status: int) -> None:
    with pytest.raises(DeliveryDelayed) as raised:
        get(Reply(status, {"error": "Authentication Error"}))
    assert raised.value.retry_after == REFUSED_DELAY


def test_a_missing_resource_waits_for_a_person() -> None:
    with pytest.raises(DeliveryDelayed) as raised:
        get(Reply(404, {"error": "Record not found."}))
    assert raised.value.retry_after == 120


@pytest.mark.parametrize("status", [500, 502, 503, 520, 527, 530, 301, 302, 308, 418])
def test_any_other_status_delays(status: int) -> None:
    with pytest.raises(DeliveryDelayed) as raised:
        get(Reply(status, "<html>", {"Location": "https://elsewhere.test/"}))
    assert raised.value.retry_after is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"RateLimit-Reset": "30"}, 31), ({}, 60), ({"RateLimit-Reset": "soon"}, 60)],
)
def test_a_rate_limit_delays_and_pauses_every_caller(headers: dict[str, str], seconds: int) -> None:
    limiter = StubLimiter()
    with pytest.raises(RateLimited) as raised:
        api(StubProvider(Reply(429, None, headers)), limiter).get("/courses")
    assert raised.value.retry_after == pytest.approx(seconds, abs=2)
    assert limiter.rests == [raised.value.retry_after]


def test_every_call_takes_a_permit() -> None:
    limiter = StubLimiter()
    provider = StubProvider(Reply(body={}), Reply(201, {}), Reply(204), Reply(503))
    calls = api(provider, limiter)
    calls.get("/courses")
    calls.post("/users", {})
    calls.put("/enrollments/1", {})
    with pytest.raises(DeliveryDelayed):
        calls.get("/courses")
    assert limiter.permits == 4
    assert limiter.rests == []


def test_without_a_permit_nothing_is_sent() -> None:
    provider = StubProvider()
    with pytest.raises(NoPermit):
        api(provider, StubLimiter(NoPermit("later", 30))).post("/users", {})
    assert provider.asked == []


@pytest.mark.parametrize("correlation_id", ["JKJaXmPLvHcESHA=", None])
def test_a_call_carries_the_correlation_id_of_its_request(correlation_id: str | None) -> None:
    provider = StubProvider(Reply(body={}))
    ThinkificApi(SITE, StubLimiter(), correlation_id, provider.session).get("/courses")
    assert provider.asked[0].headers.get("X-Correlation-Id") == correlation_id
    assert provider.asked[0].headers["X-Auth-API-Key"] == "key"


@pytest.mark.parametrize("body", ["", "<html>", "[]", "null", "7", b"\xff"])
def test_a_success_without_a_json_object_delays(body: object) -> None:
    with pytest.raises(DeliveryDelayed):
        get(Reply(200, body))


def test_an_empty_response_to_a_put_is_a_success() -> None:
    provider = StubProvider(Reply(204))
    api(provider).put("/enrollments/1", {"expiry_date": None})
    assert provider.asked[0].body == {"expiry_date": None}


def test_each_client_creates_its_own_session_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    providers = [StubProvider(Reply(body={})), StubProvider(Reply(body={}))]
    sessions = [provider.session for provider in providers]
    monkeypatch.setattr(http, "fresh_session", lambda: sessions.pop(0))
    for _ in range(2):
        ThinkificApi(SITE, StubLimiter()).get("/courses")
    assert [len(provider.asked) for provider in providers] == [1, 1]
