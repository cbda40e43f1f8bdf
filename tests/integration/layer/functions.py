"""The functions, loaded as Lambda loads them: one file, no package."""

import importlib.util
import json
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

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
    return module


def invoke(name: str, event: dict[str, Any]) -> Any:
    """Invoke a function with an event."""
    return load(name).handler(event, Context())


def call(name: str, route: str, path: str | None = None, **more: Any) -> tuple[int, Any]:
    """Send a request of the HTTP API to a function; return status and decoded body."""
    answer = invoke(name, request(route, path, **more))
    return answer["statusCode"], json.loads(answer["body"])
