"""Events as Thinkific sends them, signed by independent code, and the enrollments behind them."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from tests.support.progress_fakes import ACCOUNT, COURSE, PLATFORM_ENROLLMENT

type Json = dict[str, Any]

KEY = "thinkific-key"
HEADER = "X-Thinkific-Hmac-Sha256"


def body(event_id: str = "71", topic: str = "enrollment.progress", **payload: Any) -> bytes:
    """Write an event about :func:`tests.support.progress_fakes.delivered`, in compact JSON."""
    resource, _, action = topic.partition(".")
    given = {
        "id": event_id,
        "resource": resource,
        "action": action,
        "tenant_id": "5",
        "created_at": "2026-11-22T03:04:05Z",
        "payload": {
            "id": int(PLATFORM_ENROLLMENT),
            "user": {"id": int(ACCOUNT), "email": "zoe@example.com", "first_name": "Zoë"},
            "course_id": int(COURSE),
            "percentage_completed": "60.0",
            "completed_at": None,
            **payload,
        },
    }
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()


def signature(content: bytes, key: str = KEY) -> str:
    """Sign as Thinkific does."""
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest()


def request(
    content: bytes, headers: Mapping[str, str] | None = None, *, encoded: bool = True
) -> Json:
    """Hand a body over as API Gateway does, correctly signed unless ``headers`` replace it."""
    text = base64.b64encode(content).decode() if encoded else content.decode()
    return {
        "version": "2.0",
        "routeKey": "POST /webhooks/thinkific",
        "rawPath": "/webhooks/thinkific",
        "headers": dict(headers) if headers else {HEADER: signature(content)},
        "requestContext": {"requestId": "r71"},
        "body": text,
        "isBase64Encoded": encoded,
    }


def platform_enrollment(
    percentage: str, *, completed_at: str | None = None, **changes: Any
) -> Json:
    """Return the enrollment as the API shows it."""
    return {
        "id": int(PLATFORM_ENROLLMENT),
        "user_id": int(ACCOUNT),
        "course_id": int(COURSE),
        "percentage_completed": percentage,
        "completed": completed_at is not None,
        "completed_at": completed_at,
        **changes,
    }
