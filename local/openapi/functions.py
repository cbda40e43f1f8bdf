"""The functions' resolvers, loaded side by side although each file is called ``app.py``."""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

from lunas.api.app import LunasApi
from lunas.api.auth import Access

FUNCTIONS = Path(__file__).resolve().parents[2] / "functions"


def resolvers() -> Iterator[LunasApi]:
    """Give the resolver of every function that has one, in the order of their names."""
    for file in sorted(FUNCTIONS.glob("*/app.py")):
        found = getattr(load(file), "api", None)
        if isinstance(found, LunasApi):
            yield found


def load(file: Path) -> ModuleType:
    """Load one function under a name of its own; raises what its import raises."""
    spec = importlib.util.spec_from_file_location(f"documented_{file.parent.name}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def accesses(resolver: LunasApi) -> Mapping[str, Access]:
    """Tell who may use each route, e.g. ``GET /payments/{id}``."""
    # Nobody needs it from outside while requests are served, so the edge has no name for it.
    return resolver._access  # noqa: SLF001
