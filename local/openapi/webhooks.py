"""The routes without a resolver, by hand: a peer decides what they look like."""

from collections.abc import Mapping
from typing import Any

from local.openapi import problems
from lunas.gateways.duitku import callbacks

type Json = dict[str, Any]

SIGNATURE_HEADER = "X-Thinkific-Hmac-Sha256"
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
REFUSED = (
    "malformed-form", "wrongly-signed", "body-too-large", "not-a-form", "internal", "store-busy",
    "gateway-unavailable",
)  # fmt: skip
DUITKU: Json = {
    "operationId": "receiveDuitkuCallback",
    "tags": ["Webhooks"],
    "summary": "Hear that Duitku has something to tell about an order",
    "description": (
        "Open to whoever signs rightly. 200 once the callback is dealt with, or kept for a "
        "person, or while Duitku itself says that nothing is paid; 503 when Duitku cannot be "
        "asked, so that it sends the callback again."
    ),
    "security": [],
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {"$ref": "#/components/schemas/DuitkuCallback"},
                "examples": {"paid": {"value": EXAMPLE}},
            }
        },
    },
    "responses": {
        "200": {
            "description": "Dealt with",
            "content": {
                "text/plain": {"schema": {"type": "string", "const": "OK"}, "example": "OK"}
            },
        },
        **problems.responses(REFUSED),
    },
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
    "name": SIGNATURE_HEADER,
    "in": "header",
    "required": True,
    "description": "HMAC-SHA256 of the body as it is, in lower-case hex.",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    "example": "c2953baead8392ed329f550bea46001ff2b06c93493883d994f6ec563b31a923",
}
UNHEARD = ("malformed", "wrongly-signed", "body-too-large", "internal")
THINKIFIC: Json = {
    "operationId": "receiveThinkificEvent",
    "tags": ["Webhooks"],
    "summary": "Hear what a learner did at Thinkific",
    "description": (
        "Open to whoever signs rightly. 200 once the event is queued, or is of no use; its "
        "effect comes some moments later."
    ),
    "security": [],
    "parameters": [SIGNED],
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/ThinkificEvent"},
                "examples": {"progress": {"value": PROGRESS}},
            }
        },
    },
    "responses": {
        "200": {
            "description": "Queued, or of no use",
            "content": {
                "text/plain": {"schema": {"type": "string", "const": "OK"}, "example": "OK"}
            },
        },
        **problems.responses(UNHEARD),
    },
}
PATHS: Mapping[str, Json] = {
    "/webhooks/duitku": {"post": DUITKU},
    "/webhooks/thinkific": {"post": THINKIFIC},
}
SCHEMAS: Mapping[str, Json] = {"DuitkuCallback": CALLBACK, "ThinkificEvent": EVENT}
