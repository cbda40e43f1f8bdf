"""The functions, loaded as Lambda loads them: one file, no package. Their policies apply.

Every response to a request of the HTTP API is checked against docs/openapi.json.
"""

import importlib.util
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema_rs

from tests.integration.layer.permissions import policy_of
from tests.support.api_requests import Context, request

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "functions"
DOCUMENT = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))


@cache
def load(name: str) -> ModuleType:
    """Return the module of a function, under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"function_{name}", FUNCTIONS / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.handler = _with_its_policy(name, module.handler)  # type: ignore[attr-defined]
    return module


def _with_its_policy(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    def held(event: object, context: object) -> Any:
        with policy_of(name):
            answer = handler(event, context)
        _check_documented(event, answer)
        return answer

    return held


def _check_documented(event: object, answer: object) -> None:
    """Fail for a status or a JSON body that the document does not describe for the route."""
    route = event.get("routeKey", "") if isinstance(event, dict) else ""
    method, _, path = route.partition(" ")
    if path and isinstance(answer, dict) and path in DOCUMENT["paths"]:
        documented = DOCUMENT["paths"][path].get(method.lower(), {}).get("responses", {})
        status = int(answer["statusCode"])
        assert str(status) in documented, (
            f"{route} answers {status}, docs/openapi.json does not name it"
        )
        schema = (
            documented[str(status)].get("content", {}).get("application/json", {}).get("schema")
        )
        media_type = (answer.get("headers") or {}).get("Content-Type", "")
        if schema and media_type.startswith("application/json") and answer.get("body"):
            _validator(json.dumps(schema)).validate(json.loads(answer["body"]))


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.validator_for(
        {**json.loads(schema), "components": DOCUMENT["components"]}, validate_formats=True
    )


def invoke(name: str, event: dict[str, Any]) -> Any:
    """Invoke a function with an event."""
    return load(name).handler(event, Context())


def call(name: str, route: str, path: str | None = None, **more: Any) -> tuple[int, Any]:
    """Send a request of the HTTP API to a function; return status and decoded body."""
    answer = invoke(name, request(route, path, **more))
    return answer["statusCode"], json.loads(answer["body"])
