"""Keeps the stack's own functions quiet while others are measured on its table."""

from collections.abc import Iterator
from contextlib import contextmanager

from local.cloud import Stack
from local.cloud.aws import Aws

WORKERS = ("PublishEnrollmentsFunction", "DeliverEnrollmentFunction", "RecordProgressFunction")
"""What is on in every stack, and stands between a settled payment and its enrollment."""


@contextmanager
def stream_paused(stack: Stack) -> Iterator[None]:
    """Hold stream and queue for as long as the block lasts: what is measured writes payments."""
    functions = Aws(stack.aws_endpoint_url, stack.region).functions
    # Others may be off, as reports of orders are by default; the emulator does not tell.
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
