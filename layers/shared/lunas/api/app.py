"""The HTTP API: Powertools' resolver with access denied by default, and errors as problem+json.

API Gateway names the route that it matched (``routeKey``), so a caller is authorized before
anything of the request is parsed. A route cannot be registered without an access, and a request
for any other route key is refused.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares import NextMiddleware
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api import http_events, problems
from lunas.api.auth import RouteAccess, authenticate
from lunas.api.parameters import PATTERN_MESSAGES
from lunas.domain.errors import (
    FieldError,
    Forbidden,
    InvalidInput,
    LunasError,
    MalformedInput,
    NotFound,
    ProviderUnavailable,
    Unauthenticated,
)
from lunas.domain.users import Caller, Role
from lunas.observability import logger

SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route's access and handler, with its name and responses in the OpenAPI document.

    ``responses`` maps the statuses of success to OpenAPI responses. If it is empty, the response is
    200; a response without ``content`` is the JSON that the handler returns.
    """

    access: RouteAccess
    handler: Callable[..., Any]
    name: str
    responses: Mapping[int, Mapping[str, Any]]

    @property
    def takes_body(self) -> bool:
        """Whether the handler has a parameter for the body; else no body is read."""
        return "body" in self.handler.__annotations__


class LunasApi(APIGatewayHttpResolver):
    """One function's part of the HTTP API."""

    def __init__(self) -> None:
        super().__init__(enable_validation=True)
        self.endpoints: dict[str, Endpoint] = {}
        self.use([_check_same_route])
        self.exception_handler(LunasError)(self._problem)
        self.exception_handler(RequestValidationError)(self._invalid)
        self.not_found(self._unknown_route)
        self.exception_handler(Exception)(self._crashed)

    def on[F: Callable[..., Any]](
        self,
        method: str,
        path: str,
        access: RouteAccess,
        responses: Mapping[int, Mapping[str, Any]] | None = None,
        *,
        name: str | None = None,
        **options: Any,  # noqa: ANN401  (those of Powertools)
    ) -> Callable[[F], F]:
        """Register a handler for a route such as ``GET /payments/{id}``, open to ``access``.

        The handler gets the body of the request as the parameter ``body``. Its docstring, its
        return type and ``responses`` document the route, see :class:`Endpoint`; a last sentence
        "Raises …" in the docstring lists its errors. ``name`` defaults to that of the handler.
        """
        register = self.route(path.replace("{", "<").replace("}", ">"), method, **options)

        def registered(handler: F) -> F:
            self.endpoints[f"{method} {path}"] = Endpoint(
                access, handler, name or handler.__name__, responses or {}
            )
            # Powertools checks no response, since building its types would slow every start.
            unchecked = inspect.signature(handler).replace(return_annotation=Any)
            vars(handler)["__signature__"] = unchecked
            return register(handler)

        return registered

    @property
    def caller(self) -> Caller:
        """Return the caller of the current request; public routes have none."""
        caller: Caller = self.context["caller"]
        return caller

    @property
    def is_admin_asking(self) -> bool:
        """Whether the caller of a public route has a valid token of an admin.

        With an invalid token, the caller gets the public response.
        """
        headers = http_events.lower_headers(self.current_event.raw_event)
        if "authorization" not in headers:
            return False
        try:
            return authenticate(headers).role is Role.ADMIN
        except (Unauthenticated, ProviderUnavailable):
            # A page may send an expired token.
            return False
        except Exception as error:  # noqa: BLE001  (logged and counted for the operator)
            observability.log_exception(error)
            return False

    @property
    def request_id(self) -> str:
        """Return the id of the current request."""
        return http_events.request_id(self.current_event.raw_event)

    def resolve(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        """Return the response to one request of API Gateway."""
        request_id = http_events.request_id(event)
        observability.bind(request_id, route=str(event.get("routeKey")))
        try:
            caller = self._admit(event)
            if self.endpoints[str(event.get("routeKey"))].takes_body:
                http_events.check_json(event)
        except LunasError as error:
            _log(error)
            return problems.proxy_answer(error, request_id)
        except Exception as error:  # noqa: BLE001  (the last resort: logged, answered as 500)
            observability.log_exception(error)
            return problems.proxy_answer(error, request_id)
        self.append_context(caller=caller)  # type: ignore[no-untyped-call]
        return super().resolve(http_events.declared_as_json(http_events.routed(event)), context)

    def _admit(self, event: Mapping[str, Any]) -> Caller | None:
        endpoint = self.endpoints.get(str(event.get("routeKey")))
        if endpoint is None:
            raise Forbidden("no such route")
        access = endpoint.access
        if access.public:
            return None
        caller = authenticate(http_events.lower_headers(event))
        logger.append_keys(caller=_loggable(caller.actor))
        access.check(caller)
        return caller

    def _problem(self, error: LunasError) -> Response[Any]:
        _log(error)
        return self._problem_response(error)

    def _invalid(self, error: RequestValidationError) -> Response[Any]:
        found = [_field_error(each) for each in error.errors()]
        if any(each["type"] == "json_invalid" for each in error.errors()):
            return self._problem(MalformedInput("the body is not JSON"))
        return self._problem(InvalidInput("some values are not valid", *found))

    def _unknown_route(self, _error: NotFoundError) -> Response[Any]:
        return self._problem(NotFound("there is no such path"))

    def _crashed(self, error: Exception) -> Response[Any]:
        observability.log_exception(error)
        return self._problem_response(error)

    def _problem_response(self, error: BaseException) -> Response[Any]:
        return Response(
            status_code=problems.status_of(error),
            content_type=problems.CONTENT_TYPE,
            headers=problems.headers_of(error),
            body=json.dumps(problems.problem(error, self.request_id)),
        )


def _loggable(actor: str) -> str:
    """Return an actor for the log, without a user id that looks like an address."""
    return f"{actor.partition(':')[0]}:(address)" if "@" in actor else actor


def _check_same_route(api: "LunasApi", next_middleware: NextMiddleware) -> Response[Any]:
    """Raise NotFound if the path leads to another route than the one that was authorized.

    API Gateway matches the path as sent, Powertools the decoded path.
    """
    found = f"{api.current_event.http_method.upper()} {api.request.route}"
    if found != api.current_event.raw_event.get("routeKey"):
        raise NotFound("there is no such path")
    return next_middleware(api)


def _log(error: LunasError) -> None:
    """Log a refused request on one line; of invalid input, only the names of its fields."""
    status = problems.status_of(error)
    reason = error.code if isinstance(error, InvalidInput) else str(error)
    fields = [each.field for each in error.errors] if isinstance(error, InvalidInput) else None
    write = logger.error if status >= SERVER_ERROR else logger.info
    write("refused", code=error.code, status=status.value, reason=reason, fields=fields)
    observability.count_failure(error, status)


def _field_error(error: Mapping[str, Any]) -> FieldError:
    """Name a field by its JSON path; the message never quotes the value."""
    place = [str(part) for part in error["loc"] if part not in {"body", "query", "path", "header"}]
    return FieldError(".".join(place) or "body", _message(error))


def _message(error: Mapping[str, Any]) -> str:
    """Return the message of an error for the person who filled in the form."""
    limits = error.get("ctx", {})
    if error["type"] in {"too_short", "string_too_short"} and limits.get("min_length") == 1:
        return "must not be empty"
    if error["type"] == "string_pattern_mismatch":
        return PATTERN_MESSAGES.get(limits["pattern"], "has another form than documented")
    return str(error["msg"]).removeprefix("Value error, ")
