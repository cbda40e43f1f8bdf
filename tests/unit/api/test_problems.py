"""Errors as problem+json: every class has a status, and a 500 has no details."""

import json
from collections.abc import Iterator
from http import HTTPStatus

import pytest

import lunas.gateways.duitku.http
import lunas.platforms.thinkific.http
from lunas.api import problems
from lunas.domain import errors
from lunas.domain.errors import FieldError, InvalidInput, LunasError

EXPECTED: dict[str, int] = {
    "InvalidInput": 422,
    "MalformedInput": 400,
    "BodyTooLarge": 413,
    "UnsupportedMediaType": 415,
    "Unauthenticated": 401,
    "Forbidden": 403,
    "NotFound": 404,
    "Conflict": 409,
    "WrongState": 409,
    "AlreadyEnrolled": 409,
    "NotOnSale": 409,
    "CourseFull": 409,
    "CourseUnmapped": 409,
    "StorageContention": 503,
    "ProviderUnavailable": 503,
    "KeysUnavailable": 503,
    "CatalogUnavailable": 503,
    "PlatformUnavailable": 503,
    "GatewayRefused": 502,
    "PurchaseRefused": 422,
    "ChannelRefused": 422,
    "AmountRefused": 422,
    "GatewayKeyRefused": 502,
    "UnknownOrder": 502,
    "GatewayUnavailable": 503,
    "GatewayTimeout": 504,
    "GatewayBlocked": 503,
}
DELIBERATELY_500 = {
    "LunasError",
    "ConcurrentUpdate",
    "ConfigurationError",
    "GrantRefused",
    "GatewayError",
    "DeliveryError",
    "DeliveryDelayed",
    "RateLimited",
    "NoPermit",
    "DeliveryImpossible",
    "Rejected",
    "Missing",
    "Unanswered",
    "AccessRefused",
    "Untouched",
    "Malformed",
}
SECRET_TEXT = "budi@example.com and hunter2"


def tree(root: type[LunasError] = LunasError) -> Iterator[type[LunasError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


def every_class() -> list[type[LunasError]]:
    return sorted(set(tree()), key=lambda each: each.__name__)


def made(kind: type[LunasError]) -> LunasError:
    """Build an error of a class, with a message where it takes one."""
    if kind is errors.ConcurrentUpdate:
        return errors.ConcurrentUpdate()
    if kind is lunas.platforms.thinkific.http.Rejected:
        return lunas.platforms.thinkific.http.Rejected(422, {"email": SECRET_TEXT})
    if issubclass(kind, errors.PurchaseRefused):
        return kind(SECRET_TEXT, FieldError("paymentMethod", "VC cannot take it"))
    return kind(SECRET_TEXT)


def test_every_error_class_is_listed() -> None:
    known = set(EXPECTED) | DELIBERATELY_500
    assert {each.__name__ for each in every_class()} == known


@pytest.mark.parametrize("kind", every_class())
def test_every_error_class_has_its_status(kind: type[LunasError]) -> None:
    expected = EXPECTED.get(kind.__name__, 500)
    assert problems.status_of(made(kind)) == expected
    assert problems.problem(made(kind), "rq1")["status"] == expected


@pytest.mark.parametrize("kind", every_class())
def test_every_problem_is_complete_and_has_a_stable_code(kind: type[LunasError]) -> None:
    body = problems.problem(made(kind), "rq1")
    internal = kind.__name__ in DELIBERATELY_500
    assert body["type"] == f"urn:lunas:problem:{'internal' if internal else kind.code}"
    assert body["title"] == HTTPStatus(body["status"]).phrase
    assert body["requestId"] == "rq1"
    assert body["detail"]


def test_no_two_problems_share_a_code() -> None:
    codes = [kind.code for kind in every_class() if kind.__name__ in EXPECTED]
    assert len(codes) == len(set(codes))


def is_for_operators(kind: type[LunasError]) -> bool:
    return kind.__name__ in DELIBERATELY_500 or issubclass(kind, errors.GatewayError)


@pytest.mark.parametrize("kind", [each for each in every_class() if is_for_operators(each)])
def test_no_error_for_operators_shows_its_own_message(kind: type[LunasError]) -> None:
    assert SECRET_TEXT not in json.dumps(problems.proxy_answer(made(kind), "rq1"))


def test_an_unexpected_error_is_a_500_without_details() -> None:
    answer = problems.proxy_answer(KeyError(SECRET_TEXT), "rq1")
    assert answer["statusCode"] == 500
    assert SECRET_TEXT not in answer["body"]
    assert json.loads(answer["body"])["type"] == "urn:lunas:problem:internal"


def test_invalid_input_names_each_field() -> None:
    error = InvalidInput("no", FieldError("a.b", "is bad"), FieldError("c", "is worse"))
    assert problems.problem(error, "rq1")["errors"] == [
        {"field": "a.b", "message": "is bad"},
        {"field": "c", "message": "is worse"},
    ]


@pytest.mark.parametrize(
    ("error", "headers"),
    [
        (errors.Unauthenticated("x"), {"WWW-Authenticate": "Bearer"}),
        (errors.StorageContention("x"), {"Retry-After": "5"}),
        (errors.GatewayUnavailable("x"), {"Retry-After": "5"}),
        (errors.GatewayTimeout("x"), {"Retry-After": "5"}),
        (errors.GatewayRefused("x"), {}),
        (errors.NotFound("x"), {}),
        (RuntimeError("x"), {}),
    ],
)
def test_a_status_has_the_headers_that_it_needs(error: Exception, headers: dict[str, str]) -> None:
    assert problems.headers_of(error) == headers
    sent = problems.proxy_answer(error, "rq1")["headers"]
    assert sent == {"Content-Type": "application/problem+json", **headers}


@pytest.mark.parametrize(
    "kind", [errors.ProviderUnavailable, errors.KeysUnavailable, errors.CatalogUnavailable]
)
def test_an_unavailable_service_of_ours_is_a_503_with_its_own_message(
    kind: type[LunasError],
) -> None:
    answer = problems.proxy_answer(kind("the keys cannot be fetched; try again"), "rq1")
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
    assert json.loads(answer["body"])["detail"] == "the keys cannot be fetched; try again"


def test_a_refusal_of_the_gateway_promises_nothing_about_money() -> None:
    detail = problems.problem(errors.GatewayRefused("operator text"), "rq1")["detail"]
    assert detail == "The payment gateway refused to open this payment."


def test_a_refused_channel_is_a_422_that_names_what_to_do() -> None:
    wrong = FieldError("paymentMethod", "name another one")
    shown = problems.problem(errors.ChannelRefused("operator text", wrong), "rq1")
    assert (shown["status"], "name another one" in shown["detail"]) == (422, True)
    assert shown["errors"] == [{"field": "paymentMethod", "message": "name another one"}]
    assert "operator text" not in shown["detail"]
