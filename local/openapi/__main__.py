"""``python -m local.openapi`` writes the document, with ``--check`` it compares instead."""

import sys
from pathlib import Path

from local.openapi.document import text

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"
"""The document, which ``functions/api_docs`` links to."""


def write() -> int:
    """Write the document."""
    COMMITTED.write_text(text())
    return 0


def check() -> int:
    """Compare the document with the code; returns 1 where they differ."""
    if COMMITTED.exists() and COMMITTED.read_text() == text():
        return 0
    print(f"{COMMITTED.name} differs from the code: run `make openapi`")
    return 1


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else write())
