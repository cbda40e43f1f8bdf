"""Has a deployed stack register its webhooks at Thinkific."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local.cloud.errors import LocalCloudError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

FUNCTION = "SyncProgressFunctionName"
"""The stack's output that names the function which registers them."""


class NotRegistered(LocalCloudError):
    """Thinkific refused a webhook, or could not be asked."""


def register(functions: LambdaClient, function: str) -> list[dict[str, str]]:
    """Return each topic with what became of it; raises ``NotRegistered``."""
    request = json.dumps({"webhooks": "register"}).encode()
    answer = functions.invoke(FunctionName=function, Payload=request)
    told: Any = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        message = f"the webhooks were not registered: {told.get('errorMessage', told)}"
        raise NotRegistered(message)
    found: list[dict[str, str]] = told
    return found
