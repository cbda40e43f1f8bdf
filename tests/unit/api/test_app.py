"""The HTTP API denies by default, answers errors as problems and logs nothing personal."""

import json
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from lunas.api import auth
from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS, PUBLIC, USERS, users_and_services
from lunas.api.requests import CustomerBody, Id, InitiateBody
from lunas.domain.errors import (
    ConfigurationError,
    GatewayKeyRefused,
    GatewayUnavailable,
    InvalidInput,
    NotFound,
)
from tests.support.api_requests import (
    Context,
    request,
    service_headers,
    service_token,
    user_token,
)
from tests.support.logs import Logged

pytestmark = pytest.mark.usefixtures("auth_secret")
CONTEXT = Context()
SECRET_TEXT = "budi@example.com owes hunter2"


class Served:
    """An API with a route of every kind; ``reached`` lists the handlers that ran."""

    def __init__(self) -> None:
        self.api = api = LunasApi()
        self.reached: list[str] = []

        @api.on("GET", "/open", PUBLIC)
        def show_open() -> dict[str, Any]:
            self.reached.append("open")
            return {"requestId": api.request_id}

        @api.on("GET", "/seen", PUBLIC)
        def show_seen() -> dict[str, Any]:
            return {"admin": api.is_admin_asking}

        @api.on("GET", "/things/{id}", users_and_services("payments:read"))
        def show(
            thing_id: Annotated[Id, Path(alias="id")],
            size: Annotated[int | None, Query(ge=1, le=9)] = None,
        ) -> dict[str, Any]:
            self.reached.append("show")
            return {"id": thing_id, "size": size, "caller": api.caller.actor}

        @api.on("POST", "/things", USERS)
        def make(body: InitiateBody) -> dict[str, Any]:
            self.reached.append("make")
            return {"made": body.package_id}

        @api.on("PUT", "/things/{id}", ADMINS)
        def put(thing_id: Annotated[Id, Path(alias="id")], body: CustomerBody) -> dict[str, Any]:
            self.reached.append("put")
            return {"id": thing_id, "email": body.email}

        @api.on("GET", "/fails/{how}", PUBLIC)
        def fail(how: Annotated[str, Path()]) -> dict[str, Any]:
            raise {
                "crash": KeyError(SECRET_TEXT),
                "missing": NotFound("no such thing"),
                "down": GatewayUnavailable("operator text"),
                "unset": ConfigurationError("the secret names no userKeys"),
                "key": GatewayKeyRefused("Duitku answered 401"),
                "invalid": InvalidInput.of("x", SECRET_TEXT),
            }[how]

    def answer(self, route: str, path: str | None = None, **more: Any) -> tuple[int, Any]:
        """Serve one request; return status and decoded body."""
        response = self.api.resolve(request(route, path, **more), CONTEXT)
        return response["statusCode"], json.loads(response["body"])

    def raw(self, event: dict[str, Any]) -> dict[str, Any]:
        """Serve one event; return the whole response."""
        return self.api.resolve(event, CONTEXT)


@pytest.fixture
def served() -> Served:
    return Served()


def test_a_route_cannot_be_registered_without_an_access() -> None:
    with pytest.raises(TypeError):
        LunasApi().on("GET", "/things")  # type: ignore[call-arg]


def test_a_route_registered_without_the_access_check_is_refused(served: Served) -> None:
    @served.api.get("/sneaked-in")
    def sneaked_in() -> dict[str, str]:
        served.reached.append("sneaked in")
        return {}

    status, body = served.answer("GET /sneaked-in", token=user_token(role="ADMIN"))
    assert (status, body["type"]) == (403, "urn:lunas:problem:forbidden")
    assert served.reached == []


@pytest.mark.parametrize("route", ["GET /unknown", "DELETE /things/{id}", "$default", "", "GET"])
def test_an_unknown_route_key_is_refused(served: Served, route: str) -> None:
    status, _ = served.answer(route, "/things/t1", token=user_token(role="ADMIN"))
    assert status == 403
    assert served.reached == []


