"""What the table of operations is written with: a route, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.openapi.schemas import reference

type Json = dict[str, Any]

PAYMENTS, ENROLLMENTS, CATALOG = "Payments", "Enrollments", "Catalog"
ANOMALIES, SERVICE = "Anomalies", "Service"
THINKIFIC = "Thinkific"
TAGS: Mapping[str, str] = {
    PAYMENTS: "Buying a package, through Duitku or by a manual transfer.",
    ENROLLMENTS: "Who is enrolled in what, and whether Thinkific knows of it.",
    CATALOG: "What is sold.",
    ANOMALIES: "Money that does not fit, for a person to resolve.",
    THINKIFIC: "Which Thinkific site Lunas is connected to.",
    "Webhooks": "What Duitku tells.",
    SERVICE: "The API about itself.",
}
NEXT_CURSOR_HEADER: Json = {
    "X-Next-Cursor": {
        "description": "With CSV: the cursor of the rows that one answer does not hold.",
        "schema": {"type": "string"},
    }
}

LOCATION_HEADER: Json = {
    "Location": {
        "description": "Where the browser goes next.",
        "schema": {"type": "string", "format": "uri"},
        "required": True,
    }
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A success: what is shown, and other media types that a caller may ask for.

    Without a ``media_type`` nothing is shown: the response has no body.
    """

    description: str
    shows: str | None
    example: Any
    media_type: str = "application/json"
    others: Mapping[str, Json] = field(default_factory=dict)
    headers: Mapping[str, Json] = field(default_factory=dict)

    def written(self) -> Json:
        """Write it as a response of the document."""
        told: Json = {"description": self.description}
        if self.media_type:
            schema = reference(self.shows) if self.shows else {"type": "string"}
            shown = {self.media_type: {"schema": schema, "example": self.example}}
            told["content"] = {**shown, **self.others}
        return told | ({"headers": dict(self.headers)} if self.headers else {})


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. ``problems`` names the errors beyond those that every such route has."""

    name: str
    tag: str
    summary: str
    answers: Mapping[int, Answer]
    problems: tuple[str, ...] = ()
    deprecated: bool = False
