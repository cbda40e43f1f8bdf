"""Builds Lunas' functions with ``make build`` and the peers with plain ``sam build``."""

import compileall
import hashlib
import os
import py_compile
import shutil
from pathlib import Path

from local.cloud import command
from local.cloud.build import Target, build, this_machine
from local.cloud.errors import BuildFailed
from local.cloud.state import ROOT, TOOLS

PEERS = ROOT / "benchmarks" / "peers"
WORK = ROOT / ".local" / "bench"
AS_DEPLOYED = WORK / "peers" / ".aws-sam" / "build"
"""Peers as `sam build` leaves them: without bytecode, like the archive of `sam deploy`."""
COMPILED = WORK / "compiled"
"""The same with bytecode, as in Lunas' build."""
WITH_SHOP = ("fastapi_mangum", "flask_serverless_wsgi", "chalice_style")


def build_ours() -> Path:
    """Build Lunas' functions and layers if they changed; return the folder of the artifacts."""
    target: Target = this_machine()
    build(target)
    return target.artifacts


def build_peers() -> None:
    """Build the peers unless their files are unchanged since the last build.

    Each peer's folder gets a copy of the shop, since SAM builds each folder separately.
    """
    stamp = WORK / "peers.built"
    if stamp.exists() and stamp.read_text() == _fingerprint():
        return
    staged = WORK / "peers"
    for folder in (staged, COMPILED):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(PEERS, staged, ignore=shutil.ignore_patterns("__pycache__"))
    for peer in WITH_SHOP:
        shutil.copytree(staged / "shop", staged / peer / "shop")
    _sam_build(staged)
    shutil.copytree(AS_DEPLOYED, COMPILED)
    for folder in COMPILED.iterdir():
        _compile(folder)
    stamp.write_text(_fingerprint())


def size_of(*folders: Path) -> int:
    """Add up the bytes of all files in folders."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(PEERS.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(str(path.relative_to(PEERS)).encode() + path.read_bytes())
    return digest.hexdigest()


def _sam_build(folder: Path) -> None:
    path = f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}
    done = command.run([TOOLS / "sam" / "bin" / "sam", "build", "--parallel"], folder, environment)
    if not done.succeeded:
        raise BuildFailed(f"sam build of the peers failed:\n{done.end()}")


def _compile(folder: Path) -> None:
    if folder.is_dir():
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=2, invalidation_mode=unchecked)
