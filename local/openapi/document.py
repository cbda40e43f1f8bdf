"""The whole document: what the functions declare, with examples and what no signature shows."""

import json
from collections.abc import Mapping
from typing import Any

from local.openapi import access, inputs, problems, samples, webhooks
from local.openapi.routes import Route, add_schemas, merged
from local.openapi.views import reference, untitled, view_schemas

type Json = dict[str, Any]

JSON = "application/json"
PAYMENTS, CATALOG, SERVICE = "Payments", "Catalog", "Service"
TAGS: Mapping[str, str] = {
    PAYMENTS: "Buying a package, through Duitku or by a manual transfer.",
    "Enrollments": "Who is enrolled in what, and whether Thinkific has the enrollment.",
    CATALOG: "What is sold.",
    "Anomalies": "Unmatched money, for a person to resolve.",
    "Thinkific": "Which Thinkific site Lunas is connected to.",
    "Webhooks": "Callbacks of Duitku, and events of Thinkific.",
    SERVICE: "The API itself.",
}
TAG_OF = {"payment": PAYMENTS, "packages": CATALOG, "courses": CATALOG}
"""By the first part of a path, where it is not the tag itself."""
UNUSED = {"HTTPValidationError", "ValidationError", "ResponseValidationError"}
"""Powertools' own errors, which the API does not return."""


def text() -> str:
    """Return the document as it is committed."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> Json:
    """Return the document."""
    described, routes = merged()
    names, shown = view_schemas({route.view for route in routes.values() if route.view})
    paths: Json = {}
    for path, methods in sorted(described["paths"].items()):
        for method, operation in sorted(methods.items()):
            route = routes[f"{method.upper()} {path}"]
            view = names.get(route.view)
            written = _operation(operation, route, view)
            successes = _successes(route, view, shown.get(view or "", {}).get("description", ""))
            written["responses"] = {**successes, **written["responses"]}
            paths.setdefault(path, {})[method] = written
    return {
        **{name: described[name] for name in ("openapi", "info", "servers")},
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "paths": {**paths, **webhooks.PATHS},
        "components": _components(described["components"]["schemas"], shown),
    }


def _operation(described: Json, route: Route, view: str | None) -> Json:
    """Write one operation but its successes; ``described``: its inputs by Powertools."""
    part = route.name.split("/")[1]
    tag = TAG_OF.get(part, part.capitalize())
    who = access.sentence(route.endpoint.access)
    written: Json = {
        "operationId": route.operation_id,
        "tags": [tag if tag in TAGS else SERVICE],
        "summary": route.summary,
        "description": f"{route.details} {who}".strip(),
        "security": access.security(route.endpoint.access),
        **{name: described[name] for name in ("deprecated",) if name in described},
    }
    if parameters := described.get("parameters"):
        item = samples.view_of(view, route.operation_id).get("id")
        written["parameters"] = [inputs.describe_parameter(each, item) for each in parameters]
    if body := described.get("requestBody"):
        written["requestBody"] = inputs.describe_body(body)
    refusals = problems.responses(problems.problems_of(route, described))
    return written | {"responses": dict(sorted(refusals.items()))}


def _successes(route: Route, view: str | None, about: str) -> Json:
    """Write the responses that the route declares: by default 200, with the view as JSON."""
    declared: Mapping[int, Mapping[str, Any]] = route.endpoint.responses or {200: {}}
    example = samples.view_of(view, route.operation_id)
    written: Json = {}
    for status, response in declared.items():
        content = {
            media_type: {"schema": reference(view), "example": example}
            if media_type == JSON and view
            else {"schema": {"type": "string"}, "example": samples.TEXTS[media_type]}
            for media_type in response.get("content", {JSON: {}})
        }
        sentence = about.partition(".")[0].partition(";")[0]
        described = {"description": sentence, **response, "content": content}
        written[str(status)] = {key: each for key, each in described.items() if each}
    return written


def _components(inputs_given: Json, shown: Json) -> Json:
    """Return schemas, examples and security schemes."""
    known = {name: schema for name, schema in inputs_given.items() if name not in UNUSED}
    inputs.check_schemas(known)
    add_schemas(known, {**shown, **webhooks.SCHEMAS})
    return {
        "schemas": untitled(dict(sorted(known.items()))),
        "examples": problems.examples(),
        "securitySchemes": dict(access.SCHEMES),
    }
