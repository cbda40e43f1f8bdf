"""Examples of every error, written by ``lunas.api.problems``, and the errors of each route."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from local.openapi.routes import Route
from local.openapi.views import reference
from lunas.api import problems
from lunas.domain import errors

type Json = dict[str, Any]

REQUEST_ID = "JKJaXmPLvHcESHA="
ERRORS: Mapping[str, Exception] = {
    "malformed": errors.MalformedInput("the body is not JSON in UTF-8"),
    "malformed-form": errors.MalformedInput("missing in the form: signature"),
    "cursor-not-valid": errors.MalformedInput("the cursor is not valid, or has expired"),
    "unauthenticated": errors.Unauthenticated("a bearer token is required"),
    "not-yours": errors.Forbidden("this belongs to another user"),
    "forbidden": errors.Forbidden("your role or scope does not allow this"),
    "wrongly-signed": errors.Forbidden("the signature does not match"),
    "no-payment": errors.NotFound("there is no such payment"),
    "no-enrollment": errors.NotFound("there is no such enrollment"),
    "no-package": errors.NotFound("there is no such package"),
    "no-anomaly": errors.NotFound("there is no such anomaly"),
    "no-path": errors.NotFound("there is no such path"),
    "conflict": errors.Conflict("a request with this Idempotency-Key is still running"),
    "edited-elsewhere": errors.Conflict("packages are edited in the package service"),
    "cannot-approve": errors.WrongState("a payment that is PENDING cannot approve"),
    "cannot-reject": errors.WrongState("a payment that is APPROVED cannot be rejected"),
    "cannot-refund": errors.WrongState("a payment that is PENDING cannot refund"),
    "cannot-correct": errors.WrongState(
        "the learner of a payment that is REFUNDED cannot be corrected"
    ),
    "manual": errors.WrongState("a manual payment has nothing to ask Duitku about"),
    "closed": errors.WrongState("the anomaly is closed already"),
    "revoked": errors.WrongState("the enrollment is revoked"),
    "already-enrolled": errors.AlreadyEnrolled(
        "enrolled already in everything that this purchase is for"
    ),
    "not-on-sale": errors.NotOnSale("this package is not on sale"),
    "course-full": errors.CourseFull("no place left in: python-dasar"),
    "course-unmapped": errors.CourseUnmapped(
        "not mapped to a course of the platform yet: python-dasar"
    ),
    "another-subdomain": errors.InvalidInput.of(
        "subdomain", "is not the site that this stack is set up for"
    ),
    "body-too-large": errors.BodyTooLarge("the body is longer than 65536 bytes"),
    "unsupported-media-type": errors.UnsupportedMediaType("the body must be application/json"),
    "not-a-form": errors.UnsupportedMediaType("the body must be application/x-www-form-urlencoded"),
    "invalid-input": errors.InvalidInput(
        "some values are not valid",
        errors.FieldError("packageId", "Field required"),
        errors.FieldError("customer.email", "must be an e-mail address, with an @ in it"),
    ),
    "internal": RuntimeError(),
    "store-busy": errors.StorageContention("other requests kept changing this payment; try again"),
    "keys-unavailable": errors.KeysUnavailable(
        "the login service's keys cannot be fetched; try again"
    ),
    "catalog-unavailable": errors.CatalogUnavailable("the package service does not answer"),
    "platform-unavailable": errors.PlatformUnavailable(
        "the platform cannot be read: Thinkific answered 502"
    ),
    "channel-not-offered": errors.ChannelRefused(
        "Duitku answered 404",
        errors.FieldError(
            "paymentMethod", "Duitku does not offer NQ to this merchant; name another one, or none"
        ),
    ),
    "purchase-refused": errors.PurchaseRefused(
        "Duitku answered 400: Invalid Email Address",
        errors.FieldError("customer.email", "Duitku does not accept it"),
    ),
    "amount-not-taken": errors.AmountRefused(
        "Duitku answered 400: Maximum Payment",
        errors.FieldError(
            "paymentMethod",
            "SP cannot take 12000000 rupiah: above its maximum; name another one, or none",
        ),
    ),
    "gateway-key-refused": errors.GatewayKeyRefused("Duitku answered 401"),
    "gateway-refused": errors.GatewayRefused("Duitku refuses"),
    "gateway-unavailable": errors.GatewayUnavailable("Duitku does not answer"),
    "gateway-blocked": errors.GatewayBlocked("Duitku refuses to be asked"),
    "gateway-timeout": errors.GatewayTimeout("Duitku does not answer in time"),
}
"""Examples by name; more than one may show the same type of problem."""
EXAMPLES_OF: Mapping[str, str] = {
    "approvePayment": "cannot-approve",
    "rejectPayment": "cannot-reject",
    "refundPayment": "cannot-refund",
    "correctLearner": "cannot-correct",
    "recheckPayment": "manual",
    "resolveAnomaly": "closed",
    "reportProgress": "revoked",
    "redeliverEnrollment": "revoked",
    "putPackage": "edited-elsewhere",
    "installThinkific": "another-subdomain",
}
"""The example that an operation has of an error, where several examples are of one class."""
THROTTLED: Json = {
    "description": "Too many requests at once. API Gateway returns it; wait, then repeat.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["message"],
                "properties": {"message": {"type": "string"}},
            },
            "example": {"message": "Too Many Requests"},
        }
    },
}
HEADERS: Mapping[str, Json] = {
    "WWW-Authenticate": {
        "description": "How to authenticate.",
        "schema": {"type": "string", "const": "Bearer"},
        "required": True,
    },
    "Retry-After": {
        "description": "Seconds after which a repetition makes sense.",
        "schema": {"type": "integer", "minimum": 1},
        "required": True,
    },
}


def examples() -> dict[str, Json]:
    """Return every error as an example of the document."""
    return {
        name: {"summary": str(error) or name, "value": problems.problem(error, REQUEST_ID)}
        for name, error in ERRORS.items()
    }


def problems_of(route: Route, described: Json) -> list[str]:
    """Name the examples of a route's errors: of all such routes, and of what its handler raises."""
    parameters = {each["name"] for each in described.get("parameters", [])}
    names: list[str] = []
    if not route.endpoint.access.public:
        names += ["unauthenticated", "forbidden", "keys-unavailable"]
    if "requestBody" in described:
        names += ["malformed", "body-too-large", "unsupported-media-type"]
    if "cursor" in parameters:
        names += ["cursor-not-valid"]
    if parameters or "requestBody" in described:
        names += ["invalid-input"]
    if "{" in route.name and errors.NotFound not in route.errors:
        names += ["no-path"]
    raised = [name for kind in route.errors for name in _examples(kind, route)]
    return [*names, "internal", *raised]


