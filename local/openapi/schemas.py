"""JSON schemas of what is shown, under the names that the document uses."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from local.openapi import models

type Json = dict[str, Any]

REFERENCE = "#/components/schemas/"
SHOWN: Mapping[str, type[BaseModel]] = {
    "Payment": models.Payment,
    "PaymentPage": models.Paged[models.Payment],
    "History": models.Items[models.HistoryEvent],
    "Enrollment": models.Enrollment,
    "EnrollmentPage": models.Paged[models.Enrollment],
    "CourseStatus": models.CourseStatus,
    "Package": models.Package,
    "PackageList": models.Items[models.Package],
    "Course": models.Course,
    "CourseList": models.Items[models.Course],
    "CourseMapping": models.CourseMapping,
    "ChannelList": models.Items[models.Channel],
    "ConnectionStatus": models.ConnectionStatus,
    "AuthorizeUrl": models.AuthorizeUrl,
    "Anomaly": models.Anomaly,
    "AnomalyPage": models.Paged[models.Anomaly],
    "Health": models.Health,
    "Problem": models.Problem,
    "GatewayMessage": models.GatewayMessage,
}


class ShownSchema(GenerateJsonSchema):
    """Writes optional fields as views show them: absent or of their type, never null."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Write the schema that may be absent."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Write no default: an absent field means that there is nothing."""
        return self.generate_inner(schema["schema"])


def shown_schemas() -> dict[str, Json]:
    """Give the schema of everything that is shown, and of its parts."""
    wanted = [(model, "validation") for model in SHOWN.values()]
    written, told = models_json_schema(
        wanted,  # type: ignore[arg-type]  # pydantic wants a literal that a list cannot keep
        ref_template=f"{REFERENCE}{{model}}",
        schema_generator=ShownSchema,
    )
    parts: dict[str, Json] = told["$defs"]
    names = {
        str(written[model, "validation"]["$ref"]).removeprefix(REFERENCE): name
        for name, model in SHOWN.items()
    }
    return {names.get(part, part): renamed(schema, names) for part, schema in parts.items()}


def reference(name: str) -> Json:
    """Point to a schema of the document."""
    return {"$ref": f"{REFERENCE}{name}"}


def renamed(value: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401  (any JSON)
    """Give a JSON value whose references use the new names of schemas."""
    match value:
        case {"$ref": str(target), **rest}:
            old = target.removeprefix(REFERENCE)
            return {**renamed(rest, names), **reference(names.get(old, old))}
        case dict():
            return {key: renamed(each, names) for key, each in value.items()}
        case list():
            return [renamed(each, names) for each in value]
        case _:
            return value


def untitled(schema: Any) -> Any:  # noqa: ANN401  (any JSON schema)
    """Give a schema without the titles that only repeat a field's name."""
    match schema:
        case dict():
            kept = {key: each for key, each in schema.items() if key != "title"}
            return {
                key: {name: untitled(each) for name, each in value.items()}
                if key == "properties"
                else untitled(value)
                for key, value in kept.items()
            }
        case list():
            return [untitled(each) for each in schema]
        case _:
            return schema
