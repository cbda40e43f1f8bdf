"""Calls Duitku: always with time-outs, errors by their meaning, no payload in any message."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import requests
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from lunas.domain.errors import (
    AmountRefused,
    ChannelRefused,
    FieldError,
    GatewayBlocked,
    GatewayKeyRefused,
    GatewayRefused,
    GatewayTimeout,
    GatewayUnavailable,
    PurchaseRefused,
)

TIMEOUT = (3.0, 8.0)
"""Seconds to connect, and to wait for an answer: a function has time for a query and an order."""
KNOWN = (
    "Minimum Payment",
    "Maximum Payment",
    "is mandatory",
    "length of",
    "Invalid Email Address",
    "Customer VA Name must not be empty",
    "Wrong signature",
    "Merchant not found",
    "Payment channel not available",
    "Payment amount must be equal to all item price",
    "Failed to generate",
    "already paid",
    "in progress",
    "Unauthorized",
)
"""Beginnings of Duitku's error texts (docs/reference/duitku.md, Errors)."""
OF_THE_BUYER = frozenset(
    {"Minimum Payment", "Maximum Payment", "Invalid Email Address", "Payment channel not available"}
)
"""The known texts that refuse the buyer's choice, whatever the status of the answer."""
IN_PROGRESS = "in progress"
"""The known text of an order that Duitku still processes, so its outcome is unknown."""
USER_AGENT = "Lunas/1"


class UnknownOrder(GatewayRefused, code="gateway-unknown-order"):
    """Duitku does not know the order (404)."""


class CutOffError(Exception):
    """The connection ended before the answer was complete."""


def post_json(
    session: requests.Session, url: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    """POST a JSON object and return the JSON object of a 200.

    Raises GatewayTimeout or GatewayUnavailable if the outcome is unknown (no answer, 5xx, 429, an
    answer that is not a JSON object), UnknownOrder on 404, GatewayRefused on any other refusal. A
    known text takes precedence over the status (:func:`by_text`). The body of an error is
    ``{"Message"}``, an object keyed by field, text, HTML or empty (docs/reference/duitku.md,
    Errors).
    """
    try:
        return post_json_once(session, url, body, headers)
    except CutOffError as cut:
        raise GatewayUnavailable(str(cut)) from None


def post_json_once(
    session: requests.Session, url: str, body: Mapping[str, Any], headers: Mapping[str, str]
) -> dict[str, Any]:
    """Like :func:`post_json`, but raises CutOffError, for a caller that can repeat the call."""
    try:
        answer = session.post(
            url,
            json=body,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json", **headers},
            timeout=TIMEOUT,
            allow_redirects=False,
        )
    except requests.Timeout:
        raise GatewayTimeout("Duitku did not answer in time") from None
    except requests.RequestException as error:
        raise _connection_error(error) from None
    if answer.status_code != HTTPStatus.OK:
        raise refusal(answer)
    return json_object(answer)


def _connection_error(error: requests.RequestException) -> GatewayUnavailable | CutOffError:
    """Return CutOffError if the connection ended, else the error of a time-out or no connection."""
    cause = error.args[0] if error.args else None
    if isinstance(cause, ReadTimeoutError):
        return GatewayTimeout("Duitku did not answer in time")
    kind = CutOffError if isinstance(cause, ProtocolError) else GatewayUnavailable
    return kind(f"Duitku cannot be reached: {type(error).__name__}")


def json_object(answer: requests.Response) -> dict[str, Any]:
    """Return the JSON object of a 200; raises the error of its text, or GatewayUnavailable."""
    try:
        value = answer.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        text = f"Duitku answered 200 without a JSON object: {error_text(answer.text)}"
        raise by_text(text) or GatewayUnavailable(text)
    return value


def refusal(answer: requests.Response) -> GatewayRefused | GatewayUnavailable:
    """Return the error of an answer other than 200."""
    status = answer.status_code
    text = f"Duitku answered {status}: {error_text(answer.text)}"
    if status == HTTPStatus.NOT_FOUND:
        return UnknownOrder(text)
    if status == HTTPStatus.UNAUTHORIZED:
        return GatewayKeyRefused(f"{text}; check merchantCode and apiKey of the Duitku secret")
    if clear := by_text(text):
        return clear
    if status in {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}:
        return GatewayBlocked(text)
    passing = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT}
    refused = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if status in passing or not refused:
        return GatewayUnavailable(text)
    return GatewayRefused(text)


def not_accepted(answer: Mapping[str, Any]) -> GatewayRefused | GatewayUnavailable:
    """Return the error of a 200 whose statusCode is not success."""
    known = _known_in(_joined(answer))
    text = f"Duitku answered statusCode {answer.get('statusCode')!r:.20}: {known}"
    return by_text(text) or GatewayRefused(text)


def by_text(text: str) -> GatewayRefused | GatewayUnavailable | None:
    """Return the error of a text that is more specific than the status; None for any other."""
    if any(known in text for known in OF_THE_BUYER):
        return GatewayRefused(text)
    return GatewayUnavailable(text) if IN_PROGRESS in text else None


def error_text(body: str) -> str:
    """Return the documented error text in a body.

    Any other text is dropped: it may quote the buyer's name, address or phone.
    """
    return _known_in(_readable(body))


def _known_in(text: str) -> str:
    lowered = text.lower()
    return next((each for each in KNOWN if each.lower() in lowered), "no known text")


def _readable(body: str) -> str:
    try:
        value = json.loads(body)
    except ValueError:
        return "no JSON" if "<" in body else body.strip()
    return _joined(value) if isinstance(value, dict) else str(value)


def _joined(answer: Mapping[str, Any]) -> str:
    return "; ".join(str(each) for each in answer.values())


LIMITS = {"Minimum Payment": "below its minimum", "Maximum Payment": "above its maximum"}
"""Duitku's text about an amount, and the message for the buyer."""


def choice_refused(
    refused: GatewayRefused, payment_method: str | None, amount: int
) -> PurchaseRefused | None:
    """Return a refusal of the buyer's choice, with the field; None for any other refusal.

    ``amount`` is in whole rupiah. Without a named channel, the field is the package.
    """
    text = str(refused)
    for known, meaning in LIMITS.items():
        if known in text:
            return AmountRefused(text, _limit(payment_method, amount, meaning))
    if "Invalid Email Address" in text:
        return PurchaseRefused(text, FieldError("customer.email", "Duitku does not accept it"))
    if payment_method and _is_about_channel(refused):
        message = (
            f"Duitku does not offer {payment_method} to this merchant; name another one, or none"
        )
        return ChannelRefused(text, FieldError("paymentMethod", message))
    return None


def _limit(payment_method: str | None, amount: int, meaning: str) -> FieldError:
    if payment_method is None:
        return FieldError("packageId", f"Duitku cannot take {amount} rupiah: {meaning}")
    message = f"{payment_method} cannot take {amount} rupiah: {meaning}; name another one, or none"
    return FieldError("paymentMethod", message)


def _is_about_channel(refused: GatewayRefused) -> bool:
    """Return whether Duitku refused the channel.

    An inquiry creates its order, so a 404 cannot mean an unknown order: it means the channel,
    unless its text names the merchant, which means a wrong account or host in the settings.
    """
    if "Merchant not found" in str(refused):
        return False
    return isinstance(refused, UnknownOrder) or "channel" in str(refused)
