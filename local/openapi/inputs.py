"""Parameters and bodies: what the functions check beyond the JSON schema that pydantic writes."""

from collections.abc import Mapping
from typing import Any

from local.openapi import samples
from local.openapi.schemas import untitled
from lunas.edges import bodies

type Json = dict[str, Any]

HOST, LOOPBACK = "[A-Za-z0-9.-]+", r"(localhost|127\.0\.0\.1)"
REST = r"(:[0-9]{1,4})?([/?#][!-\[\]-~]*)?$"
"""Port, path and query; written out, every one of them is ASCII without a backslash."""
NOT_BLANK = r"\S"
CHECKED: Mapping[str, Json] = {
    "Email": {"format": "email", "pattern": r'^[^@\s,;<>()"]+@[^@\s,;<>()"]+\.[^@\s,;<>()"]+$'},
    "Phone": {"pattern": f"^{bodies.PHONE.pattern}$"},
    "ProofLink": {"pattern": f"^https://{HOST}{REST}"},
    "ReturnUrl": {"pattern": f"^(https://{HOST}|http://{LOOPBACK}){REST}"},
    "Name": {"pattern": NOT_BLANK},
    "Title": {"pattern": NOT_BLANK},
    "Reason": {"pattern": NOT_BLANK},
    "PricesBody": {
        "anyOf": [
            {"required": [kind], "properties": {kind: {"type": "integer"}}}
            for kind in ("DIKE", "UMUM")
        ]
    },
}
"""By the name of the schema: what ``lunas.edges.bodies`` checks in Python."""


def check_schemas(schemas: dict[str, Json]) -> None:
    """Add what is checked to the schemas of bodies, and their examples."""
    for name, checks in CHECKED.items():
        schemas[name] |= checks
    schemas["PackageBody"]["properties"]["courseIds"]["uniqueItems"] = True
    for name, examples in samples.BODIES.items():
        schemas[name]["examples"] = list(examples.values())


def describe_parameter(parameter: Json, item_id: str | None) -> Json:
    """Give a parameter as it can be sent: never null, with an example.

    ``item_id`` is the id of what the route shows, the example of ``{id}``.
    """
    given = dict(parameter)
    name = given["name"]
    given["schema"] = untitled(_present(given["schema"]))
    example = item_id if name == "id" and item_id else samples.PARAMETERS.get(name)
    if example is not None:
        given["example"] = example
    if name == "idempotency-key":
        given["name"] = "Idempotency-Key"
        given["description"] = (
            "The same key does the same thing once, for a day. With another body: 422; while the "
            "first request runs: 409."
        )
    return given


def describe_body(body: Json) -> Json:
    """Give a body with its examples."""
    content = body["content"]["application/json"]
    schema = content["schema"]
    target = schema.get("$ref") or schema["anyOf"][0]["$ref"]
    examples = samples.BODIES[target.rpartition("/")[2]]
    told = {name: {"value": value} for name, value in examples.items()}
    described = {"schema": untitled(schema), "examples": told}
    return body | {"content": {"application/json": described}}


def _present(schema: Json) -> Json:
    """Give a schema without null: a parameter that is not there is not sent."""
    variants = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(variants) != 1:
        return schema
    rest = {name: each for name, each in schema.items() if name != "anyOf"}
    return {**rest, **variants[0]}
