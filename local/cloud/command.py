"""Runs the commands that make a stack, and ends them with everything they started."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """How a command ended, and everything it printed."""

    succeeded: bool
    output: str

    def end(self, lines: int = 30) -> str:
        """Give the last lines, where the reason of a failure usually is."""
        return "\n".join(self.output.splitlines()[-lines:])


def run(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str]) -> Outcome:
    """Run to the end; an interrupt meanwhile also ends what the command has started."""
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            output, _ = process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return Outcome(process.returncode == 0, output)
