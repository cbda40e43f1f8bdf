"""Keeps the stack's own functions quiet while others are measured on its table."""

from collections.abc import Iterator
from contextlib import contextmanager

from local.cloud import Stack
from local.cloud.aws import Aws


@contextmanager
def stream_paused(stack: Stack) -> Iterator[None]:
    """Hold stream and queue for as long as the block lasts: what is measured writes payments."""
    functions = Aws(stack.aws_endpoint_url, stack.region).functions
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    for each in mappings:
        functions.update_event_source_mapping(UUID=each["UUID"], Enabled=False)
    try:
        yield
    finally:
        for each in mappings:
            functions.update_event_source_mapping(UUID=each["UUID"], Enabled=True)