def test_an_event_without_a_route_key_is_refused(served: Served) -> None:
    event = request("GET /open")
    del event["routeKey"]
    assert served.raw(event)["statusCode"] == 403


def test_a_public_route_needs_no_token(served: Served) -> None:
    assert served.answer("GET /open") == (200, {"requestId": "rq1"})


def test_a_callers_identity_reaches_the_handler(served: Served) -> None:
    status, body = served.answer("GET /things/{id}", "/things/t1", token=user_token("u7"))
    assert (status, body["caller"], body["id"]) == (200, "user:u7", "t1")


def test_a_request_never_sees_the_caller_of_another(served: Served) -> None:
    for sub in ("u1", "u2", "u1"):
        _, body = served.answer("GET /things/{id}", "/things/t1", token=user_token(sub))
        assert body["caller"] == f"user:{sub}"


def test_a_service_is_admitted_by_its_scope(served: Served) -> None:
    headers = service_headers(service_token())
    status, body = served.answer("GET /things/{id}", "/things/t1", headers=headers)
    assert (status, body["caller"]) == (200, "service:crm")


@pytest.mark.parametrize("route", ["GET /things/{id}", "POST /things", "PUT /things/{id}"])
def test_without_a_token_every_other_route_is_a_401(served: Served, route: str) -> None:
    answer = served.raw(request(route, "/things/t1"))
    assert answer["statusCode"] == 401
    assert answer["headers"]["WWW-Authenticate"] == "Bearer"
    assert served.reached == []


def test_a_user_is_refused_at_an_admin_route(served: Served) -> None:
    body = {"firstName": "A", "lastName": "B", "email": "a@b.co"}
    status, _ = served.answer("PUT /things/{id}", "/things/t1", body=body, token=user_token())
    assert (status, served.reached) == (403, [])


BAD_BODIES = ["{", "x" * 70_000, "[" * 60_000, "\ud800"]


@pytest.mark.parametrize("body", BAD_BODIES, ids=["cut", "huge", "nested", "surrogate"])
@pytest.mark.parametrize(("token", "status"), [(None, 401), (user_token(), 403)])
def test_a_body_is_not_checked_before_the_caller_is_admitted(
    served: Served, body: str, token: str | None, status: int
) -> None:
    assert served.answer("PUT /things/{id}", "/things/t1", body=body, token=token)[0] == status


def post(served: Served, **more: Any) -> tuple[int, Any]:
    return served.answer("POST /things", token=user_token(), **more)


@pytest.mark.parametrize("body", ["{", "nul", "[" * 60_000, "\ud800", '{"a": 1}}'])
def test_a_body_that_is_not_json_is_a_400(served: Served, body: str) -> None:
    status, problem = post(served, body=body)
    assert (status, problem["type"]) == (400, "urn:lunas:problem:malformed")


def test_a_body_too_large_is_a_413(served: Served) -> None:
    status, problem = post(served, body={"packageId": "p" * 70_000})
    assert (status, problem["type"]) == (413, "urn:lunas:problem:body-too-large")


@pytest.mark.parametrize(
    "given",
    [
        "Application/Json",
        "APPLICATION/JSON; charset=UTF-8",
        " application/json ;charset=utf-8",
        'application/JSON; Charset="UTF-8"',
    ],
)
@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_media_types_are_case_insensitive(served: Served, given: str, name: str) -> None:
    event = request("POST /things", body={"packageId": "p1"}, token=user_token())
    del event["headers"]["content-type"]
    event["headers"][name] = given
    assert served.raw(event)["statusCode"] == 200
    assert served.reached == ["make"]


@pytest.mark.parametrize("given", ["text/plain", "Multipart/Form-Data", "nonsense", "\u00e9", ""])
@pytest.mark.parametrize("body", [None, "", "{", "a=b", "[1]"])
def test_a_route_without_a_body_ignores_it(served: Served, given: str, body: str | None) -> None:
    more = {"body": body, "headers": {"content-type": given}, "token": user_token()}
    assert served.answer("GET /things/{id}", "/things/t1", **more)[0] == 200


