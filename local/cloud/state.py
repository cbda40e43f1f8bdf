"""The folder that holds everything of one running stack, so that several can run side by side."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.cloud.errors import InUse

ROOT = Path(__file__).resolve().parent.parent.parent
TOOLS = ROOT / ".local" / "tools"


@dataclass(frozen=True)
class State:
    """Paths inside one state directory; ``make up`` uses ``.local``."""

    folder: Path

    @property
    def stack_file(self) -> Path:
        """Where the stack can be reached, with its keys; present while it is up."""
        return self.folder / "stack.json"

    @property
    def logs(self) -> Path:
        """Logs of the emulator and the simulators; kept until the next start."""
        return self.folder / "logs"

    @property
    def function_logs(self) -> Path:
        """One file a function, with every line it logged."""
        return self.logs / "functions"

    @property
    def run(self) -> Path:
        """Locks and process ids of the running services."""
        return self.folder / "run"

    @property
    def temporary(self) -> Path:
        """What the emulator writes while it runs; gone when it stops."""
        return self.folder / "tmp"

    @property
    def unpacked(self) -> Path:
        """Code and layers of the functions, unpacked once for all their workers."""
        return self.temporary / "unpacked"

    def prepare(self) -> None:
        """Make the folders, empty of an earlier run's leftovers and logs."""
        self.discard()
        shutil.rmtree(self.logs, ignore_errors=True)
        for folder in (self.function_logs, self.run, self.unpacked):
            folder.mkdir(parents=True, exist_ok=True)

    def discard(self) -> None:
        """Remove what has no use once the stack is down; the logs stay."""
        self.stack_file.unlink(missing_ok=True)
        shutil.rmtree(self.temporary, ignore_errors=True)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Keep other commands from starting or stopping the same stack meanwhile."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def owned(self) -> Iterator[None]:
        """Claim the folder for one command; raises ``InUse`` when a living one has it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "owner").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"another command is using the stack in {self.folder}"
                raise InUse(message) from error
            yield
