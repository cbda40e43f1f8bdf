"""The functions, loaded as Lambda loads them: one file, no package. Their policies apply."""

import importlib.util
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.integration.layer.permissions import policy_of
from tests.unit.api_requests import Context, request

FUNCTIONS = Path(__file__).parents[3] / "functions"


@cache
def load(name: str) -> ModuleType:
    """Return the module of a function, under a name of its own."""
    spec = importlib.util.spec_from_file_location(f"function_{name}", FUNCTIONS / name / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.handler = _held_to_its_policy(name, module.handler)  # type: ignore[attr-defined]
    return module


def _held_to_its_policy(name: str, handler: Callable[..., Any]) -> Callable[..., Any]:
    def held(event: object, context: object) -> Any:
        with policy_of(name):
            return handler(event, context)

    return held


def invoke(name: str, event: dict[str, Any]) -> Any:
    """Invoke a function with an event."""
    return load(name).handler(event, Context())


def call(name: str, route: str, path: str | None = None, **more: Any) -> tuple[int, Any]:
    """Send a request of the HTTP API to a function; return status and decoded body."""
    answer = invoke(name, request(route, path, **more))
    return answer["statusCode"], json.loads(answer["body"])
