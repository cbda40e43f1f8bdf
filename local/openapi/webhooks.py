"""The routes without a resolver: a provider decides what is sent there, and how it is signed."""

from collections.abc import Mapping
from typing import Any

from local.openapi import problems
from local.openapi.views import reference
from lunas.gateways.duitku import callbacks

type Json = dict[str, Any]

SIGNATURE = "HMAC-SHA256 of merchantCode, amount and merchantOrderId, in hex."
CALLBACK: Json = {
    "type": "object",
    "description": "Duitku's callback. Only merchantCode, amount and merchantOrderId are signed.",
    "required": list(callbacks.REQUIRED),
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in callbacks.REQUIRED},
        **{name: {"type": "string"} for name in callbacks.EVIDENCE},
        "amount": {"type": "string", "pattern": f"^{callbacks.AMOUNT.pattern}$"},
        "signature": {"type": "string", "minLength": 1, "description": SIGNATURE},
    },
    "additionalProperties": {"type": "string"},
}
EXAMPLE: Json = {
    "merchantCode": "DS12345",
    "amount": "49000",
    "merchantOrderId": "pay01JD9Z3V2K8Q4",
    "signature": "2f1c9c0b7a5de4c1b1f6b9a8e0d74c35a8f2e1d09b6c4a7f3e5d2c1b0a998877",
    "resultCode": "00",
    "reference": "DS1234524ABCDEFGHIJKLMN",
    "paymentCode": "BC",
}
EVENT: Json = {
    "type": "object",
    "description": "An event of Thinkific. What is used of the payload is that of enrollments.",
    "required": ["id", "resource", "action", "payload"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "description": "The same when it comes again."},
        "resource": {"type": "string"},
        "action": {"type": "string"},
        "payload": {"type": "object"},
    },
}
PROGRESS: Json = {
    "id": "7100123",
    "resource": "enrollment",
    "action": "progress",
    "tenant_id": "5501",
    "created_at": "2026-11-22T03:04:05Z",
    "payload": {
        "id": 880012,
        "user": {"id": 55001},
        "course_id": 2000001,
        "percentage_completed": "24.0",
        "completed_at": None,
    },
}
SIGNED: Json = {
    "name": "X-Thinkific-Hmac-Sha256",
    "in": "header",
    "required": True,
    "description": "HMAC-SHA256 of the body as it is, in lower-case hex.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "example": "c2953baead8392ed329f550bea46001ff2b06c93493883d994f6ec563b31a923",
}


def _webhook(media_type: str, schema: str, example: Json, refused: tuple[str, ...]) -> Json:
    """Describe a webhook by what is sent to it, and by the errors that it is refused with."""
    sent = {"schema": reference(schema), "examples": {"sent": {"value": example}}}
    received = {"schema": {"type": "string", "const": "OK"}, "example": "OK"}
    return {
        "tags": ["Webhooks"],
        "security": [],
        "requestBody": {"required": True, "content": {media_type: sent}},
        "responses": {
            "200": {"description": "Received", "content": {"text/plain": received}},
            **problems.responses((*refused, "wrongly-signed", "body-too-large", "internal")),
        },
    }


DUITKU: Json = {
    "operationId": "receiveDuitkuCallback",
    "summary": "Receive a callback of Duitku about an order",
    "description": (
        "Anyone with a valid signature may call this. 200 once the callback is handled, or kept "
        "for a person, or while Duitku's status is not paid; 503 when Duitku cannot be asked, so "
        "that it sends the callback again."
    ),
    **_webhook(
        "application/x-www-form-urlencoded",
        "DuitkuCallback",
        EXAMPLE,
        ("malformed-form", "not-a-form", "store-busy", "gateway-unavailable"),
    ),
}
THINKIFIC: Json = {
    "operationId": "receiveThinkificEvent",
    "summary": "Receive an event of Thinkific about a learner",
    "description": (
        "Anyone with a valid signature may call this. 200 once the event is queued, or ignored; "
        "it takes effect some moments later."
    ),
    "parameters": [SIGNED],
    **_webhook("application/json", "ThinkificEvent", PROGRESS, ("malformed",)),
}
PATHS: Mapping[str, Json] = {
    "/webhooks/duitku": {"post": DUITKU},
    "/webhooks/thinkific": {"post": THINKIFIC},
}
SCHEMAS: Mapping[str, Json] = {"DuitkuCallback": CALLBACK, "ThinkificEvent": EVENT}
