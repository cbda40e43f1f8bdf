"""Reduces botocore's descriptions to what a running client reads; run by the layer's makefile.

botocore describes all 400 services with their documentation. Left are the services named, without
their documentation and as plain JSON, and of the list of endpoints the part about them: reading
all of it is a tenth of a function's start.

    python slim.py .../botocore/data dynamodb sqs
"""

import gzip
import json
import shutil
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

UNREAD = ("examples-1.json", "waiters-2.json", "paginators-1.json", "paginators-1.sdk-extras.json")
"""Files that a client reads only for what Lunas does not use."""


def slim(data: Path, services: Collection[str]) -> None:
    """Reduce the folder of descriptions; what it holds afterwards is complete for ``services``."""
    for folder in [each for each in data.iterdir() if each.is_dir()]:
        if folder.name in services:
            _slim_service(folder)
        else:
            shutil.rmtree(folder)
    _rewrite(data / "endpoints.json", data / "endpoints.json", lambda known: _only(known, services))


def _slim_service(folder: Path) -> None:
    for path in folder.rglob("*.json*"):
        if path.name in UNREAD:
            path.unlink()
        else:
            _rewrite(path, path.with_name(path.name.removesuffix(".gz")), _without_documentation)
    for version in folder.iterdir():
        if not (version / "service-2.json").exists():
            shutil.rmtree(version)


def _rewrite(source: Path, target: Path, change: Any) -> None:  # noqa: ANN401
    read = gzip.decompress if source.suffix == ".gz" else bytes
    content = change(json.loads(read(source.read_bytes())))
    source.unlink()
    target.write_text(json.dumps(content, separators=(",", ":")))


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
