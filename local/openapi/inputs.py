"""Parameters and bodies: what the functions check beyond the JSON schema that pydantic writes."""

from collections.abc import Mapping
from typing import Any

from local.openapi.input_samples import BODIES, PARAMETERS
from local.openapi.views import untitled

type Json = dict[str, Any]

HOST, LOOPBACK = "[A-Za-z0-9.-]+", r"(localhost|127\.0\.0\.1)"
HTTP = "[Hh][Tt][Tt][Pp]"
REST = r"(:[0-9]{1,4})?([/?#][!-\[\]-~]*)?\s*$"
"""Port, path and query; written out, every one of them is ASCII without a backslash."""
UNSEEN = (
    r"\s\x00-\x08\x0e-\x1f\x7f-\x9f"
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
"""Characters that leave a text without anything to read, as in ``lunas.domain.texts``."""
NOT_BLANK = f"[^{UNSEEN}]"
BLANK: Json = {
    "type": "string",
    "pattern": f"^[{UNSEEN}]*$",
    "description": "A blank field counts as left out.",
}
NO_CUSTOMER: Json = {
    "type": "object",
    "description": "A form of blank fields counts as left out.",
    "additionalProperties": {"anyOf": [{"$ref": "#/components/schemas/Blank"}, {"type": "null"}]},
}
OR_BLANK: list[Json] = [{"$ref": "#/components/schemas/Blank"}]
ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS: Json = {
    "format": "email",
    "pattern": rf"^\s*{ATOM}(\.{ATOM})*@({LABEL}\.)+([A-Za-z]{{2,63}}|[xX][nN]--{LABEL})\s*$",
}
CHECKED: Mapping[str, Json] = {
    "IdField": {"pattern": r"^\s*[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\s*$"},
    "ChannelCode": {"pattern": r"^\s*[A-Za-z0-9]{2}\s*$"},
    "Email": ADDRESS,
    "InvoiceEmail": ADDRESS,
    "Phone": {
        "pattern": r"^\s*([tT][eE][lL]:)?\s*[0-9+(][0-9+()./\s-]*$",
        "description": "In any customary writing; without a country code it is Indonesian.",
    },
    "ImageUrl": {"pattern": rf"^\s*{HTTP}[Ss]://{HOST}{REST}"},
    "Description": {"pattern": NOT_BLANK},
    "ProofLink": {"pattern": rf"^\s*{HTTP}[Ss]://{HOST}{REST}"},
    "ReturnUrl": {"pattern": rf"^\s*({HTTP}[Ss]://{HOST}|{HTTP}://{LOOPBACK}){REST}"},
    "Name": {"pattern": NOT_BLANK},
    "Title": {"pattern": NOT_BLANK},
    "Reason": {"pattern": NOT_BLANK},
    "CustomerBody": {
        "anyOf": [
            {"required": [name], "properties": {name: {"$ref": "#/components/schemas/Name"}}}
            for name in ("firstName", "lastName")
        ]
    },
    "LearnerBody": {
        "anyOf": [
            {"required": [name], "properties": {name: {"$ref": f"#/components/schemas/{kind}"}}}
            for name, kind in (("name", "Title"), ("email", "Email"))
        ]
    },
    "PricesBody": {
        "anyOf": [
            {"required": [kind], "properties": {kind: {"type": "integer"}}}
            for kind in ("DIKE", "UMUM")
        ]
    },
}
"""By the name of the schema: what ``lunas.api.requests`` checks in Python."""


def check_schemas(schemas: dict[str, Json]) -> None:
    """Add what is checked to the schemas of bodies, and their examples."""
    for name in [each for each in schemas if each.endswith("Body")]:
        _admit_blanks(schemas[name])
    schemas["Blank"] = BLANK
    schemas["InitiateBody"]["properties"]["customer"]["anyOf"] += [NO_CUSTOMER]
    for name, checks in CHECKED.items():
        schemas[name] |= checks
    schemas["PackageBody"]["properties"]["courseIds"]["uniqueItems"] = True
    for name, examples in BODIES.items():
        schemas[name]["examples"] = list(examples.values())


def _admit_blanks(body: Json) -> None:
    """Let the fields of a body that may be left out be blank or null as well."""
    for name in body["properties"].keys() - set(body.get("required", ())):
        schema = body["properties"][name]
        admitted = schema.pop("anyOf", None) or [{"type": schema.pop("type")}, {"type": "null"}]
        body["properties"][name] = schema | {"anyOf": admitted + OR_BLANK}


def describe_parameter(parameter: Json, item_id: str | None) -> Json:
    """Return a parameter as it can be sent: never null, with an example.

    ``item_id`` is the id of what the route shows, the example of ``{id}``.
    """
    given = dict(parameter)
    name = given["name"]
    kept = {key: each for key, each in given["schema"].items() if key != "description"}
    given["schema"] = untitled(_present(kept))
    if given["in"] in {"query", "header"} and not given["required"]:
        given["schema"] = _or_blank(given["schema"])
    example = item_id if name == "id" and item_id else PARAMETERS.get(name)
    if example is not None:
        given["example"] = example
    if given["in"] == "header":
        given["name"] = name.title()
    return given


def _or_blank(schema: Json) -> Json:
    """Return the schema of a parameter that may be blank, which counts as left out."""
    shared = {name: schema[name] for name in ("default",) if name in schema}
    kept = {name: each for name, each in schema.items() if name not in shared}
    return {**shared, "anyOf": [kept, {"type": "string", "maxLength": 0}]}


def describe_body(body: Json) -> Json:
    """Return a body with its examples."""
    content = body["content"]["application/json"]
    schema = content["schema"]
    target = schema.get("$ref") or schema["anyOf"][0]["$ref"]
    examples = BODIES[target.rpartition("/")[2]]
    shown = {name: {"value": value} for name, value in examples.items()}
    described = {"schema": untitled(schema), "examples": shown}
    return body | {"content": {"application/json": described}}


def _present(schema: Json) -> Json:
    """Return a schema without null: an absent parameter is not sent."""
    variants = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    if len(variants) != 1:
        return schema
    rest = {name: each for name, each in schema.items() if name != "anyOf"}
    return {**rest, **variants[0]}
