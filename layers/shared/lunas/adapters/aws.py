"""boto3 clients, made once per process, with time-outs that fit inside a function's own."""

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_sqs import SQSClient

# Standard mode retries throttling, 5xx and broken connections; the token of TransactWriteItems
# stays the same over its tries, so a repeated write applies once.
CONFIG = Config(
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "max_attempts": 4},
    tcp_keepalive=True,
)


@cache
def dynamodb() -> "DynamoDBClient":
    """Return this process's DynamoDB client."""
    return boto3.client("dynamodb", config=CONFIG)


@cache
def sqs() -> "SQSClient":
    """Return this process's SQS client."""
    return boto3.client("sqs", config=CONFIG)


@cache
def kms() -> "KMSClient":
    """Return this process's KMS client."""
    return boto3.client("kms", config=CONFIG)
