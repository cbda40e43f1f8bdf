"""``make golden``: writes the expanded templates that are kept; ``--check`` compares them."""

import sys
from difflib import unified_diff

from tests.golden.expanded import ENVIRONMENTS, ExpansionError, expanded, golden, text_of


def difference(environment: str) -> str:
    """Return how the template of an environment differs from the one that is kept."""
    kept = golden(environment)
    before = kept.read_text() if kept.exists() else ""
    lines = unified_diff(
        before.splitlines(keepends=True),
        text_of(expanded(environment)).splitlines(keepends=True),
        fromfile=f"kept: {kept.name}",
        tofile="as it is expanded now",
    )
    return "".join(lines)


def main(arguments: list[str]) -> int:
    """Write one file for each environment, or print how they differ."""
    try:
        if arguments == ["--check"]:
            return _check()
        for environment in ENVIRONMENTS:
            golden(environment).parent.mkdir(parents=True, exist_ok=True)
            golden(environment).write_text(text_of(expanded(environment)))
    except ExpansionError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _check() -> int:
    found = [difference(environment) for environment in ENVIRONMENTS]
    if any(found):
        print("".join(found), "make golden writes them; look at the difference first", sep="\n")
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