@pytest.mark.parametrize("given", ["text/plain", "Multipart/Form-Data", "nonsense", ""])
def test_without_a_body_the_media_type_is_ignored(served: Served, given: str) -> None:
    status, problem = post(served, headers={"content-type": given})
    assert (status, problem["type"]) == (422, "urn:lunas:problem:invalid-input")


@pytest.mark.parametrize(
    "given",
    ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "nonsense", ""],
)
def test_a_body_of_another_media_type_is_a_415(served: Served, given: str) -> None:
    status, problem = post(served, body={"packageId": "p1"}, headers={"content-type": given})
    assert (status, problem["type"]) == (415, "urn:lunas:problem:unsupported-media-type")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["packageId"]),
        ({"packageId": "../p1"}, ["packageId"]),
        ({"packageId": "\ud800"}, ["packageId"]),
        ({"packageId": 7}, ["packageId"]),
        (
            {"packageId": "p1", "customer": {"phone": "12"}},
            ["customer.email", "customer.firstName", "customer.phone"],
        ),
        ({"packageId": "p1", "paymentMethod": "bca"}, ["paymentMethod"]),
        ({"packageId": "p1", "returnUrl": "http://evil.example"}, ["returnUrl"]),
        ([], ["body"]),
        ("text", ["body"]),
        (7, ["body"]),
    ],
    ids=str,
)
def test_invalid_values_are_a_422_that_names_each_field(
    served: Served, body: object, fields: list[str]
) -> None:
    status, problem = post(served, body=json.dumps(body))
    assert (status, problem["type"]) == (422, "urn:lunas:problem:invalid-input")
    assert sorted({each["field"] for each in problem["errors"]}) == fields
    assert served.reached == []


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"packageId": "p1", "customer": {"phone": "+62"}}, "customer.firstName must not be empty"),
        ({"customer": {"email": "x"}, "packageId": "p1"}, "customer.email must be an e-mail"),
        ({"packageId": "p1", "returnUrl": "ftp://x.example"}, "returnUrl must be"),
        ({}, "packageId Field required"),
    ],
    ids=str,
)
def test_an_invalid_field_is_explained_for_a_form(
    served: Served, body: object, message: str
) -> None:
    _, problem = post(served, body=json.dumps(body))
    lines = [f"{each['field']} {each['message']}" for each in problem["errors"]]
    assert any(line.startswith(message) for line in lines), lines
    assert "Value" not in " ".join(lines)


def test_a_missing_body_is_a_422(served: Served) -> None:
    status, problem = post(served)
    assert (status, [each["field"] for each in problem["errors"]]) == (422, ["body"])


def test_invalid_values_are_never_quoted(served: Served, logged: Logged) -> None:
    customer = {"firstName": SECRET_TEXT * 9, "lastName": "", "email": f"<{SECRET_TEXT}>"}
    body = {"packageId": SECRET_TEXT, "customer": {**customer, "phone": SECRET_TEXT}}
    answer = served.raw(request("POST /things", body=body, token=user_token()))
    assert answer["statusCode"] == 422
    assert "hunter2" not in answer["body"] + logged.text


@pytest.mark.parametrize(("size", "status"), [("1", 200), ("0", 422), ("x", 422)])
def test_values_of_the_query_are_checked(served: Served, size: str, status: int) -> None:
    more = {"query": {"size": size}, "token": user_token()}
    assert served.answer("GET /things/{id}", "/things/t1", **more)[0] == status


@pytest.mark.parametrize("thing", ["a b", "..%2f", "x" * 65, "-x", "a|b"])
def test_values_of_the_path_are_checked(served: Served, thing: str) -> None:
    status, _ = served.answer("GET /things/{id}", f"/things/{thing}", token=user_token())
    assert status in {404, 422}
    assert served.reached == []


