"""The document describes what the code does: routes, callers, inputs, responses and errors."""

import csv
import io
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import jsonschema_rs
import pytest
import schemathesis

from local.openapi import problems as described_problems
from local.openapi import samples
from local.openapi.document import document
from local.openapi.routes import resolvers
from lunas.api import payments_csv, problems
from lunas.domain import errors
from lunas.domain.users import Role
from tests.support import template

type Json = dict[str, Any]

WEBHOOKS = {"POST /webhooks/duitku", "POST /webhooks/thinkific"}
"""Routes without a resolver, described by hand."""
DOCUMENT = document()
COMPONENTS: Json = DOCUMENT["components"]
METHODS = {"get", "head", "post", "put", "patch"}


def operations() -> Iterator[tuple[str, Json]]:
    for path, methods in DOCUMENT["paths"].items():
        for method in METHODS & set(methods):
            yield f"{method.upper()} {path}", methods[method]


def contents() -> Iterator[tuple[str, Json]]:
    """Return each body and response of each route by media type, with schema and examples."""
    for route, operation in operations():
        for place in (operation.get("requestBody", {}), *operation["responses"].values()):
            for media_type, content in place.get("content", {}).items():
                yield f"{route} {media_type}", content


def examples_of(content: Json) -> Iterator[Any]:
    if "example" in content:
        yield content["example"]
    for example in content.get("examples", {}).values():
        name = example.get("$ref", "").rpartition("/")[2]
        yield (COMPONENTS["examples"][name] if name else example)["value"]


def validator(schema: Json) -> Any:
    return jsonschema_rs.validator_for({**schema, "components": COMPONENTS}, validate_formats=True)


ROUTES = dict(operations())
CONTENTS = dict(contents())


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_the_document_has_exactly_the_routes_of_the_template() -> None:
    assert set(ROUTES) == template.routes()


def test_every_route_is_an_endpoint_of_a_function_or_a_webhook() -> None:
    declared = {name for each in resolvers() for name in each.endpoints}

    assert declared | WEBHOOKS == set(ROUTES)


def test_every_error_is_listed_for_an_existing_operation() -> None:
    names = {operation["operationId"] for operation in ROUTES.values()}

    assert set(described_problems.EXAMPLES_OF) <= names
    assert set(samples.OPERATIONS) <= names


def test_operation_ids_are_unique() -> None:
    names = [operation["operationId"] for operation in ROUTES.values()]

    assert len(set(names)) == len(names)


def test_the_security_of_an_operation_is_the_access_of_its_route() -> None:
    endpoints = {name: found for each in resolvers() for name, found in each.endpoints.items()}
    for route, endpoint in endpoints.items():
        access = endpoint.access
        required = ROUTES[route]["security"]
        assert (required == []) is access.public
        roles = [each["UserToken"] for each in required if "UserToken" in each]
        if not access.public:
            assert roles == [[] if Role.USER in access.roles else ["ADMIN"]]
        scopes = [each["ServiceToken"] for each in required if "ServiceToken" in each]
        assert scopes == ([[access.scope]] if access.scope else [])


@pytest.mark.parametrize("place", sorted(CONTENTS))
def test_every_body_and_response_has_a_valid_example(place: str) -> None:
    shown = list(examples_of(CONTENTS[place]))

    assert shown
    check = validator(CONTENTS[place]["schema"])
    for example in shown:
        assert [str(error) for error in check.iter_errors(example)] == []


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_every_parameter_has_an_example_or_is_a_choice(route: str) -> None:
    for parameter in ROUTES[route].get("parameters", []):
        schema = parameter["schema"]
        # An optional parameter may also be blank.
        variant = schema.get("anyOf", [schema])[0]
        name = variant.get("$ref", "").rpartition("/")[2]
        choice = "enum" in COMPONENTS["schemas"].get(name, variant)
        assert choice or "example" in parameter or parameter["name"] == "cursor"
        if "example" in parameter:
            assert validator(schema).is_valid(parameter["example"])


@pytest.mark.parametrize("route", sorted(set(ROUTES) - WEBHOOKS))
def test_a_route_has_the_errors_that_it_can_return(route: str) -> None:
    operation = ROUTES[route]
    expected = {"429", "500"}
    if operation["security"]:
        expected |= {"401", "403", "503"}
    if "requestBody" in operation:
        expected |= {"400", "413", "415", "422"}
    if "parameters" in operation:
        expected |= {"422"}
    if "{" in route:
        expected |= {"404"}

    assert expected <= set(operation["responses"])


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_an_error_is_a_problem_of_its_status(route: str) -> None:
    for status, response in ROUTES[route]["responses"].items():
        if int(status) < HTTPStatus.BAD_REQUEST or status == "429":
            continue
        if "text/html" in response["content"]:
            assert route == "GET /thinkific/oauth/callback"  # opened in a browser
            continue
        content = response["content"][problems.CONTENT_TYPE]
        assert {example["status"] for example in examples_of(content)} == {int(status)}


def test_every_error_that_a_caller_can_get_has_an_example() -> None:
    inside = {"error", "concurrent-update", "configuration-error", "gateway-error",
              "provider-unavailable",
              "delivery-error", "delivery-delayed", "delivery-impossible",
              "platform-malformed", "rate-limited", "no-permit", "grant-refused"}  # fmt: skip
    codes = {kind.code for kind in vars(errors).values() if _is_error(kind)} - inside
    shown = {each["value"]["type"].rpartition(":")[2] for each in COMPONENTS["examples"].values()}

    assert shown == codes | {"internal"}


def test_every_schema_is_defined_and_used() -> None:
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(DOCUMENT)))

    assert named == set(COMPONENTS["schemas"])


def test_the_csv_example_has_the_columns_of_the_csv() -> None:
    assert next(csv.reader(io.StringIO(samples.TEXTS["text/csv"]))) == list(payments_csv.COLUMNS)


def _is_error(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, errors.LunasError)
