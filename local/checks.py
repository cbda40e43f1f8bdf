"""``make check``: everything that can be checked about the code without running it.

All checks run even when one fails, so that one run shows all there is to fix.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from local.cloud.state import ROOT, TOOLS

_BIN = ROOT / ".venv" / "bin"
type Command = tuple[str | Path, ...]
# Not the programs that Lunas is compared with: they run in environments of their own.
_BENCHMARKS = tuple(path.relative_to(ROOT) for path in sorted((ROOT / "benchmarks").glob("*.py")))


def run() -> int:
    """Run every check; returns 1 when any of them failed."""
    failed = [name for name, command in commands() if not _passes(name, command)]
    if failed:
        print("failed:", ", ".join(failed))
    return 1 if failed else 0


def commands() -> Iterator[tuple[str, Command]]:
    """Name each check with its command.

    The functions are typed one at a time, for they are all called ``app``. Security has two
    parts besides ruff's S rules: bandit, whose findings no remark for ruff can hide, and our own
    rules for the template, which see what a policy allows and which data are left unprotected.
    """
    yield "format", (_BIN / "ruff", "format", "--check", "--quiet", ".")
    yield "lint", (_BIN / "ruff", "check", "--quiet", ".")
    yield (
        "types",
        (
            _BIN / "mypy",
            "layers/shared/lunas",
            "layers/shared/slim.py",
            "layers/shared/late_names.py",
            "layers/shared/prepared_classes.py",
            "local",
            "tests",
            *_BENCHMARKS,
        ),
    )
    for function in sorted((ROOT / "functions").glob("*/app.py")):
        yield f"types of {function.parent.name}", (_BIN / "mypy", function.relative_to(ROOT))
    yield "imports", (_BIN / "lint-imports", "--no-cache")
    yield "words", (_BIN / "python", "-m", "local.lint.words")
    yield "openapi", (_BIN / "python", "-m", "local.openapi", "--check")
    yield "costs", (_BIN / "python", "-m", "benchmarks.costs", "--check")
    sam = TOOLS / "sam" / "bin"
    yield "template", (sam / "sam", "validate", "--lint")
    own_rules = ("--append-rules", "local/lint", "--template", "template.yaml")
    yield "security of the template", (sam / "python", "-m", "cfnlint.runner.cli", *own_rules)
    yield "golden templates", (_BIN / "python", "-m", "tests.golden", "--check")
    golden = [f"tests/golden/template-{each}.yaml" for each in ("dev", "prod")]
    yield "template in its region", (sam / "cfn-lint", *golden, "--regions", "ap-southeast-3")
    yield "roles", (_BIN / "python", "-m", "tests.roles")
    deployed = ("layers/shared/lunas", "functions")
    yield "security of the code", (_BIN / "bandit", "-q", "-ll", "-r", *deployed)


def _passes(name: str, command: Command) -> bool:
    """Run one check, showing what it prints only when it fails."""
    started = time.monotonic()
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "layers/shared"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    passed = done.returncode == 0
    print(f"{time.monotonic() - started:6.1f} s  {name}{'' if passed else ' FAILED'}", flush=True)
    if not passed:
        sys.stdout.write(done.stdout)
    return passed
