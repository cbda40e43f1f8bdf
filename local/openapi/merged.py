"""What the functions themselves tell about their routes, merged by Powertools.

Powertools' ``OpenAPIMerge`` is given each function's schema instead of being left to discover
them: it looks for ``X = APIGatewayHttpResolver()`` in the source, so it would not find ours, and
it only warns about a function that cannot be loaded.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge

from local.openapi.described import TAGS
from local.openapi.functions import accesses, resolvers
from lunas.api.auth import Access

type Json = dict[str, Any]

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
DESCRIPTION = """\
Takes money for online courses and makes sure that whoever paid is enrolled.

Times are ISO 8601 in UTC, money is whole rupiah. Lists go on with the `cursor` that the page \
before gave as `nextCursor`. Every error is `application/problem+json` (RFC 9457); only what \
API Gateway says before a function is asked (no such route, too many requests) is \
`{"message": …}`.
"""


def merged() -> tuple[Json, Mapping[str, Access]]:
    """Give the merged document, and who may use each route.

    Raises ``OpenAPIMergeError`` when two functions have the same route, ``ValueError`` when
    they mean different things by the same name of a schema.
    """
    project = tomllib.loads(PROJECT.read_text())["project"]
    merge = OpenAPIMerge(
        title=project["name"].capitalize(),
        version=project["version"],
        description=DESCRIPTION,
        on_conflict="error",
    )
    known: Json = {}
    access: dict[str, Access] = {}
    for resolver in resolvers():
        told = resolver.get_openapi_schema().model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        add_schemas(known, told["components"]["schemas"])
        merge.add_schema(told)
        access |= accesses(resolver)
    document: Json = merge.get_openapi_schema()
    tags = [{"name": name, "description": said} for name, said in TAGS.items()]
    return document | {"tags": tags}, access


def add_schemas(known: Json, more: Mapping[str, Any]) -> None:
    """Add schemas to those that are known; raises ``ValueError`` when a name is taken."""
    for name, schema in more.items():
        if known.setdefault(name, schema) != schema:
            message = f"two different schemas are called {name}"
            raise ValueError(message)
