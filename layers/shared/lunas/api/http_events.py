"""Reads the headers and body of requests from API Gateway and a Function URL."""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from lunas.domain.errors import BodyTooLarge, InvalidInput, MalformedInput, UnsupportedMediaType
from lunas.domain.texts import is_unicode

JSON = "application/json"
DEFAULT_STAGE = "$default"
"""The stage of an HTTP API that is not part of the path."""
FIELD = re.compile(r"[a-z][A-Za-z]{0,39}|DIKE|UMUM")
"""The names of the API's fields."""
MAX_BODY = 65_536
"""Bytes; the longest valid request is a tenth of it."""


def request_id(event: Mapping[str, Any]) -> str:
    """Return the id that API Gateway gave the request."""
    return str((event.get("requestContext") or {}).get("requestId", "unknown"))


def by_function_url(event: Mapping[str, Any]) -> bool:
    """Return whether a request came through a Function URL, which has no routes."""
    return event.get("routeKey") == "$default"


def lower_headers(event: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers with lower-case names."""
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def wire_body(event: Mapping[str, Any]) -> bytes:
    """Return the body as it is, even when it is too long or not valid Base64."""
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            return base64.b64decode(body, validate=True)
        except ValueError:
            pass
    return _as_bytes(body)


def raw_body(event: Mapping[str, Any]) -> bytes:
    """Return the body as bytes; raises BodyTooLarge or MalformedInput."""
    body = event.get("body") or ""
    if len(body) > MAX_BODY * 4 // 3 + 4:
        raise BodyTooLarge(f"the body is longer than {MAX_BODY} bytes")
    if event.get("isBase64Encoded"):
        try:
            decoded = base64.b64decode(body, validate=True)
        except ValueError:
            raise MalformedInput("the body is not valid Base64") from None
    else:
        decoded = _as_bytes(body)
    if len(decoded) > MAX_BODY:
        raise BodyTooLarge(f"the body is longer than {MAX_BODY} bytes")
    return decoded


def check_body(event: Mapping[str, Any], media_type: str) -> None:
    """Check the media type and size of a body.

    Raises UnsupportedMediaType, BodyTooLarge or MalformedInput.
    """
    check_media_type(event, media_type)
    raw_body(event)


def source_address(event: Mapping[str, Any]) -> str:
    """Return the sender's address, as API Gateway or the Function URL reports it."""
    return str((event.get("requestContext") or {}).get("http", {}).get("sourceIp", ""))


def _as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def routed(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with the path of the route that API Gateway matched, parameters encoded.

    API Gateway matches the path as sent but passes it on decoded, where a user id with a slash or
    a ``?`` is no longer one part of the path. A handler that takes free text decodes it.
    """
    path = str(event.get("routeKey")).partition(" ")[2]
    parameters = event.get("pathParameters") or {}
    for name, value in parameters.items():
        path = path.replace(f"{{{name}}}", quote(value, safe="", errors="surrogatepass"))
    if not parameters or "{" in path:
        return dict(event)
    context = event.get("requestContext") or {}
    stage = context.get("stage", DEFAULT_STAGE)
    path = path if stage == DEFAULT_STAGE else f"/{stage}{path}"
    http = {**(context.get("http") or {}), "path": path}
    return {**event, "rawPath": path, "requestContext": {**context, "http": http}}


def declared_as_json(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the event with the lower-case media type that Powertools expects.

    Bodies have passed :func:`check_json`; without a body, the media type has no meaning.
    """
    return {**event, "headers": {**lower_headers(event), "content-type": JSON}}


def check_media_type(event: Mapping[str, Any], expected: str) -> None:
    """Raise UnsupportedMediaType unless the body is declared as ``expected``."""
    given = lower_headers(event).get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise UnsupportedMediaType(f"the body must be {expected}")


def check_json(event: Mapping[str, Any]) -> None:
    """Check that a body, if there is one, is JSON in UTF-8.

    Raises BodyTooLarge, UnsupportedMediaType, MalformedInput, and InvalidInput for a list, whose
    first item Powertools would take for the body.
    """
    body = raw_body(event)
    if not body.strip():
        return
    check_media_type(event, JSON)
    try:
        value = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedInput("the body is not JSON in UTF-8") from None
    if isinstance(value, list):
        raise InvalidInput.of("body", "must be an object")
    check_unicode(value)


def check_unicode(value: object) -> None:
    """Raise InvalidInput, with the field's name, for a text that is not valid Unicode.

    JSON can hold half of a surrogate pair, which neither DynamoDB nor a provider accepts.
    """
    waiting: list[tuple[str, object]] = [("", value)]
    while waiting:  # Not recursive: a value may be nested deeper than Python's recursion limit.
        place, each = waiting.pop()
        if isinstance(each, str) and not is_unicode(each):
            raise InvalidInput.of(place.removeprefix(".") or "body", "is not valid Unicode")
        if isinstance(each, dict):
            waiting += [(place, name) for name in each]
            waiting += [(_inside(place, name), inner) for name, inner in each.items()]
        if isinstance(each, list):
            waiting += [(f"{place}.{index}", inner) for index, inner in enumerate(each)]


def _inside(place: str, name: str) -> str:
    """Return the path of a member, or of its parent if no field of the API has such a name.

    Such a name is the sender's text: it may be an address or invalid Unicode, which must not get
    into logs and responses.
    """
    return f"{place}.{name}" if FIELD.fullmatch(name) else place
