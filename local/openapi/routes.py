"""What the functions declare: every route, by its handler, and Powertools' OpenAPI of it."""

import importlib.util
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Union, get_args, get_origin, get_type_hints

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.merge import OpenAPIMerge

from lunas.api.app import Endpoint, LunasApi
from lunas.domain import errors

type Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTION = """\
Takes money for online courses and enrolls the learners who paid.

Times are ISO 8601 in UTC, money is whole rupiah. For the next page of a list, give its \
`nextCursor` as `cursor`. Every error is `application/problem+json` (RFC 9457), except those that \
API Gateway itself returns (no such route, too many requests): `{"message": …}`.
"""
RAISES = re.compile(r"\s*Raises ([A-Z][^.]+)\.$")


@dataclass(frozen=True, slots=True)
class Route:
    """A route as its handler declares it; ``name`` is e.g. ``GET /payments/{id}``."""

    name: str
    endpoint: Endpoint

    @property
    def operation_id(self) -> str:
        """The endpoint's name in camel case."""
        first, *more = self.endpoint.name.split("_")
        return first + "".join(each.title() for each in more)

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return self._docstring.partition("\n")[0].removesuffix(".")

    @property
    def details(self) -> str:
        """What the docstring adds for a caller, beside the errors."""
        details = RAISES.sub("", self._docstring.partition("\n")[2])
        return " ".join(details.replace("``", "`").split())

    @property
    def errors(self) -> list[type[errors.LunasError]]:
        """The errors that the docstring names; raises AttributeError for one that is not ours."""
        named = RAISES.search(self._docstring)
        return (
            [getattr(errors, each) for each in re.findall(r"[A-Z]\w+", named[1])] if named else []
        )

    @property
    def view(self) -> Any:  # noqa: ANN401  (a type of any kind)
        """The type of the JSON that the handler returns, None where it returns only text."""
        returned = get_type_hints(self.endpoint.handler, include_extras=True)["return"]
        shown = get_args(returned)[0] if get_origin(returned) is Response else returned
        kinds = get_args(shown) if get_origin(shown) is Union or "|" in str(shown) else (shown,)
        return next((each for each in kinds if each is not str), None)

    @property
    def _docstring(self) -> str:
        return (self.endpoint.handler.__doc__ or "").replace("\n    ", "\n").rstrip()


def merged() -> tuple[Json, Mapping[str, Route]]:
    """Return Powertools' document of all functions together, and each route by its name.

    Powertools' ``OpenAPIMerge`` is given the schemas: by itself it looks for
    ``X = APIGatewayHttpResolver()`` in the source. Raises ``OpenAPIMergeError`` when two functions
    have the same route, ``ValueError`` when two schemas have the same name.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    merge = OpenAPIMerge(
        title=project["name"].capitalize(),
        version=project["version"],
        description=DESCRIPTION,
        on_conflict="error",
    )
    known: Json = {}
    routes: dict[str, Route] = {}
    for resolver in resolvers():
        schema = resolver.get_openapi_schema().model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        add_schemas(known, schema["components"]["schemas"])
        merge.add_schema(schema)
        routes |= {name: Route(name, each) for name, each in resolver.endpoints.items()}
    return merge.get_openapi_schema(), routes


def add_schemas(known: Json, more: Mapping[str, Any]) -> None:
    """Add schemas to those that are known; raises ``ValueError`` when a name is taken."""
    for name, schema in more.items():
        if known.setdefault(name, schema) != schema:
            message = f"two different schemas are called {name}"
            raise ValueError(message)


def resolvers() -> Iterator[LunasApi]:
    """Return the resolver of every function that has one, in the order of their names."""
    for file in sorted((ROOT / "functions").glob("*/app.py")):
        found = getattr(load(file), "api", None)
        if isinstance(found, LunasApi):
            yield found


def load(file: Path) -> ModuleType:
    """Import one function under its own name: each file is called ``app.py``."""
    spec = importlib.util.spec_from_file_location(f"documented_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
