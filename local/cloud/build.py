"""Runs ``sam build`` when what it is made from has changed."""

import fcntl
import hashlib
import os
import platform
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.cloud import command
from local.cloud.errors import BuildFailed
from local.cloud.state import ROOT, TOOLS

_SOURCES = ("functions", "layers")
_TEMPLATE = ROOT / "template.yaml"
_NOT_SOURCES = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True)
class Target:
    """What a build is for: a processor as Lambda calls it, and for the wheels another system.

    ``platforms`` is empty for Lambda's Linux; on another system the local cloud needs wheels of
    that system, and such a build is kept apart, so that it is never deployed to AWS.
    """

    architecture: str
    platforms: str = ""

    @property
    def folder(self) -> Path:
        """Where the build, its cache and its stamp are."""
        return ROOT / (".local/build" if self.platforms else ".aws-sam")

    @property
    def artifacts(self) -> Path:
        """The built template with one folder for each function and layer."""
        return self.folder / "build"

    @property
    def cache(self) -> Path:
        """Where SAM keeps what it has built; it would give out a layer for another processor."""
        return self.folder / f"cache-{self.architecture}"


def this_machine() -> Target:
    """Give the target that the local cloud runs."""
    architecture = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
    if sys.platform == "darwin":
        versions = (f"macosx_{major}_0_{architecture}" for major in range(11, 16))
        return Target(architecture, " ".join(versions))
    return Target(architecture)


def configured_parameters(environment: str) -> dict[str, str]:
    """Give the parameters that ``samconfig.toml`` names for an environment to deploy to."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = settings[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(override.split("=", 1) for override in overrides)


def configured_architecture(environment: str) -> str:
    """Give the processor among them."""
    return configured_parameters(environment)["Architecture"]


def build(target: Target) -> bool:
    """Build unless the last build was made of the same sources; return whether it had to.

    Raises ``BuildFailed`` with the end of SAM's output.
    """
    target.folder.mkdir(parents=True, exist_ok=True)
    with (target.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = target.folder / "sources"
        wanted = fingerprint(target)
        if stamp.exists() and stamp.read_text() == wanted and target.artifacts.exists():
            return False
        stamp.unlink(missing_ok=True)
        _sam_build(target)
        stamp.write_text(wanted)
        return True


def fingerprint(target: Target) -> str:
    """Digest the names and contents of everything that the build is made from."""
    digest = hashlib.sha256(repr(target).encode())
    for path in sources():
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sources() -> Iterator[Path]:
    """List the files that the build is made from, in a fixed order."""
    yield _TEMPLATE
    for folder in _SOURCES:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and not _NOT_SOURCES.intersection(path.parts):
                yield path


def _sam_build(target: Target) -> None:
    """Run SAM with temporary files of its own, so that nothing stays when it is interrupted."""
    with tempfile.TemporaryDirectory() as temporary:
        done = command.run(
            [
                *(TOOLS / "sam" / "bin" / "sam", "build", "--cached", "--parallel"),
                *("--build-dir", target.artifacts, "--cache-dir", target.cache),
                *("--parameter-overrides", f"Architecture={target.architecture}"),
            ],
            ROOT,
            _environment(target) | {"TMPDIR": temporary},
        )
    if not done.succeeded:
        raise BuildFailed(f"sam build failed:\n{done.end()}")


def _environment(target: Target) -> dict[str, str]:
    """Let the makefiles find Python 3.13 with pip, and set what they build for."""
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    settings = {"PATH": path, "ARCH": target.architecture, "SAM_CLI_TELEMETRY": "0"}
    if target.platforms:
        settings["PLATFORMS"] = target.platforms
    return {**os.environ, **settings}
