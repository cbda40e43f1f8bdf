"""A ``docker`` command with prepared answers, which records its calls."""

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
with open(folder + "/calls", "a") as calls:
    print(json.dumps([asked, os.environ.get("DOCKER_HOST")]), file=calls)
for start, answers in json.load(open(folder + "/answers")).items():
    if asked.startswith(start):
        calls = [json.loads(line)[0] for line in open(folder + "/calls")]
        removals = sum(call.startswith("rm ") for call in calls)
        code, output, errors = answers[min(removals, len(answers) - 1)]
        print(output)
        print(errors, file=sys.stderr)
        sys.exit(code)
sys.exit("unexpected: " + asked)
"""
CONTEXT = "unix:///run/user/1000/docker.sock"
BRIDGE = [{"IPAM": {"Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}]}}]
type Answer = tuple[int, str, str]
"""Exit code, output and error output."""
ANSWERS: Mapping[str, Answer] = {
    "version": (0, "28.2.2", ""),
    "context inspect": (0, CONTEXT, ""),
    "info": (0, "Debian GNU/Linux 12 (bookworm)", ""),
    "network inspect": (0, json.dumps(BRIDGE), "WARNING: no limit"),
}


@dataclass(frozen=True)
class DockerCommand:
    """The command in its own folder, which ``environment`` puts on the path."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": str(self.folder)}

    def asked(self) -> list[str]:
        """List its calls, in order."""
        return [asked for asked, _ in self._calls()]

    def hosts(self) -> set[str | None]:
        """Collect the ``DOCKER_HOST`` of every call."""
        return {host for _, host in self._calls()}

    def _calls(self) -> list[list[Any]]:
        calls = self.folder / "calls"
        return [json.loads(line) for line in calls.read_text().splitlines()]


def docker_command(folder: Path, **answers: Answer | list[Answer]) -> DockerCommand:
    """Create the command; a keyword is the start of a call, with ``_`` for a space.

    Each call of ``rm`` moves on to the next of several answers, up to the last.
    """
    given = {name.replace("_", " "): answer for name, answer in answers.items()}
    known = {**ANSWERS, **given}
    listed = {name: each if isinstance(each, list) else [each] for name, each in known.items()}
    (folder / "answers").write_text(json.dumps(listed))
    program = folder / "docker"
    program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
    program.chmod(0o755)
    return DockerCommand(folder)
