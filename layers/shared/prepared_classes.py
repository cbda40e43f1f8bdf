"""Compiles the methods of dataclasses in advance; run by the layer's makefile.

``dataclasses`` writes the methods of each class as a text and compiles it at every import, which
was a fifth of a function's start. This imports what the functions import, and writes the bytecode
of all these texts into a module of the layer, from which ``dataclasses`` then gets it. A text that
is not there, or all of them under another Python, is compiled as ever.

    python -I -S prepared_classes.py .../python aws_lambda_powertools lunas

The packages import that module, so that it comes before all others. All modules of the last package
are imported here; in a layer for another kind of machine, some may not be importable.
"""

import builtins
import dataclasses
import importlib
import marshal
import pkgutil
import sys
from collections.abc import Iterator
from hashlib import sha1
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

MODULE = '''"""The methods of dataclasses, compiled by the layer's build (prepared_classes.py)."""

import dataclasses
import gc
import marshal
from hashlib import sha1
from importlib.util import MAGIC_NUMBER

with open(__file__.rpartition("/")[0] + "/compiled_classes.bin", "rb") as file:
    COMPILED = marshal.load(file)


def _execute(text, names, made):
    code = COMPILED.get(sha1(text.encode(), usedforsecurity=False).digest())
    exec(text if code is None else marshal.loads(code), names, made)


if MAGIC_NUMBER == {magic!r}:
    # A module's own name comes before the built-in one.
    dataclasses.exec = _execute

# Imports create hundreds of thousands of objects that stay. Looking through them each time that two
# thousand were created is a thirtieth of a start.
gc.set_threshold(100_000)
'''


def prepare(layer: Path, *packages: str) -> None:
    """Write the module, and import it in each of ``packages``."""
    sys.path.insert(0, str(layer))
    compiled = {
        sha1(text.encode(), usedforsecurity=False).digest(): _compiled(text)
        for text in _texts(packages[-1])
    }
    (layer / "compiled_classes.bin").write_bytes(marshal.dumps(compiled))
    (layer / "compiled_classes.py").write_text(MODULE.format(magic=MAGIC_NUMBER))
    for package in packages:
        with (layer / package / "__init__.py").open("a") as front:
            front.write("\nimport compiled_classes\n")


def _compiled(text: str) -> bytes:
    return marshal.dumps(compile(text, "<string>", "exec"))


def _texts(package: str) -> Iterator[str]:
    """Yield the texts that importing all modules of a package executes."""
    found: dict[str, None] = {}

    def execute(text: str, names: dict[str, Any], made: dict[str, Any]) -> None:
        found[text] = None
        builtins.exec(text, names, made)  # noqa: S102  (that of dataclasses)

    vars(dataclasses)["exec"] = execute
    path = importlib.import_module(package).__path__
    for module in pkgutil.walk_packages(path, f"{package}."):
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            # SAM shows what a build prints, but not its errors unless it fails.
            sys.stdout.write(f"{module.name} is not prepared: {error}\n")
    del vars(dataclasses)["exec"]
    yield from found


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), *sys.argv[2:])
