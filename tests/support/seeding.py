"""Puts payments, enrollments and anomalies straight into a table, many at a time."""

import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from local.cloud import Stack
from lunas.domain.payments import Payment
from lunas.storage.expressions import Item, to_wire
from tests.support import builders

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BATCH = 25
"""Items of one BatchWriteItem, DynamoDB's limit."""
THREADS = 4


def dynamodb(stack: Stack) -> "DynamoDBClient":
    """Return a client for the table of a stack."""
    return boto3.client(
        "dynamodb",
        endpoint_url=stack.aws_endpoint_url,
        region_name=stack.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        # The emulator validates as well, and large tables are filled twice as fast.
        config=Config(parameter_validation=False),
    )


def fill(client: "DynamoDBClient", table: str, items: Iterable[Item]) -> None:
    """Write items, in parallel batches."""

    def write(batch: Sequence[Item]) -> None:
        requests: Any = [{"PutRequest": {"Item": to_wire(item)}} for item in batch]
        left = client.batch_write_item(RequestItems={table: requests})["UnprocessedItems"]
        assert not left

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(write, batched(items, BATCH, strict=False)))


def payment_at(at: datetime, **changes: Any) -> Payment:
    """Build a payment created at a time, with an id of its own."""
    made = {"id": f"pay{uuid.uuid4().hex}", "created_at": at, "updated_at": at, **changes}
    return builders.payment(**made)
