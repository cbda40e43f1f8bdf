"""Checks the roles of the expanded templates by parliament and cloudsplaining."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.cloud.state import TOOLS
from tests.golden.expanded import ENVIRONMENTS, kept
from tests.roles.policies import as_json

ACCEPTED = Path(__file__).with_name("accepted.toml")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a tool finds in the policy of a role."""

    role: str
    tool: str
    code: str
    detail: str

    def is_covered_by(self, entry: Mapping[str, str]) -> bool:
        """Return whether an entry of the accepted ones is about it."""
        same = (self.tool, self.code) == (entry["tool"], entry["code"])
        return same and entry["detail"] in self.detail


def accepted() -> Sequence[Mapping[str, str]]:
    """Return the accepted findings, each with its reason."""
    found: list[Mapping[str, str]] = tomllib.loads(ACCEPTED.read_text())["accepted"]
    return found


def findings(template: Mapping[str, Any]) -> list[Finding]:
    """Return all findings of the tools about the roles of a template."""
    python, script = TOOLS / "iam" / "bin" / "python", Path(__file__).with_name("tools.py")
    done = subprocess.run(
        [python, "-I", script], input=as_json(template), capture_output=True, text=True, check=True
    )
    return [Finding(*each) for each in json.loads(done.stdout)]


def faults(found: Sequence[Finding]) -> list[str]:
    """Return what is wrong: findings not accepted, and accepted ones not found."""
    entries = accepted()
    new = [each for each in found if not any(each.is_covered_by(entry) for entry in entries)]
    lasting = [entry for entry in entries if "until" not in entry]
    stale = [entry for entry in lasting if not any(each.is_covered_by(entry) for each in found)]
    return [
        *(f"{each.role}: {each.tool} finds {each.code}: {each.detail}" for each in new),
        *(f"accepted and no longer found: {each['code']} {each['detail']}" for each in stale),
    ]


def main() -> int:
    """Check the templates that are kept; return 1 if something is wrong."""
    wrong = 0
    for environment in ENVIRONMENTS:
        for fault in faults(findings(kept(environment))):
            print(f"{environment}: {fault}", file=sys.stderr)
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main())
