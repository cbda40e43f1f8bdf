"""Signatures and contents of Thinkific's events, including forged and malformed ones."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest

from lunas.domain.errors import MalformedInput
from lunas.platforms.thinkific.events import Unreadable, is_signed, parse_event, report_of

KEY = "0123456789abcdef0123456789abcdef"
BODY = '{"id":"1","payload":{"user":{"first_name":"Zoë"}}}'.encode()
SIGNATURE = "c2953baead8392ed329f550bea46001ff2b06c93493883d994f6ec563b31a923"
"""The test vector of docs/reference/thinkific.md."""
PAYLOAD: dict[str, Any] = {
    "id": 500,
    "user": {"id": 7, "email": "budi@example.com"},
    "course_id": "2000001",
    "percentage_completed": "24.0",
}


def event(**changes: Any) -> bytes:
    given = {"id": "71", "resource": "enrollment", "action": "progress", "payload": PAYLOAD}
    return json.dumps({**given, **changes}).encode()


def test_the_signature_of_the_test_vector_is_valid() -> None:
    assert is_signed(BODY, SIGNATURE, [KEY])


def test_any_of_the_keys_may_have_signed() -> None:
    assert is_signed(BODY, SIGNATURE, ["another", KEY])
    assert is_signed(BODY, SIGNATURE, [KEY, "another"])


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        SIGNATURE.upper(),
        f" {SIGNATURE}",
        SIGNATURE[:-1],
        SIGNATURE + "0",
        f"sha256={SIGNATURE}",
        base64.b64encode(bytes.fromhex(SIGNATURE)).decode(),
        hmac.new(b"another", BODY, hashlib.sha256).hexdigest(),
        hashlib.sha256(BODY).hexdigest(),
        "\u0130" * 64,
        "\ud800",
    ],
)
def test_any_other_signature_is_invalid(given: str | None) -> None:
    assert not is_signed(BODY, given, [KEY])


@pytest.mark.parametrize(
    "body",
    [
        BODY + b"\n",
        BODY.replace(b'"1"', b'"2"'),
        json.dumps(json.loads(BODY)).encode(),
        json.dumps(json.loads(BODY), separators=(",", ":")).encode(),
        BODY.decode().encode("utf-16"),
        b"",
    ],
)
def test_a_signature_is_invalid_for_any_other_body(body: bytes) -> None:
    assert not is_signed(body, SIGNATURE, [KEY])


def test_without_a_key_no_signature_is_valid() -> None:
    empty = hmac.new(b"", BODY, hashlib.sha256).hexdigest()
    assert not is_signed(BODY, empty, [])
    assert not is_signed(BODY, empty, [""])


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'"71"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_not_a_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedInput):
        parse_event(body)


@pytest.mark.parametrize("event_id", [None, "", "7 1", "7#1", "7" * 65, {"a": 1}, []])
def test_an_event_without_a_usable_id_is_unreadable(event_id: object) -> None:
    with pytest.raises(Unreadable):
        parse_event(event(id=event_id))


def test_ids_may_be_numbers_or_digits_and_unknown_fields_are_ignored() -> None:
    parsed = parse_event(event(id=71, tenant_id="5", news={"a": []}))
    assert (parsed.id, parsed.topic) == ("71", "enrollment.progress")
    report = report_of(parsed)
    assert (report.platform_enrollment_id, report.user_id, report.course_id) == (
        "500",
        "7",
        "2000001",
    )
    assert (report.percent, report.certificate_url) == (24, None)


@pytest.mark.parametrize(
    ("changes", "percent"),
    [
        ({"percentage_completed": "0.5"}, None),
        ({"percentage_completed": None}, None),
        ({"percentage_completed": "0.5", "completed_at": "2026-11-22T03:04:05Z"}, 100),
        ({"completed_at": None}, 24),
    ],
)
def test_the_percentage_follows_the_rules_of_progress(
    changes: dict[str, Any], percent: int | None
) -> None:
    assert report_of(parse_event(event(payload={**PAYLOAD, **changes}))).percent == percent


def test_a_completed_event_is_a_hundred_percent_with_its_certificate() -> None:
    link = "https://shop.thinkific.com/certificates/abc"
    completed = event(action="completed", payload={**PAYLOAD, "certificate_url": link})
    report = report_of(parse_event(completed))
    assert (report.percent, report.certificate_url) == (100, link)


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        {},
        {**PAYLOAD, "id": None},
        {**PAYLOAD, "id": "50x"},
        {**PAYLOAD, "id": -5},
        {**PAYLOAD, "id": True},
        {**PAYLOAD, "id": "9" * 19},
        {**PAYLOAD, "user": None},
        {**PAYLOAD, "user": {}},
        {**PAYLOAD, "course_id": None},
        {**PAYLOAD, "course_id": 1.5},
    ],
)
def test_an_event_without_enrollment_account_or_course_is_unreadable(payload: object) -> None:
    with pytest.raises(Unreadable):
        report_of(parse_event(event(payload=payload)))
