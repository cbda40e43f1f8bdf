"""The leak test finds what it is meant to find, and does not pass by looking at nothing."""

import base64
import json
from urllib.parse import quote

import pytest

from tests.support.leaks.check import Searched, check_not_idle, payments_made
from tests.support.leaks.intake import Needle, leaves
from tests.support.leaks.search import Text, search
from tests.support.leaks.tap import Exchange

NAME = Needle("Siti Nur-Halîma 42", "claim name")
LINE = '{"level":"INFO","message":"payment opened","payment_id":"pay1","said":"%s"}'


def found(said: str, *needles: Needle) -> list[str]:
    """Search one line that says something."""
    return [leak.what for leak in search([Text("a.log", f"first\n{LINE % said}\n")], needles)]


@pytest.mark.parametrize(
    "said",
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
def test_a_value_is_found_however_it_is_written(said: str) -> None:
    assert found(said, NAME) == ["claim name 'Siti Nur-Halîma 42'"]
    assert found(said, Needle("Somebody Else", "claim name")) == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("write to budi.s@example.co.id now", "an e-mail address"),
        ("email=budi%40example.com", "an e-mail address"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1MSJ9.c2lnbmVk", "a token"),
        ("Bearer 0123456789abcdef0123", "an Authorization header"),
    ],
)
def test_what_nobody_collected_is_found_by_its_look(said: str, what: str) -> None:
    assert what in found(said)


@pytest.mark.parametrize(
    "said", ["pay0b1c", "app.py:34 handler", "1-6b02ef78-56437a91", "@timestamp"]
)
def test_what_a_line_may_say_is_no_leak(said: str) -> None:
    assert found(said, NAME) == []


def test_texts_are_found_at_every_depth_with_the_names_that_lead_there() -> None:
    value = {"customer": {"email": "e1", "tags": ["t1", {"phone": "p1"}]}, "amount": 5, "no": ""}
    assert list(leaves(value)) == [
        ("customer.email", "e1"),
        ("customer.tags", "t1"),
        ("customer.tags.phone", "p1"),
    ]


def exchange(status: int, answer: str = "{}", token: str = "") -> Exchange:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return Exchange("POST", "http://stack/payments", headers, b"", status, answer)


def test_the_payments_that_were_made_are_those_answered_with_201() -> None:
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
def test_a_search_that_looked_at_too_little_fails(lines: int, needles: int) -> None:
    idle = Searched(lines=lines, errors=0, needles=needles, payments=0, leaks=[])
    with pytest.raises(AssertionError, match="few"):
        check_not_idle(idle, EXCHANGES)


def test_a_session_without_requests_still_needs_the_lines_of_its_start() -> None:
    with pytest.raises(AssertionError, match="few lines"):
        check_not_idle(Searched(lines=0, errors=0, needles=9, payments=0, leaks=[]), [])
