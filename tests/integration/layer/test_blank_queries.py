"""Query parameters that are left blank, as a form or a script sends them, count as omitted."""

from typing import Any

import pytest

from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.payment_items import payment_item
from lunas.storage.table import Table
from tests.faults.world.functions import routes
from tests.support.api_requests import user_token
from tests.support.builders import USER, enrollment, payment
from tests.support.functions import DOCUMENT, call

NEW = "attribute_not_exists(#pk)"
MEANS_SEMICOLON = {"separator"}
"""A bare ``;`` in a URL arrives as a blank value, so blank means a semicolon."""


def _optional() -> list[tuple[str, str]]:
    """Return every list with each of its optional query parameters."""
    return [
        (f"GET {path}", each["name"])
        for path, operations in sorted(DOCUMENT["paths"].items())
        if not path.startswith("/thinkific/")
        for each in operations.get("get", {}).get("parameters", [])
        if each["in"] == "query" and not each.get("required")
        if each["name"] not in MEANS_SEMICOLON
    ]


@pytest.fixture(autouse=True)
def known(table: Table) -> None:
    """Write a payment and an enrollment, for the lists to show."""
    table.put(payment_item(payment(gateway=None)), NEW)
    table.put(enrollment_item(enrollment()), NEW)


def ask(route: str, query: dict[str, str]) -> tuple[int, Any]:
    given = {"{userId}": USER, "{courseId}": "c1"}
    path = route.partition(" ")[2]
    for name, value in given.items():
        path = path.replace(name, value)
    role = {"role": "USER"} if "my-" in path else {"role": "ADMIN"}
    return call(routes()[route], route, path, query=query, token=user_token(USER, **role))


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u200b"], ids=ascii)
@pytest.mark.parametrize(("route", "name"), _optional())
def test_a_blank_parameter_counts_as_omitted(route: str, name: str, blank: str) -> None:
    assert ask(route, {name: blank}) == ask(route, {})
    assert ask(route, {})[0] == 200


def test_every_parameter_may_be_blank_at_once() -> None:
    query = {name: "" for route, name in _optional() if route == "GET /payments"}
    assert len(query) == 7
    assert ask("GET /payments", query) == ask("GET /payments", {})


@pytest.mark.parametrize("value", ["PAIDD", "paid", "0", "null"])
def test_a_parameter_that_is_not_blank_is_validated(value: str) -> None:
    status, body = ask("GET /payments", {"status": value})
    assert (status, [each["field"] for each in body["errors"]]) == (422, ["status"])
