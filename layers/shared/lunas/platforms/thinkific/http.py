"""Calls Thinkific: always with time-outs, and without personal data in messages of errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

import requests
from urllib3.exceptions import NewConnectionError

from lunas.domain.delivery import LONGEST_RETRY
from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible, RateLimited
from lunas.http_sessions import fresh_session
from lunas.platforms.thinkific.credentials import Credentials
from lunas.platforms.thinkific.rate_limiter import Limiter, reset_delay
from lunas.platforms.thinkific.rejections import address_taken, field_errors

TIMEOUT = (2.0, 6.0)
"""Seconds to connect, and to wait for an answer. The limiter gives no permit to a call that could
last longer than the invocation."""
REFUSED_DELAY = LONGEST_RETRY
"""Seconds until the retry after 401, 403 or 404: a person has to correct something first."""
LIMIT_DELAY = 60.0
"""Seconds until the retry after 429 without a readable RateLimit-Reset."""
USER_AGENT = "Lunas/1"


@dataclass(frozen=True, slots=True)
class ThinkificSite:
    """The address of the API and the credentials of the site."""

    api_url: str
    credentials: Credentials

    def headers(self) -> dict[str, str]:
        """Return the headers of the next call."""
        return {
            **self.credentials.headers(),
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
        }


UNTOUCHED = frozenset({521, 523, 525, 526, 530})
"""Statuses of a proxy that did not pass the request on.

503 is not one of them: a router also returns it for a request that it has passed on."""
AMBIGUOUS = (
    frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT, *range(520, 528)}) - UNTOUCHED
)
"""Statuses of a proxy that got no answer from Thinkific."""


class Unanswered(DeliveryDelayed, code="thinkific-unanswered"):
    """The outcome of a request is unknown: Thinkific may still carry it out."""


class Untouched(DeliveryDelayed, code="thinkific-untouched"):
    """The request did not reach Thinkific, so it changed nothing."""


class Rejected(DeliveryImpossible, code="thinkific-rejected"):
    """Thinkific refused the values of a request (400, 409, 422), with its texts by field.

    ``address_taken``: according to the answer, the e-mail address has an account already.
    """

    def __init__(
        self, status: int, errors: Mapping[str, str], *, address_taken: bool = False
    ) -> None:
        names = ", ".join(sorted(errors)) or "no field named"
        super().__init__(f"Thinkific answered {status}: {names}")
        self.status = status
        self.errors = errors
        self.address_taken = address_taken


class Missing(DeliveryDelayed, code="thinkific-missing"):
    """Thinkific answered 404. For a list, this means that the URL or its routing is wrong."""


class AccessRefused(DeliveryDelayed, code="thinkific-access-refused", misconfigured=True):
    """Thinkific answered 401 or 403: a person has to fix the key, token, plan or scope."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Thinkific refuses access with {status}", REFUSED_DELAY)
        self.status = status


class ThinkificApi:
    """Sends requests to the Admin API v1 of one site, each with a permit of ``limiter``.

    Each call carries ``correlation_id``, so that a call in the log of a proxy or of Thinkific can
    be traced back to the request that caused it.
    """

    BASE: ClassVar = "/api/public/v1"

    def __init__(
        self,
        site: ThinkificSite,
        limiter: Limiter,
        correlation_id: str | None = None,
        session: requests.Session | None = None,
    ) -> None:
        self._site = site
        self._limiter = limiter
        self._trace_headers = {"X-Correlation-Id": correlation_id} if correlation_id else {}
        self._session = session or fresh_session()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """GET a JSON object; raises DeliveryDelayed or DeliveryImpossible."""
        return _json_object(self._send("GET", path, query=query))

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST and return the JSON object of a 201; raises Rejected as well."""
        return _json_object(self._send("POST", path, body=body))

    def post_unread(self, path: str, body: Mapping[str, Any]) -> None:
        """POST and ignore the answer's body, as it is not documented; raises like :meth:`post`."""
        self._send("POST", path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> None:
        """PUT; Thinkific answers with an empty 204."""
        self._send("PUT", path, body=body)

    def delete(self, path: str) -> None:
        """DELETE; Thinkific answers with an empty 204."""
        self._send("DELETE", path)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> requests.Response:
        answer = self._answer(method, path, query, body)
        if answer.status_code == HTTPStatus.UNAUTHORIZED and self._replaced():
            # The token expired since it was read; a request answered by 401 changed nothing.
            answer = self._answer(method, path, query, body)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise self._limited(answer)
        # A redirect is no success either, with or without a Location.
        if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise _refusal(answer)
        return answer

    def _replaced(self) -> bool:
        return _unsent(self._site.credentials.replaced)

    def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, str | int] | None,
        body: Mapping[str, Any] | None,
    ) -> requests.Response:
        """Send once there is a permit. Credentials come first: without them none is used up."""
        url = f"{self._site.api_url}{self.BASE}{path}"
        headers = _unsent(self._site.headers) | self._trace_headers
        self._limiter.acquire()
        try:
            return self._session.request(
                method,
                url,
                params=query,
                json=body,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
            )
        # The original error would quote the URL with the learner's address.
        except requests.ConnectTimeout:
            raise Untouched("Thinkific could not be connected to in time") from None
        except requests.Timeout:
            raise Unanswered("Thinkific did not answer in time") from None
        except requests.RequestException as error:
            if _never_connected(error):
                raise Untouched("Thinkific could not be connected to") from None
            raise Unanswered(f"Thinkific: {type(error).__name__}") from None

    def _limited(self, answer: requests.Response) -> RateLimited:
        """Stop the calls of all workers until the limit is reset."""
        delay = reset_delay(answer.headers.get("RateLimit-Reset")) or LIMIT_DELAY
        self._limiter.rest(delay)
        return RateLimited("Thinkific's rate limit is reached", delay)


def _unsent[T](look: Callable[[], T]) -> T:
    """Read credentials. Without them no request changed anything: Untouched."""
    try:
        return look()
    except DeliveryDelayed as error:
        raise Untouched(str(error), error.retry_after) from None


def _refusal(answer: requests.Response) -> DeliveryDelayed | DeliveryImpossible:
    status = answer.status_code
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return AccessRefused(status)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.CONFLICT | HTTPStatus.UNPROCESSABLE_ENTITY:
            body = _json(answer) or answer.text
            return Rejected(status, field_errors(body), address_taken=address_taken(body))
        case HTTPStatus.NOT_FOUND:
            return Missing("Thinkific answered 404", REFUSED_DELAY)
        case _ if status in UNTOUCHED:
            return Untouched(f"Thinkific answered {status}")
        case _ if status in AMBIGUOUS:
            return Unanswered(f"Thinkific answered {status}")
        case _:
            # Other 5xx, 503 among them, and redirects.
            return DeliveryDelayed(f"Thinkific answered {status}")


def _never_connected(error: requests.RequestException) -> bool:
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)


def _json(answer: requests.Response) -> object:
    try:
        return answer.json()
    except (ValueError, RecursionError):
        return None


def _json_object(answer: requests.Response) -> dict[str, Any]:
    value = _json(answer)
    if not isinstance(value, dict):
        raise DeliveryDelayed("Thinkific answered without a JSON object")
    return value
