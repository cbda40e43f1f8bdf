"""The AWS side of a test: the table, the functions and the delivery queue of a running stack."""

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from local.cloud import Stack
from local.cloud.aws import Aws
from lunas.cli.stacks import ALIAS
from lunas.domain.times import to_iso
from lunas.storage.expressions import Change, Key, to_wire
from lunas.storage.table import Table


class Cloud:
    """A stack behind its HTTP API: what a schedule, a queue or an operator does."""

    def __init__(self, stack: Stack) -> None:
        self._aws = Aws(stack.aws_endpoint_url, stack.region)
        self._queue_url = stack.delivery_queue_url
        self.table = Table(self._aws.dynamodb, stack.table_name)

    def invoke(self, function: str, event: Mapping[str, Any] | None = None) -> Any:
        """Invoke a function by its name in template.yaml and return its answer; it may not fail."""
        answer = self._aws.functions.invoke(
            FunctionName=self._functions[function],
            Qualifier=ALIAS,
            Payload=json.dumps(event or {}).encode(),
        )
        content = answer["Payload"].read()
        assert not answer.get("FunctionError"), content
        return json.loads(content or b"null")

    def make_due(self, key: Key, **more: str) -> None:
        """Make an item due a minute ago, with other attributes changed as given."""
        moment = to_iso(datetime.now(UTC) - timedelta(minutes=1))
        assert self.table.update(key, Change({"dueAt": moment, **more}))

    def queue(self, body: str, group: str) -> None:
        """Put a message into the delivery queue."""
        self._aws.sqs.send_message(
            QueueUrl=self._queue_url,
            MessageBody=body,
            MessageGroupId=group,
            MessageDeduplicationId=str(uuid.uuid4()),
        )

    def queued(self) -> int:
        """Return how many messages are in the delivery queue, including those in flight."""
        attributes = self._aws.sqs.get_queue_attributes(
            QueueUrl=self._queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return sum(int(number) for number in attributes.values())

    def delete(self, key: Key) -> None:
        """Delete an item of the table."""
        self.table.client.delete_item(TableName=self.table.name, Key=to_wire(key))

    @contextmanager
    def deliveries_held(self) -> Iterator[None]:
        """Keep what is queued in the queue for as long as the block lasts."""
        functions, mapping = self._aws.functions, self._queue_mapping()
        functions.update_event_source_mapping(UUID=mapping, Enabled=False)
        try:
            yield
        finally:
            functions.update_event_source_mapping(UUID=mapping, Enabled=True)

    def _queue_mapping(self) -> str:
        mappings = self._aws.functions.list_event_source_mappings()["EventSourceMappings"]
        queue = self._queue_url.rpartition("/")[2]
        (found,) = (each for each in mappings if each["EventSourceArn"].endswith(f":{queue}"))
        return found["UUID"]

    @cached_property
    def _functions(self) -> dict[str, str]:
        pages = self._aws.functions.get_paginator("list_functions").paginate()
        names = [each["FunctionName"] for page in pages for each in page["Functions"]]
        # The emulator names a function stack-LogicalName-random.
        return {name.split("-")[1]: name for name in names}
