"""The leak check finds personal data in logs, and does not pass on an empty search."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.support.leaks.check import Searched, check_not_idle, payments_made
from tests.support.leaks.intake import Needle, leaves
from tests.support.leaks.search import Text, search
from tests.support.leaks.tap import Exchange

NAME = Needle("Siti Nur-Halîma 42", "claim name")
LINE = '{"level":"INFO","message":"payment opened","payment_id":"pay1","text":"%s"}'


def found(text: str, *needles: Needle) -> list[str]:
    """Search one line with this text."""
    return [leak.what for leak in search([Text("a.log", f"first\n{LINE % text}\n")], needles)]


@pytest.mark.parametrize(
    "text",
    [
        NAME.value,
        NAME.value.upper(),
        f"before {NAME.value} after",
        json.dumps(NAME.value)[1:-1],
        quote(NAME.value),
        base64.b64encode(f"x={NAME.value}&y=1".encode()).decode(),
        base64.urlsafe_b64encode(f"x={NAME.value}&y=?>".encode()).decode().rstrip("="),
    ],
)
def test_a_value_is_found_however_it_is_written(text: str) -> None:
    assert found(text, NAME) == ["claim name 'Siti Nur-Halîma 42'"]
    assert found(text, Needle("Rina Lain", "claim name")) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("write to budi.s@example.co.id now", "an e-mail address"),
        ("email=budi%40example.com", "an e-mail address"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmVk", "a token"),
        ("Bearer 0123456789abcdef0123", "an Authorization header"),
    ],
)
def test_personal_data_is_found_by_its_form_too(text: str, what: str) -> None:
    assert what in found(text)


@pytest.mark.parametrize(
    "text", ["pay0b1c", "app.py:34 handler", "1-6b02ef78-56437a91", "@timestamp"]
)
def test_an_allowed_text_is_no_leak(text: str) -> None:
    assert found(text, NAME) == []


def test_texts_are_found_at_every_depth_with_their_path() -> None:
    value = {"customer": {"email": "e1", "tags": ["t1", {"phone": "p1"}]}, "amount": 5, "no": ""}
    assert list(leaves(value)) == [
        ("customer.email", "e1"),
        ("customer.tags", "t1"),
        ("customer.tags.phone", "p1"),
    ]


def exchange(status: int, answer: str = "{}", token: str = "") -> Exchange:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Exchange("POST", "http://stack/payments", headers, b"", status, answer)


def test_a_payment_answered_with_201_counts_as_created() -> None:
    exchanges = [
        exchange(201, '{"id": "pay1"}'),
        exchange(200, '{"id": "pay2"}'),
        exchange(201, '{"id": "enr1"}'),
    ]
    assert payments_made(exchanges) == {"pay1"}


EXCHANGES = [exchange(200, token="t1"), exchange(200, token="t2"), exchange(404, token="t2")]


def test_a_search_of_the_expected_size_passes() -> None:
    check_not_idle(Searched(lines=2, errors=0, needles=8, payments=0, leaks=[]), EXCHANGES)


@pytest.mark.parametrize(("lines", "needles"), [(1, 8), (2, 7), (0, 0)])
def test_a_search_of_too_few_lines_or_needles_fails(lines: int, needles: int) -> None:
    idle = Searched(lines=lines, errors=0, needles=needles, payments=0, leaks=[])
    with pytest.raises(AssertionError, match="few"):
        check_not_idle(idle, EXCHANGES)


def test_a_session_without_requests_still_needs_the_lines_of_its_start() -> None:
    with pytest.raises(AssertionError, match="few lines"):
        check_not_idle(Searched(lines=0, errors=0, needles=9, payments=0, leaks=[]), [])
