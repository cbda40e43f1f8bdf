"""The emulator of AWS alone, without a stack in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.cloud import emulator
from local.cloud.aws import Aws
from local.cloud.options import Options
from local.cloud.ports import HOST, free_port
from local.cloud.state import State


@contextmanager
def running_emulator(folder: Path) -> Iterator[Aws]:
    """Run the emulator for as long as the block lasts, with its files in ``folder``."""
    state, port = State(folder), free_port()
    state.prepare()
    service = emulator.start(state, port, Options())
    try:
        aws = Aws(f"http://{HOST}:{port}", emulator.REGION)
        emulator.wait(service, aws.endpoint)
        yield aws
    finally:
        service.stop()
        state.discard()
