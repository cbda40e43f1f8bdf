"""The webhook of Thinkific: a correctly signed event is queued, anything else has no effect."""

import base64
import json

import pytest

from tests.integration.layer.queues import Json, Queues
from tests.integration.layer.thinkific_events import HEADER, KEY, body, request, signature
from tests.support.api_requests import Context
from tests.support.functions import load
from tests.support.logs import Logged
from tests.support.progress_fakes import ACCOUNT, COURSE, PLATFORM_ENROLLMENT

GOOD = body()
LINK = "https://shop.thinkific.com/certificates/abc"


def keep(monkeypatch: pytest.MonkeyPatch, **known: str) -> None:
    monkeypatch.setattr(load("thinkific_webhook"), "secret", lambda _: known)


def post(event: Json) -> int:
    status: int = load("thinkific_webhook").handler(event, Context())["statusCode"]
    return status


def queued(queues: Queues) -> list[Json]:
    return [json.loads(record["body"]) for record in queues.progress_batch()["Records"]]


def test_an_event_is_queued_without_personal_data(queues: Queues) -> None:
    assert post(request(GOOD)) == 200
    assert queued(queues) == [
        {
            "eventId": "71",
            "platformEnrollmentId": PLATFORM_ENROLLMENT,
            "userId": ACCOUNT,
            "courseId": COURSE,
            "percent": 60,
            "certificateUrl": None,
            "correlationId": "r71",
        }
    ]


@pytest.mark.usefixtures("queues")
def test_the_line_about_an_event_names_it(logged: Logged) -> None:
    assert post(request(GOOD)) == 200
    (line,) = logged.lines
    assert (line["message"], line["event"], line["topic"]) == (
        "event queued",
        "71",
        "enrollment.progress",
    )


@pytest.mark.parametrize("name", [HEADER, HEADER.lower(), HEADER.upper()])
@pytest.mark.parametrize("encoded", [True, False])
def test_the_body_may_come_encoded_and_the_header_in_any_case(
    queues: Queues, name: str, *, encoded: bool
) -> None:
    assert post(request(GOOD, {name: signature(GOOD)}, encoded=encoded)) == 200
    assert len(queued(queues)) == 1


