"""Sets up the environments that the developer commands run in.

Run by the Makefile with whatever ``python3`` the machine has (3.9 or newer), so it uses nothing
but the standard library. What an environment holds is pinned with hashes in ``requirements/``; a
stamp written after a complete installation records those pins, so a run that finds them
unchanged does nothing and one that was interrupted starts over. A lock makes commands that
start at the same time wait for each other.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".local" / "tools"
UV = TOOLS / "uv" / "bin" / "uv"
PYTHON = "3.13"


class Environment(NamedTuple):
    """What is installed into one folder: the pins it holds, and who makes it.

    Where the machine lacks the program that it ``needs``, it is left out. ``imports`` is a folder
    whose packages its Python imports, besides what is installed.
    """

    folder: Path
    pins: Path
    create: Callable[[Path, Path], None]
    needs: str = ""
    imports: str = ""


def create_with_pip(folder: Path, pins: Path) -> None:
    """Make the environment that holds uv; the only one made by pip."""
    venv.create(folder, with_pip=True)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install"]
    run(*pip, "--quiet", "--require-hashes", "--only-binary=:all:", "-r", pins)


def create_with_uv(folder: Path, pins: Path) -> None:
    """Make an environment with Python 3.13, which uv downloads where the machine has none.

    The bytecode is compiled now: where Python may not write it later, each start would take
    seconds. What has to be built is built by pinned packages, too.
    """
    run(UV, "venv", "--quiet", "--no-project", "--python", PYTHON, folder)
    install = [UV, "pip", "install", "--quiet", "--compile-bytecode", "--require-hashes"]
    run(*install, "--build-constraints", pins, "--python", folder / "bin" / "python", "-r", pins)


def create_with_npm(folder: Path, pins: Path) -> None:
    """Install what a lock file names; npm compares the hashes and runs none of their scripts."""
    folder.mkdir()
    for name in ("package.json", pins.name):
        shutil.copy(pins.with_name(name), folder)
    run("npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--silent")


ENVIRONMENTS = {
    "uv": Environment(TOOLS / "uv", ROOT / "requirements" / "bootstrap.txt", create_with_pip),
    "dev": Environment(
        ROOT / ".venv", ROOT / "requirements" / "dev.txt", create_with_uv, imports="layers/shared"
    ),
    "cloud": Environment(TOOLS / "cloud", ROOT / "requirements" / "cloud.txt", create_with_uv),
    "sam": Environment(TOOLS / "sam", ROOT / "requirements" / "sam.txt", create_with_uv),
    "iam": Environment(TOOLS / "iam", ROOT / "requirements" / "iam.txt", create_with_uv),
    "runtime": Environment(
        TOOLS / "runtime", ROOT / "requirements" / "runtime.txt", create_with_uv
    ),
    "clients": Environment(
        TOOLS / "clients", ROOT / "requirements" / "clients.txt", create_with_uv
    ),
    "clients-npm": Environment(
        TOOLS / "clients-npm",
        ROOT / "requirements" / "npm" / "package-lock.json",
        create_with_npm,
        needs="npm",
    ),
}


def run(*command: object) -> None:
    """Run a command; raises ``CalledProcessError`` when it fails."""
    subprocess.run([str(part) for part in command], check=True)


def fingerprint(environment: Environment) -> str:
    """Return a digest of what a complete installation holds, and where: it cannot be moved."""
    holds = f"{environment.folder}{PYTHON}{environment.imports}".encode()
    return hashlib.sha256(environment.pins.read_bytes() + holds).hexdigest()


def ensure(name: str) -> None:
    """Install the environment unless its stamp shows that it holds just these pins."""
    environment = ENVIRONMENTS[name]
    stamp = environment.folder / ".complete"
    wanted = fingerprint(environment)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if environment.needs and shutil.which(environment.needs) is None:
        print(f"without {name}: there is no {environment.needs} here", file=sys.stderr)
        return
    print("setting up", environment.folder.relative_to(ROOT), file=sys.stderr)
    shutil.rmtree(environment.folder, ignore_errors=True)
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    environment.create(environment.folder, environment.pins)
    if environment.imports:
        add_imports(environment)
    stamp.write_text(wanted)


def add_imports(environment: Environment) -> None:
    """Let the environment's Python import the packages of a folder of this repository."""
    packages = environment.folder / "lib" / f"python{PYTHON}" / "site-packages"
    (packages / "lunas.pth").write_text(f"{ROOT / environment.imports}\n")


def main(names: list[str]) -> int:
    """Install the named environments, and uv first; all of them when none is named."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (TOOLS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            for name in dict.fromkeys(["uv", *(names or ENVIRONMENTS)]):
                ensure(name)
        except subprocess.CalledProcessError as failure:
            print("setting up failed:", failure, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
