"""A ``docker`` command that answers what it is given to, and notes what it was asked."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAM = """\
#!{python}
import json, os, sys
folder = {folder!r}
asked = " ".join(sys.argv[1:])
with open(folder + "/asked", "a") as notes:
    print(json.dumps([asked, os.environ.get("DOCKER_HOST")]), file=notes)
for start, answers in json.load(open(folder + "/answers")).items():
    if asked.startswith(start):
        notes = [json.loads(line)[0] for line in open(folder + "/asked")]
        removals = sum(note.startswith("rm ") for note in notes)
        code, output, complaint = answers[min(removals, len(answers) - 1)]
        print(output)
        print(complaint, file=sys.stderr)
        sys.exit(code)
sys.exit("not expected: " + asked)
"""
CONTEXT = "unix:///run/user/1000/docker.sock"
BRIDGE = [{"IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]}}]
type Answer = tuple[int, str, str]
"""An exit code, the output, and what is complained of."""
ANSWERS: Mapping[str, Answer] = {
    "version": (0, "28.2.2", ""),
    "context inspect": (0, CONTEXT, ""),
    "info": (0, "Debian GNU/Linux 12 (bookworm)", ""),
    "network inspect": (0, json.dumps(BRIDGE), "WARNING: no limit"),
}


@dataclass(frozen=True)
class DockerCommand:
    """The command in a folder of its own, found by ``environment``."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": str(self.folder)}

    def asked(self) -> list[str]:
        """List what it was asked, in order."""
        return [asked for asked, _ in self._notes()]

    def hosts(self) -> set[str | None]:
        """Collect the ``DOCKER_HOST`` of every call."""
        return {host for _, host in self._notes()}

    def _notes(self) -> list[list[Any]]:
        notes = self.folder / "asked"
        return [json.loads(line) for line in notes.read_text().splitlines()]


def docker_command(folder: Path, **answers: Answer | list[Answer]) -> DockerCommand:
    """Make one; keywords stand for the start of a call, with ``_`` for a space.

    Each call of ``rm`` leads to the next of several answers; the last one stays.
    """
    given = {name.replace("_", " "): answer for name, answer in answers.items()}
    known = {**ANSWERS, **given}
    listed = {name: each if isinstance(each, list) else [each] for name, each in known.items()}
    (folder / "answers").write_text(json.dumps(listed))
    program = folder / "docker"
    program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    return DockerCommand(folder)
