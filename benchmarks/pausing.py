"""Pauses the stack's own workers while other functions are measured on its table."""

from collections.abc import Iterator
from contextlib import contextmanager

from local.cloud import Stack
from local.cloud.aws import Aws

WORKERS = ("PublishEnrollmentsFunction", "DeliverEnrollmentFunction", "RecordProgressFunction")
"""The functions of every stack that take a settled payment to its enrollment."""


@contextmanager
def stream_paused(stack: Stack) -> Iterator[None]:
    """Pause stream and queue during the block, which writes payments."""
    functions = Aws(stack.aws_endpoint_url, stack.region).functions
    # Other workers may be disabled, as sale reports are by default; the emulator does not show it.
    mappings = [
        each
        for each in functions.list_event_source_mappings()["EventSourceMappings"]
        if any(name in each["FunctionArn"] for name in WORKERS)
    ]
    for each in mappings:
        functions.update_event_source_mapping(UUID=each["UUID"], Enabled=False)
    try:
        yield
    finally:
        for each in mappings:
            functions.update_event_source_mapping(UUID=each["UUID"], Enabled=True)