def _examples(kind: type[errors.LunasError], route: Route) -> list[str]:
    """Name the examples of an error that a handler raises.

    GatewayError and PurchaseRefused stand for all errors of the gateway: those that are its own,
    and those of what the buyer chose.
    """
    own = EXAMPLES_OF.get(route.operation_id)
    if own and type(ERRORS[own]) is kind:
        return [own]
    if kind is errors.NotFound:
        resource = route.name.split("/")[1] if "{id}" in route.name else "packages"
        return [f"no-{resource.replace('ies', 'ys').removesuffix('s')}"]
    if kind in {errors.GatewayError, errors.PurchaseRefused}:
        by_choice = kind is errors.PurchaseRefused
        return [
            name
            for name, error in ERRORS.items()
            if isinstance(error, errors.GatewayError)
            and isinstance(error, errors.PurchaseRefused) is by_choice
        ]
    return [name for name, error in ERRORS.items() if type(error) is kind][:1]


def responses(names: Iterable[str]) -> dict[str, Json]:
    """Return the responses of these errors, one for each status."""
    by_status: dict[HTTPStatus, list[str]] = {}
    for name in names:
        by_status.setdefault(problems.status_of(ERRORS[name]), []).append(name)
    written = {str(status.value): _response(status, by_status[status]) for status in by_status}
    return written | {"429": THROTTLED}


def _response(status: HTTPStatus, names: list[str]) -> Json:
    headers = problems.headers_of(ERRORS[names[0]])
    written: Json = {
        "description": status.phrase,
        "content": {
            problems.CONTENT_TYPE: {
                "schema": reference("Problem"),
                "examples": {name: {"$ref": f"#/components/examples/{name}"} for name in names},
            }
        },
    }
    if headers:
        written["headers"] = {name: HEADERS[name] for name in headers}
    return written
