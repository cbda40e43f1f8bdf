"""``python -m local.openapi`` writes the document, with ``--check`` it compares instead."""

import sys
from pathlib import Path

from local.openapi.document import text

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = (ROOT / "docs" / "openapi.json", ROOT / "functions" / "api_docs" / "openapi.json")
"""The document to read, and the copy that the function serves."""


def write() -> int:
    """Write both copies."""
    made = text()
    for file in COMMITTED:
        file.write_text(made)
    return 0


def check() -> int:
    """Compare both copies with the code; returns 1 and names those that differ."""
    made = text()
    stale = [file for file in COMMITTED if not file.exists() or file.read_text() != made]
    for file in stale:
        print(f"{file.relative_to(ROOT)} differs from the code: run `make openapi`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(check() if sys.argv[1:] == ["--check"] else write())
