"""JSON schemas of what the API shows: of the types that the handlers return."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from lunas.api.problems import TYPE_PREFIX, Problem

type Json = dict[str, Any]

REFERENCE = "#/components/schemas/"
LISTED = re.compile(r"(Page|List)View_(\w+?)View_")


class ViewSchema(GenerateJsonSchema):
    """Schemas of views, which hold no fields beyond the listed ones."""

    def typed_dict_schema(self, schema: core_schema.TypedDictSchema) -> JsonSchemaValue:
        """Return the schema of a typed dictionary."""
        return super().typed_dict_schema(schema) | {"additionalProperties": False}

    def normalize_name(self, name: str) -> str:
        """Return the public name: ``PaymentView`` is Payment, a page of them PaymentPage."""
        name = super().normalize_name(name)
        listed = LISTED.fullmatch(name)
        return f"{listed[2]}{listed[1]}" if listed else name.removesuffix("View")


def view_schemas(views: Iterable[Any]) -> tuple[dict[Any, str], dict[str, Json]]:
    """Return the public name of each view, and the schemas of views, their parts and problems."""
    adapters = [(view, "serialization", TypeAdapter(view)) for view in {Problem, *views}]
    references, written = TypeAdapter.json_schemas(
        adapters,  # type: ignore[arg-type]  # pydantic wants a literal that a list cannot keep
        ref_template=f"{REFERENCE}{{model}}",
        schema_generator=ViewSchema,
    )
    schemas: dict[str, Json] = written["$defs"]
    problem = schemas["Problem"]["properties"]
    problem["type"]["pattern"] = f"^{TYPE_PREFIX}[a-z-]+$"
    problem["status"] |= {"minimum": 400, "maximum": 599}
    names = {view: str(each["$ref"])[len(REFERENCE) :] for (view, _), each in references.items()}
    return names, schemas


def reference(name: str) -> Json:
    """Return a reference to a schema of the document."""
    return {"$ref": f"{REFERENCE}{name}"}


def untitled(schema: Any) -> Any:  # noqa: ANN401  (any JSON schema)
    """Return a schema without the titles, which only repeat the names of fields."""
    match schema:
        case dict():
            return {
                key: {name: untitled(each) for name, each in value.items()}
                if key == "properties"
                else untitled(value)
                for key, value in schema.items()
                if key != "title"
            }
        case list():
            return [untitled(each) for each in schema]
        case _:
            return schema
