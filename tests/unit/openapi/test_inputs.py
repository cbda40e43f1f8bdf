"""The schemas of inputs accept and refuse what the functions do."""

from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import pytest
from pydantic import BaseModel, ValidationError

from local.openapi.document import document
from lunas.api.requests import (
    ApproveBody,
    CourseBody,
    CustomerBody,
    InitiateBody,
    RejectBody,
    SubmitBody,
)
from lunas.domain.errors import MalformedInput
from lunas.gateways.duitku.callbacks import parse_callback

type Json = dict[str, Any]

COMPONENTS: Json = document()["components"]
CUSTOMER: Json = {"firstName": "Budi", "lastName": "S", "email": "b@example.com"}
SUBMITTED = {"packageId": "entry", "paymentType": "UMUM", "proofLink": "https://a.example/p"}
EMAILS = (
    "a@b.co", " A.b+c@D-e.co\n", "a@b", "a b@c.de", "a@b.c,d@e.fg", "x" * 45 + "@b.co", "",
    "a@b.c", "a..b@c.de", ".a@c.de", "a@c..de", "a@-c.de", "a@1.2.3.4",
    "a@xn--bcher-kva.example", "<a@b.co>",
)  # fmt: skip
PHONES = (
    "0812-3456-7890", " +62 (812) 3456 7890\n", "(021) 555 1234", "tel:+65 9123 4567", "", " ",
    "phone", "0812 x", "+62,812", "0" * 51, None,
)  # fmt: skip
UNCALLABLE = ("1234", "0812", "+999 1234 5678", "1" * 21)
"""Texts with the form of a phone number, but in no numbering plan."""
LINKS = (
    "https://a.example/p?q=1#f", "https://a.example:8443", "http://a.example", "https://",
    "https://a b.example", "https://a.example/\\", "https://u@a.example/", "ftp://a",
    "Https://a.example", " HTTPS://a.example/x ", "Http://a.example",
)  # fmt: skip
RETURNS = (*LINKS, "http://localhost:3000/x", "http://127.0.0.1", "http://localhost.evil.example/")
TEXTS = ("why", " why ", "", "   ", "\u200b\ufeff ", "x" * 501)
FORMS: tuple[object, ...] = (
    {}, "", " ", None, {"firstName": "", "lastName": None, "email": "\u200b"},
    {"firstName": "Budi"}, {"email": "b@example.com"},
    {"email": "b@example.com", "lastName": "Budi"}, "Budi", 7, [],
)  # fmt: skip
QUOTAS: tuple[object, ...] = (0, -1, 1_000_001, "1", True, None, " ", {}, [])
CHOICES: tuple[object, ...] = (True, False, None, "", "yes", 1, {}, [])
NAMES: tuple[object, ...] = (*TEXTS, "x" * 101, None, {})
CASES: list[tuple[type[BaseModel], Json]] = [
    *((CustomerBody, CUSTOMER | {"email": each}) for each in EMAILS),
    *((CustomerBody, CUSTOMER | {"phone": each}) for each in PHONES),
    *((CustomerBody, CUSTOMER | {"firstName": each}) for each in NAMES),
    *((CustomerBody, CUSTOMER | {"lastName": each}) for each in NAMES),
    *((CustomerBody, {**CUSTOMER, "lastName": blank, "firstName": " "}) for blank in ("", None)),
    *((SubmitBody, SUBMITTED | {"proofLink": each}) for each in LINKS),
    *((InitiateBody, {"packageId": "p", "returnUrl": each}) for each in RETURNS),
    *((InitiateBody, {"packageId": each}) for each in ("p", " p\n", "", "-p", "p q", "p" * 65)),
    *((InitiateBody, {"packageId": "p", "courseId": each}) for each in ("c", "", " ", None, "/")),
    *((InitiateBody, {"packageId": "p", "customer": each}) for each in FORMS),
    *(
        (InitiateBody, {"packageId": "p", "paymentMethod": each})
        for each in ("BC", " bc ", "", "B")
    ),
    *((RejectBody, {"reason": each}) for each in TEXTS),
    *((CourseBody, {"name": "x", "quota": each}) for each in QUOTAS),
    *((ApproveBody, {"overbook": each}) for each in CHOICES),
]


@pytest.mark.parametrize(("model", "body"), CASES, ids=str)
def test_document_and_code_agree_on_a_body(model: type[BaseModel], body: Json) -> None:
    schema = {"$ref": f"#/components/schemas/{model.__name__}", "components": COMPONENTS}

    assert jsonschema_rs.validator_for(schema).is_valid(body) is accepts(model, body)


@pytest.mark.parametrize("phone", UNCALLABLE)
def test_the_document_leaves_numbering_plans_to_the_code(phone: str) -> None:
    schema = {"$ref": "#/components/schemas/CustomerBody", "components": COMPONENTS}

    assert jsonschema_rs.validator_for(schema).is_valid(CUSTOMER | {"phone": phone})
    assert not accepts(CustomerBody, CUSTOMER | {"phone": phone})


@pytest.mark.parametrize("prices", [{}, {"DIKE": None}, {"DIKE": 9_999}])
def test_a_package_without_a_price_is_refused(prices: Json) -> None:
    schema = {"$ref": "#/components/schemas/PricesBody", "components": COMPONENTS}

    assert not jsonschema_rs.validator_for(schema).is_valid(prices)


@pytest.mark.parametrize("amount", ["49000", "49000.00", "", "0" * 13, "-1", "1e5", " 1", "1."])
def test_document_and_code_agree_on_an_amount_of_duitku(amount: str) -> None:
    form = {"merchantCode": "D1", "amount": amount, "merchantOrderId": "p1", "signature": "s"}
    schema = {"$ref": "#/components/schemas/DuitkuCallback", "components": COMPONENTS}

    assert jsonschema_rs.validator_for(schema).is_valid(form) is readable(form)


def readable(form: Json) -> bool:
    try:
        parse_callback(urlencode(form).encode())
    except MalformedInput:
        return False
    return True


def accepts(model: type[BaseModel], body: Json) -> bool:
    try:
        model.model_validate(body)
    except ValidationError:
        return False
    return True