@pytest.mark.parametrize("key", ["apiKey", "accessToken", "clientSecret"])
def test_whichever_key_is_set_may_have_signed(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    keep(monkeypatch, **{key: "the-only-one"})
    assert post(request(GOOD, {HEADER: signature(GOOD, "the-only-one")})) == 200
    assert post(request(GOOD)) == 403
    assert len(queued(queues)) == 1


FORGERIES = {
    "no signature": request(GOOD, {"Accept": "*/*"}),
    "an empty signature": request(GOOD, {HEADER: ""}),
    "a wrong key": request(GOOD, {HEADER: signature(GOOD, "another")}),
    "the empty key": request(GOOD, {HEADER: signature(GOOD, "")}),
    "a Base64 signature": request(
        GOOD, {HEADER: base64.b64encode(bytes.fromhex(signature(GOOD))).decode()}
    ),
    "upper-case hex": request(GOOD, {HEADER: signature(GOOD).upper()}),
    "an altered body": request(GOOD.replace(b'"60.0"', b'"99.0"'), {HEADER: signature(GOOD)}),
    "JSON that was serialized again": request(
        json.dumps(json.loads(GOOD)).encode(), {HEADER: signature(GOOD)}
    ),
    "one byte more": request(GOOD + b"\n", {HEADER: signature(GOOD)}),
    "the signature of what is encoded": request(GOOD, {HEADER: signature(base64.b64encode(GOOD))}),
    "an encoded body without its flag": {**request(GOOD), "isBase64Encoded": False},
    "the signature under another name": request(GOOD, {"X-Hmac-Sha256": signature(GOOD)}),
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_is_refused_and_counted(queues: Queues, logged: Logged, forged: Json) -> None:
    assert post(forged) == 403
    assert queued(queues) == []
    assert logged.messages("WARNING") == ["event refused"]
    assert logged.metrics() == ["EventRefused"]


def test_the_log_shows_whether_the_signature_is_missing_or_wrong(
    queues: Queues, logged: Logged
) -> None:
    post(FORGERIES["no signature"])
    post(FORGERIES["a wrong key"])
    reasons = [line["reason"] for line in logged.lines]
    assert reasons == ["the signature is missing", "the signature does not match"]
    assert queued(queues) == []


BAD = {
    "a flag without Base64": ({**request(GOOD, encoded=False), "isBase64Encoded": True}, 400),
    "no JSON": (request(b"hello"), 400),
    "a JSON list": (request(b"[]"), 400),
    "no UTF-8": (request(b'{"id":"\xff"}'), 400),
    "a megabyte": (request(b'{"id":"' + b"7" * 1_000_000 + b'"}'), 413),
    "no body": (request(b""), 400),
}


@pytest.mark.parametrize(("event", "status"), BAD.values(), ids=BAD)
def test_a_signed_but_unreadable_body_is_refused(
    queues: Queues, logged: Logged, event: Json, status: int
) -> None:
    assert post(event) == status
    assert queued(queues) == []
    assert logged.messages("ERROR") == []


@pytest.mark.parametrize(
    "content",
    [
        body(topic="enrollment.created"),
        body(topic="order.created"),
        body(topic="lesson.levitated"),
        b'{"id":"71"}',
    ],
)
def test_other_topics_are_answered_200_and_ignored(
    queues: Queues, logged: Logged, content: bytes
) -> None:
    assert post(request(content)) == 200
    assert queued(queues) == []
    assert logged.messages() == ["event ignored"]


@pytest.mark.parametrize("content", [body(id=None), body(user=None), b"{}", b'{"id":"a b"}'])
def test_an_incomplete_event_is_answered_200_and_logged(
    queues: Queues, logged: Logged, content: bytes
) -> None:
    """Thinkific would send the same event again."""
    assert post(request(content)) == 200
    assert queued(queues) == []
    assert logged.messages("WARNING") == ["event unreadable"]


def test_a_repeated_event_is_queued_once(queues: Queues) -> None:
    assert [post(request(GOOD)) for _ in range(3)] == [200] * 3
    assert len(queued(queues)) == 1


def test_a_completed_event_brings_its_certificate(queues: Queues) -> None:
    completed = body(topic="enrollment.completed", certificate_url=LINK)
    assert post(request(completed)) == 200
    assert [(each["percent"], each["certificateUrl"]) for each in queued(queues)] == [(100, LINK)]


def test_events_that_need_a_read_at_thinkific_share_a_group(queues: Queues) -> None:
    post(request(body("1", percentage_completed="0.5")))
    post(request(body("2", percentage_completed="1.0", id=int(PLATFORM_ENROLLMENT) + 1)))
    post(request(body("3")))
    groups = {each["attributes"]["MessageGroupId"] for each in queues.progress_batch()["Records"]}
    assert groups == {"asking", f"enrollment-{PLATFORM_ENROLLMENT}"}


def test_an_uninstalled_app_is_logged_and_counted(queues: Queues, logged: Logged) -> None:
    assert post(request(body(topic="app.uninstalled"))) == 200
    assert queued(queues) == []
    assert logged.messages("ERROR") == ["app uninstalled at Thinkific"]
    assert logged.values() == {"WebhooksMissing": 3}


def test_without_any_key_every_event_fails_and_is_logged(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    keep(monkeypatch, apiKey="")
    assert post(request(GOOD, {HEADER: signature(GOOD, "")})) == 500
    assert queued(queues) == []
    assert logged.messages("ERROR") == ["event failed"]


def test_a_failing_queue_is_a_500_so_that_thinkific_retries(
    monkeypatch: pytest.MonkeyPatch, queues: Queues, logged: Logged
) -> None:
    monkeypatch.setenv("PROGRESS_QUEUE_URL", f"{queues.progress_url}-gone")
    assert post(request(GOOD)) == 500
    assert logged.messages("ERROR") == ["unexpected error"]


def test_no_log_line_holds_personal_data_or_a_signature(queues: Queues, logged: Logged) -> None:
    post(request(body(topic="enrollment.completed", certificate_url=LINK)))
    post(request(GOOD, {HEADER: "f" * 64}))
    assert queued(queues)
    for hidden in ("zoe@example.com", "Zo", LINK, KEY, "f" * 64, signature(GOOD)):
        assert hidden not in logged.text