def test_a_path_without_a_handler_is_a_404(served: Served) -> None:
    status, problem = served.answer("GET /open", "/elsewhere")
    assert (status, problem["type"]) == (404, "urn:lunas:problem:not-found")


def test_a_domain_error_is_answered_as_its_problem(served: Served) -> None:
    answer = served.raw(request("GET /fails/{how}", "/fails/missing"))
    assert answer["statusCode"] == 404
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert json.loads(answer["body"])["detail"] == "no such thing"


def test_a_failing_gateway_is_a_503_with_retry_after(served: Served, logged: Logged) -> None:
    answer = served.raw(request("GET /fails/{how}", "/fails/down"))
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "5")
    assert "operator text" not in answer["body"]
    assert logged.lines[-1]["level"] == "ERROR"
    assert logged.lines[-1]["reason"] == "operator text"


@pytest.mark.parametrize(
    ("how", "status", "metrics"),
    [
        ("unset", 500, ["ServerError"]),
        ("key", 502, ["ServerError"]),
        ("down", 503, ["DependencyError"]),
        ("missing", 404, []),
        ("invalid", 422, []),
    ],
)
def test_a_response_of_500_or_above_is_counted(
    served: Served, logged: Logged, how: str, status: int, metrics: list[str]
) -> None:
    """A log line raises no alarm: a wrong secret would take the API down unnoticed."""
    assert served.answer("GET /fails/{how}", f"/fails/{how}")[0] == status
    assert logged.metrics() == metrics


