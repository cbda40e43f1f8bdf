"""The `sam local invoke` commands that the docs show, and the events that they list."""

import os
import re
import shlex

from local.cloud.state import ROOT

EVENTS = "events/README.md"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `([\w-]+\.json)` \| (?:`(\w+)`)? ?\|", re.MULTILINE)
_INVOKE = "sam local invoke "


def commands(document: str) -> list[str]:
    """List the commands of a document, each on one line and without the command before a pipe."""
    blocks = _BLOCK.findall((ROOT / document).read_text())
    lines = (line for block in blocks for line in block.replace("\\\n", " ").split("\n"))
    joined = "\n".join(lines).replace("|\n", "| ").split("\n")
    return [line.rpartition("|")[2].strip() for line in joined if _INVOKE in line]


def arguments(command: str, function: str, event: str) -> list[str]:
    """Split a command as a shell does, for another function and event."""
    words = shlex.split(os.path.expandvars(command.replace("$PWD", str(ROOT))))
    words[words.index("invoke") + 1] = function
    words[words.index("--event") + 1] = event
    return words


def events() -> list[tuple[str, str]]:
    """List each event with its function; a row without one belongs to the function above it."""
    rows, function = [], ""
    for event, named in _ROW.findall((ROOT / EVENTS).read_text()):
        function = named or function
        rows.append((event, function))
    return rows
