"""The table in memory behind botocore's clients, which build each request but do not send it."""

import json
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import handlers

from tests.support.dynamodb.errors import Refused
from tests.support.dynamodb.table import Table

type Wire = dict[str, Any]


def install(table: Table, patch: pytest.MonkeyPatch) -> None:
    """Let the table answer the DynamoDB clients of all sessions created from now on."""

    def answer(model: Any, params: Wire, **_: Any) -> tuple[SimpleNamespace, Wire]:
        try:
            status, content = 200, table.answer(model.name, json.loads(params["body"]))
        except Refused as refused:
            status, content = 400, refused.answer
        metadata = {"HTTPStatusCode": status, "RetryAttempts": 0, "HTTPHeaders": {}}
        http = SimpleNamespace(status_code=status, headers={})
        return http, {**content, "ResponseMetadata": metadata}

    patch.setattr(handlers, "BUILTIN_HANDLERS", [*handlers.BUILTIN_HANDLERS, _last(answer)])


def _last(answer: Any) -> tuple[Any, ...]:
    """Return the entry for a handler that runs after those that count, check or refuse a call."""
    return ("before-call.dynamodb", answer, handlers.REGISTER_LAST)