def test_a_missing_secret_is_counted_before_a_route_is_reached(
    served: Served, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unset(_: str) -> dict[str, object]:
        raise ConfigurationError("AUTH_SECRET_ID is not set")

    monkeypatch.setattr("lunas.api.auth.secret", unset)
    assert served.answer("POST /things", token=user_token())[0] == 500
    assert logged.metrics() == ["ServerError"]


def test_an_unexpected_error_is_a_500_without_details(served: Served, logged: Logged) -> None:
    status, problem = served.answer("GET /fails/{how}", "/fails/crash")
    assert (status, problem["type"]) == (500, "urn:lunas:problem:internal")
    assert problem["requestId"] == "rq1"
    assert "hunter2" not in json.dumps(problem) + logged.text
    assert "KeyError" not in json.dumps(problem)


def test_an_unexpected_error_is_logged_by_type_and_place(served: Served, logged: Logged) -> None:
    served.answer("GET /fails/{how}", "/fails/crash")
    (line,) = logged.lines
    assert (line["level"], line["error"], line["correlation_id"]) == ("ERROR", "KeyError", "rq1")
    assert any("test_app.py" in place for place in line["places"])
    assert logged.metrics() == ["UnexpectedError"]


def test_an_unexpected_error_during_authentication_is_a_500_too(
    served: Served, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(_: str) -> dict[str, object]:
        raise RuntimeError(SECRET_TEXT)

    monkeypatch.setattr("lunas.api.auth.secret", crash)
    status, problem = served.answer("POST /things", token=user_token())
    assert (status, problem["type"]) == (500, "urn:lunas:problem:internal")
    assert "hunter2" not in json.dumps(problem) + logged.text
    assert logged.messages() == ["unexpected error"]


def test_a_refusal_is_one_log_line_with_caller_route_and_reason(
    served: Served, logged: Logged
) -> None:
    served.answer("PUT /things/{id}", "/things/t1", token=user_token("u7"))
    (line,) = logged.lines
    assert (line["message"], line["code"], line["status"]) == ("refused", "forbidden", 403)
    assert (line["caller"], line["route"]) == ("user:u7", "PUT /things/{id}")


def test_invalid_input_is_logged_by_field_names_only(served: Served, logged: Logged) -> None:
    served.answer("GET /fails/{how}", "/fails/invalid")
    (line,) = logged.lines
    assert (line["fields"], line["reason"]) == (["x"], "invalid-input")
    assert "hunter2" not in logged.text


def test_no_token_key_or_address_reaches_the_log(served: Served, logged: Logged) -> None:
    token = user_token("u1")
    served.answer("PUT /things/{id}", "/things/t1", token=token)
    served.answer("GET /things/{id}", "/things/t1", headers=service_headers(service_token(sub="")))
    served.answer("GET /things/{id}", "/things/t1", token=f"{token}x")
    for kept_back in (token, "service-api-key", "u1@example.com", "Santoso"):
        assert kept_back not in logged.text


def test_the_log_keys_of_a_request_do_not_carry_over_to_the_next(
    served: Served, logged: Logged
) -> None:
    served.answer("PUT /things/{id}", "/things/t1", token=user_token("u7"))
    served.answer("GET /fails/{how}", "/fails/missing")
    assert "caller" not in logged.lines[-1]


@pytest.mark.parametrize(
    ("route", "path"),
    [
        ("GET /open", "/fails/missing"),
        ("GET /things/{id}", "/open"),
        ("GET /open", "/things/t1"),
        ("POST /things", "/things/t1"),
    ],
)
def test_a_path_of_another_route_than_the_route_key_is_a_404(
    served: Served, route: str, path: str
) -> None:
    status, problem = served.answer(route, path, token=user_token(role="ADMIN"))
    assert (status, problem["type"]) == (404, "urn:lunas:problem:not-found")
    assert served.reached == []


def test_another_method_than_that_of_the_route_key_is_a_404(served: Served) -> None:
    body = {"firstName": "A", "lastName": "B", "email": "a@b.co"}
    event = request("PUT /things/{id}", "/things/t1", body=body, token=user_token(role="ADMIN"))
    event["requestContext"]["http"]["method"] = "GET"
    assert served.raw(event)["statusCode"] == 404
    assert served.reached == []


def test_a_named_stage_does_not_change_the_route(served: Served) -> None:
    event = request("GET /things/{id}", "/dev/things/t1", token=user_token())
    event["requestContext"]["stage"] = "dev"
    assert served.raw(event)["statusCode"] == 200


def test_a_user_id_that_is_an_address_is_not_logged(served: Served, logged: Logged) -> None:
    status, body = served.answer(
        "PUT /things/{id}", "/things/t1", token=user_token("budi@example.com", email="x@y.co")
    )
    assert (status, body["type"]) == (403, "urn:lunas:problem:forbidden")
    assert logged.lines[-1]["caller"] == "user:(address)"
    assert "budi" not in logged.text


def test_a_user_id_that_is_an_address_still_reaches_the_handler(served: Served) -> None:
    token = user_token("budi@example.com")
    _, body = served.answer("GET /things/{id}", "/things/t1", token=token)
    assert body["caller"] == "user:budi@example.com"


@pytest.mark.parametrize(
    ("error", "metric"),
    [
        (ConfigurationError("the secret of AUTH_SECRET_ID is not JSON"), "ServerError"),
        (KeyError(SECRET_TEXT), "UnexpectedError"),
        (OSError(SECRET_TEXT), "UnexpectedError"),
    ],
    ids=str,
)
def test_a_public_route_answers_while_tokens_cannot_be_checked(
    served: Served,
    error: Exception,
    metric: str,
    logged: Logged,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_variable: str) -> dict[str, Any]:
        raise error

    monkeypatch.setattr(auth, "secret", fail)
    answer = served.answer("GET /seen", token=user_token(role="ADMIN"))
    assert answer == (200, {"admin": False})
    assert logged.metrics() == [metric]
    assert SECRET_TEXT not in logged.text
    # A route that needs a caller still fails.
    assert served.answer("GET /things/{id}", "/things/t1", token=user_token())[0] == 500


@pytest.mark.parametrize(
    ("token", "seen"),
    [(None, False), ("nonsense", False), ("USER", False), ("ADMIN", True)],
)
def test_a_public_route_recognizes_an_admin(served: Served, token: str | None, seen: bool) -> None:
    signed = user_token(role=token) if token in {"USER", "ADMIN"} else token
    assert served.answer("GET /seen", token=signed) == (200, {"admin": seen})
