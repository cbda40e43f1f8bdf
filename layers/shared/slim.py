"""Reduces botocore's descriptions to what a running client reads; run by the layer's makefile.

botocore describes all 400 services with their documentation. Left are the services named, without
their documentation and as plain JSON, with the operations whose methods the code of the layer
names, and of the list of endpoints the part about them: reading all of it is a tenth of a
function's start.

    python slim.py .../python dynamodb sqs
"""

import gzip
import json
import re
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

UNREAD = ("examples-1.json", "waiters-2.json", "paginators-1.json", "paginators-1.sdk-extras.json")
"""Files that a client reads only for what Lunas does not use."""
CALLERS = ("lunas", "aws_lambda_powertools/utilities/idempotency", "botocore/credentials.py")
"""What calls AWS's services, in the layer."""


def slim(layer: Path, services: Collection[str]) -> None:
    """Reduce the descriptions in the layer to what its code calls of ``services``."""
    data, words = layer / "botocore" / "data", _words(layer)
    for folder in [each for each in data.iterdir() if each.is_dir()]:
        if folder.name in services:
            _slim_service(folder, words)
        else:
            shutil.rmtree(folder)
    _rewrite(data / "endpoints.json", data / "endpoints.json", lambda known: _only(known, services))


def _words(layer: Path) -> set[str]:
    """Return all words of the code that calls services: a method may be named by a text as well."""
    paths = [path for each in CALLERS for path in (layer / each, *(layer / each).rglob("*.py"))]
    return {
        word for path in paths if path.is_file() for word in re.findall(r"\w+", path.read_text())
    }


def _slim_service(folder: Path, words: Collection[str]) -> None:
    for path in folder.rglob("*.json*"):
        if path.name in UNREAD:
            path.unlink()
        else:
            _rewrite(
                path,
                path.with_name(path.name.removesuffix(".gz")),
                lambda node: called(_without_documentation(node), words),
            )
    for version in folder.iterdir():
        if not (version / "service-2.json").exists():
            shutil.rmtree(version)


def _rewrite(source: Path, target: Path, change: Any) -> None:  # noqa: ANN401
    read = gzip.decompress if source.suffix == ".gz" else bytes
    content = change(json.loads(read(source.read_bytes())))
    source.unlink()
    target.write_text(json.dumps(content, separators=(",", ":")))


def called(description: dict[str, Any], words: Collection[str]) -> dict[str, Any]:
    """Leave out of a service's description the operations whose methods are not in ``words``.

    Shapes that nothing else refers to go with them; errors stay.
    """
    if "operations" not in description:
        return description
    operations = {
        name: operation
        for name, operation in description["operations"].items()
        if re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower() in words
    }
    shapes = description["shapes"]
    kept = {name for name, shape in shapes.items() if shape.get("exception")}
    found = kept | set(_references(operations))
    while found:
        kept |= found
        found = {each for name in found for each in _references(shapes[name])} - kept
    return {
        **description,
        "operations": operations,
        "shapes": {name: shape for name, shape in shapes.items() if name in kept},
    }


def _references(node: object) -> Iterator[str]:
    """Yield the names of the shapes that a part of a description refers to."""
    match node:
        case {"shape": str(name)}:
            yield name
    inner = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for each in inner:
        yield from _references(each)


def _only(endpoints: dict[str, Any], services: Collection[str]) -> dict[str, Any]:
    """Keep every partition and region, and of their endpoints those of ``services``."""
    for partition in endpoints["partitions"]:
        known = partition["services"]
        partition["services"] = {name: known[name] for name in known if name in services}
    return endpoints


def _without_documentation(node: Any) -> Any:  # noqa: ANN401
    """Leave out the texts; a member that happens to be called ``documentation`` is no text."""
    if isinstance(node, list):
        return [_without_documentation(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        name: _without_documentation(value)
        for name, value in node.items()
        if not (name == "documentation" and isinstance(value, str))
    }


if __name__ == "__main__":
    slim(Path(sys.argv[1]), sys.argv[2:])
