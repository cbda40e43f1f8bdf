"""``make event``: a file of ``events/``, ready for the local stack.

The files are made up: their tokens are missing, and their webhooks are signed with made-up keys.
A stack of ``make up`` has keys of its own, new at each start.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from local.cloud import LocalCloudError, Stack

_TOKEN = "TOKEN"  # noqa: S105
_DUITKU = ("merchantCode", "amount", "merchantOrderId")
"""What Duitku signs of a callback, in this order: docs/reference/duitku.md, Signatures."""
_SIGNATURE = "x-thinkific-hmac-sha256"
_SITE = "x-thinkific-subdomain"

type Event = dict[str, Any]


class NoEvent(LocalCloudError):
    """The file is not there, or holds no event."""


class TokenNeeded(LocalCloudError):
    """The event is of a user, and none was named."""


def prepare(path: Path, running: Stack, token: Callable[[], str] | None) -> str:
    """Return an event as JSON, with a token in place of ``TOKEN`` and signed by the stack's keys.

    ``token`` makes the token, None where no user was named. Raises ``NoEvent`` and
    ``TokenNeeded``.
    """
    event = _with_token(_read(path), token)
    if isinstance(event.get("headers"), dict) and isinstance(event.get("body"), str):
        event = _signed(event, running)
    return json.dumps(event, indent=2)


def _read(path: Path) -> Event:
    try:
        event = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        message = f"{path} is not a sample event: {error}; events/README.md lists them"
        raise NoEvent(message) from error
    if not isinstance(event, dict):
        raise NoEvent(f"{path} is not a sample event: events/README.md lists them")
    return event


def _with_token(event: Event, token: Callable[[], str] | None) -> Event:
    headers = event.get("headers")
    if not isinstance(headers, dict) or headers.get("authorization") != f"Bearer {_TOKEN}":
        return event
    if token is None:
        message = "this event is of a user: say whose, as in SUB=u1 (and ROLE=admin for an admin)"
        raise TokenNeeded(message)
    return {**event, "headers": {**headers, "authorization": f"Bearer {token()}"}}


def _signed(event: Event, running: Stack) -> Event:
    """Sign a webhook with the stack's keys; anything else is returned as it is."""
    if _SIGNATURE in event["headers"]:
        return _signed_as_thinkific(event, running)
    fields = dict(parse_qsl(_body(event).decode(), keep_blank_values=True))
    return _signed_as_duitku(event, fields, running) if "signature" in fields else event


def _signed_as_thinkific(event: Event, running: Stack) -> Event:
    site = running.thinkific
    signature = hmac.digest(site.api_key.encode(), _body(event), hashlib.sha256).hex()
    return {**event, "headers": {**event["headers"], _SIGNATURE: signature, _SITE: site.subdomain}}


def _signed_as_duitku(event: Event, fields: dict[str, str], running: Stack) -> Event:
    fields = {**fields, "merchantCode": running.duitku.merchant_code}
    message = "".join(fields[name] for name in _DUITKU).encode()
    key = running.duitku.api_key.encode()
    fields["signature"] = hmac.digest(key, message, hashlib.sha256).hex()
    return _with_body(event, urlencode(fields).encode())


def _body(event: Event) -> bytes:
    body: str = event["body"]
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _with_body(event: Event, body: bytes) -> Event:
    is_encoded = bool(event.get("isBase64Encoded"))
    text = base64.b64encode(body).decode() if is_encoded else body.decode()
    headers = {**event["headers"], "content-length": str(len(body))}
    return {**event, "headers": headers, "body": text}
