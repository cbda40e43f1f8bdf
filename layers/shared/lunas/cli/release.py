"""Marks a build with its digest, so that every change publishes new versions of all functions.

SAM publishes a version of a function when its code changes, not when a setting does. The mark, a
file ``RELEASE`` in each function's folder, is a digest of all functions, layers, the template and
the settings of the environment: if any of them changes, every function gets a new version, and if
none does, a deployment changes nothing. A setting that is wrong but valid for CloudFormation stops
the deployment.

    python -m lunas.cli.release dev
"""

import hashlib
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from lunas.cli.stacks import SETTINGS
from lunas.cli.time_zones import unknown_zone

BUILT = Path(".aws-sam") / "build"
MARK = "RELEASE"


def digest(built: Path, settings: Mapping[str, object]) -> str:
    """Return the digest of a build and its settings."""
    found = hashlib.sha256(repr(sorted(settings.items())).encode())
    for path in _files(built):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        found.update(f"{path.relative_to(built)}\0{content}\0".encode())
    return found.hexdigest()


def mark(built: Path, settings: Mapping[str, object]) -> str:
    """Write the digest into every function's folder; return it."""
    value = digest(built, settings)
    for folder in built.glob("*Function"):
        (folder / MARK).write_text(f"{value}\n", encoding="utf-8")
    return value


def settings_of(environment: str) -> dict[str, object]:
    """Return an environment's deploy settings of samconfig.toml; KeyError if it is unknown."""
    config = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    found: dict[str, object] = config[environment]["deploy"]["parameters"]
    return found


def wrong(settings: Mapping[str, object]) -> str | None:
    """Return a mistake that CloudFormation would deploy, with what to do."""
    overrides = settings.get("parameter_overrides")
    for each in overrides if isinstance(overrides, list) else []:
        name, _, value = str(each).partition("=")
        if name == "TimeZone":
            return unknown_zone(value)
    return None


def main(environment: str, built: Path = BUILT) -> int:
    """Mark a build for an environment; prints the reason and returns 1 if it must not deploy."""
    settings = settings_of(environment)
    problem = wrong(settings)
    if problem:
        print(f"not deployed: {problem}", file=sys.stderr)
        return 1
    print(mark(built, settings))
    return 0


def _files(built: Path) -> Iterator[Path]:
    return (path for path in sorted(built.rglob("*")) if path.is_file() and path.name != MARK)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
