"""The whole document: what the functions tell, with everything that they need not know."""

import json
from typing import Any

from local.openapi import access, inputs, problems, schemas, webhooks
from local.openapi.described import Operation
from local.openapi.merged import add_schemas, merged
from local.openapi.operations import OPERATIONS
from lunas.api.auth import Access

type Json = dict[str, Any]

SHOWN_DOCUMENT: Json = {
    "type": "object",
    "description": "An OpenAPI document.",
    "required": ["openapi", "info", "paths"],
    "properties": {
        "openapi": {"type": "string"},
        "info": {"type": "object"},
        "paths": {"type": "object"},
    },
}
UNUSED = {"HTTPValidationError", "ValidationError", "ResponseValidationError"}
"""What Powertools would answer with on its own; our errors are problems."""


def text() -> str:
    """Give the document as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> Json:
    """Make the document; raises ``KeyError`` for a route that ``operations`` does not describe."""
    told, access_of = merged()
    paths: Json = {}
    for path, methods in sorted(told["paths"].items()):
        routes = {method: f"{method.upper()} {path}" for method in sorted(methods)}
        paths[path] = {
            method: _operation(methods[method], OPERATIONS[route], access_of[route])
            for method, route in routes.items()
        }
    return {
        **{name: told[name] for name in ("openapi", "info", "servers", "tags")},
        "paths": {**paths, **webhooks.PATHS},
        "components": _components(told["components"]["schemas"]),
    }


def _operation(told: Json, described: Operation, who: Access) -> Json:
    """Write one operation from what the function tells and what is described."""
    parameters = told.get("parameters", [])
    body = told.get("requestBody")
    common = problems.shared_problems(
        who, has_body=body is not None, has_input=bool(parameters or body)
    )
    successes = {str(status): each.written() for status, each in described.answers.items()}
    example = next(iter(described.answers.values())).example
    written: Json = {
        "operationId": described.name,
        "tags": [described.tag],
        "summary": described.summary,
        "description": access.sentence(who),
        "security": access.security(who),
    }
    if described.deprecated:
        written["deprecated"] = True
    if parameters:
        item = example.get("id") if isinstance(example, dict) else None
        written["parameters"] = [inputs.describe_parameter(each, item) for each in parameters]
    if body:
        written["requestBody"] = inputs.describe_body(body)
    refusals = problems.responses((*common, *described.problems))
    return written | {"responses": {**successes, **dict(sorted(refusals.items()))}}


def _components(given: Json) -> Json:
    """Give schemas, examples and security schemes."""
    known = {name: schema for name, schema in given.items() if name not in UNUSED}
    inputs.check_schemas(known)
    add_schemas(known, schemas.shown_schemas())
    add_schemas(known, {"Document": SHOWN_DOCUMENT, **webhooks.SCHEMAS})
    return {
        "schemas": schemas.untitled(dict(sorted(known.items()))),
        "examples": problems.examples(),
        "securitySchemes": dict(access.SCHEMES),
    }
