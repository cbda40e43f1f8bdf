"""Bodies and headers of raw HTTP events."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.api.http_events import (
    MAX_BODY,
    check_json,
    check_media_type,
    lower_headers,
    raw_body,
    request_id,
    routed,
    source_address,
    wire_body,
)
from lunas.domain.errors import BodyTooLarge, InvalidInput, MalformedInput, UnsupportedMediaType
from tests.support.api_requests import request

JSON = {"content-type": "application/json"}


def event(body: str | None, *, encoded: bool = False) -> dict[str, Any]:
    return {"body": body, "isBase64Encoded": encoded, "headers": JSON}


def encoded(body: bytes) -> dict[str, Any]:
    return event(base64.b64encode(body).decode(), encoded=True)


@given(st.binary(max_size=200))
def test_a_base64_body_is_read_byte_by_byte(body: bytes) -> None:
    assert raw_body(encoded(body)) == body


def test_a_plain_body_is_read_as_utf_8() -> None:
    assert raw_body(event("caf\u00e9")) == b"caf\xc3\xa9"


@pytest.mark.parametrize("body", [None, ""])
def test_no_body_is_an_empty_one(body: str | None) -> None:
    assert raw_body(event(body)) == b""
    assert raw_body({}) == b""


@pytest.mark.parametrize(
    "body", ["{}", "a", "====", "caf\u00e9", "a b c d", "YQ==\n\x00", "YQ=="[:3]]
)
def test_a_body_that_is_wrongly_marked_as_base64_is_malformed(body: str) -> None:
    with pytest.raises(MalformedInput):
        raw_body(event(body, encoded=True))


def test_a_body_too_long_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(BodyTooLarge):
        raw_body(event("!" * (MAX_BODY * 2), encoded=True))


@pytest.mark.parametrize("size", [MAX_BODY + 1, MAX_BODY * 2, MAX_BODY * 100])
def test_a_body_too_long_is_refused_in_either_form(size: int) -> None:
    with pytest.raises(BodyTooLarge):
        raw_body(event("x" * size))
    with pytest.raises(BodyTooLarge):
        raw_body(encoded(b"x" * size))


def test_the_longest_body_is_accepted_in_either_form() -> None:
    assert len(raw_body(event("x" * MAX_BODY))) == MAX_BODY
    assert len(raw_body(encoded(b"x" * MAX_BODY))) == MAX_BODY


def test_the_length_of_a_body_counts_in_bytes() -> None:
    with pytest.raises(BodyTooLarge):
        raw_body(event("\u00e9" * (MAX_BODY // 2 + 1)))


@given(st.text(), st.booleans())
def test_any_body_is_accepted_or_refused_with_a_problem(body: str, flag: bool) -> None:
    try:
        check_json(event(body, encoded=flag))
    except (MalformedInput, InvalidInput):
        return


@pytest.mark.parametrize("body", ["[]", "[null]", '[{"overbook": true}]', " [1, 2]"])
def test_a_list_is_refused_as_a_body(body: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_json(event(body))
    assert [each.field for each in raised.value.errors] == ["body"]


BOMBS = ["[" * 60_000, '{"a":' * 10_000, "[" * 30_000 + "]" * 30_000, "1" * 60_000]


@pytest.mark.parametrize("body", [*BOMBS, "{", "nul", "{'a': 1}", '{"a": 1,}', "\x00", "\ud800"])
def test_invalid_json_is_malformed(body: str) -> None:
    with pytest.raises(MalformedInput):
        check_json(event(body))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('"\\ud83d"', "body"),
        ('{"reason": "\\ud83d"}', "reason"),
        ('{"reason": "\\uDC00\\uD83D"}', "reason"),
        ('{"customer": {"firstName": "Budi \\ud83d"}}', "customer.firstName"),
        ('{"courseIds": ["c1", "\\udc00"]}', "courseIds.1"),
        ('{"customer": {"\\ud83d": 1}}', "customer"),
        ('{"unknown": "\\ud83d"}', "unknown"),
    ],
)
def test_half_a_surrogate_pair_is_named_by_its_field(body: str, field: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        check_json(event(body))
    assert [each.field for each in raised.value.errors] == [field]


@pytest.mark.parametrize(
    "body", ['{"a": "\\ud83d\\ude00"}', '{"a": "\U0001f600"}', '{"a":' * 5_000 + "1" + "}" * 5_000]
)
def test_whole_characters_are_accepted_at_any_depth(body: str) -> None:
    check_json(event(body))


def test_json_in_another_encoding_is_malformed() -> None:
    with pytest.raises(MalformedInput):
        check_json(encoded('{"a": "caf\u00e9"}'.encode("latin-1")))
    with pytest.raises(MalformedInput):
        check_json(encoded('{"a": 1}'.encode("utf-16")))


@pytest.mark.parametrize("body", ["", "  \n", None])
def test_no_body_needs_no_media_type(body: str | None) -> None:
    check_json({"body": body, "headers": {}})


@pytest.mark.parametrize(
    "given", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"]
)
def test_json_is_known_by_its_media_type(given: str) -> None:
    check_json({"body": "{}", "headers": {"Content-Type": given}})


@pytest.mark.parametrize(
    "given", ["", "text/plain", "application/jsonx", "text/json,application/json"]
)
def test_json_under_another_media_type_is_unsupported(given: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        check_json({"body": "{}", "headers": {"content-type": given}})


def test_a_form_is_known_by_its_media_type_only() -> None:
    form = "application/x-www-form-urlencoded"
    check_media_type({"headers": {"Content-Type": f"{form}; charset=UTF-8"}}, form)
    with pytest.raises(UnsupportedMediaType):
        check_media_type({"headers": JSON}, form)
    with pytest.raises(UnsupportedMediaType):
        check_media_type({}, form)


@pytest.mark.parametrize("headers", [None, {}])
def test_a_request_may_have_no_headers(headers: dict[str, str] | None) -> None:
    assert lower_headers({"headers": headers}) == {}


def test_the_request_id_is_that_of_api_gateway() -> None:
    assert request_id({"requestContext": {"requestId": "rq1"}}) == "rq1"
    assert request_id({}) == "unknown"


def test_the_senders_address_is_that_of_api_gateway() -> None:
    sent = {"requestContext": {"http": {"sourceIp": "192.0.2.1"}}}
    assert source_address(sent) == "192.0.2.1"
    assert source_address({}) == ""


@given(st.binary(max_size=200))
def test_the_wire_body_is_what_was_sent(body: bytes) -> None:
    assert wire_body(encoded(body)) == body


@pytest.mark.parametrize(
    ("given_event", "body"),
    [
        ({}, b""),
        (event("caf\u00e9"), b"caf\xc3\xa9"),
        (event("====", encoded=True), b"===="),
        (event("caf\u00e9", encoded=True), b"caf\xc3\xa9"),
        (event("\ud800"), b"\xed\xa0\x80"),
        (encoded(b"x" * MAX_BODY * 2), b"x" * MAX_BODY * 2),
    ],
    ids=["none", "text", "not base64", "text marked as base64", "surrogate", "too long"],
)
def test_the_wire_body_of_an_invalid_request_is_available_too(
    given_event: dict[str, Any], body: bytes
) -> None:
    assert wire_body(given_event) == body


@pytest.mark.parametrize("stage", ["$default", "v1"])
@pytest.mark.parametrize(
    ("value", "path"),
    [("a/b", "/things/a%2Fb"), ("50%", "/things/50%25"), ("\ud83d", "/things/%ED%A0%BD")],
)
def test_a_parameter_of_the_path_stays_one_part_of_it(stage: str, value: str, path: str) -> None:
    sent = request("GET /things/{id}", f"/things/{value}")
    sent["pathParameters"] = {"id": value}
    sent["requestContext"]["stage"] = stage
    received = routed(sent)
    expected = path if stage == "$default" else f"/v1{path}"
    assert (received["rawPath"], received["requestContext"]["http"]["path"]) == (expected, expected)
    assert sent["rawPath"] == f"/things/{value}"


@pytest.mark.parametrize("context", [None, {}, {"http": None}])
def test_a_path_is_routed_without_a_context(context: object) -> None:
    sent = request("GET /things/{id}", "/things/a/b") | {"requestContext": context}
    received = routed(sent | {"pathParameters": {"id": "a/b"}})
    assert received["rawPath"] == "/things/a%2Fb"
    assert received["requestContext"] == {"http": {"path": "/things/a%2Fb"}}


@pytest.mark.parametrize("parameters", [None, {}, {"other": "x"}])
def test_a_path_without_known_parameters_is_unchanged(parameters: object) -> None:
    sent = request("GET /things/{id}", "/things/t1") | {"pathParameters": parameters}
    assert routed(sent) == sent
