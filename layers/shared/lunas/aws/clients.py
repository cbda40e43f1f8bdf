"""Clients of AWS, created once per process, with time-outs shorter than a function's own.

They come from boto3, whose resources and S3's transfers no start loads
(docs/decisions/0027-clients-from-boto3.md).
"""

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
from botocore.config import Config

from lunas.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_sqs import SQSClient

TRIES = 4
"""How many times a call is sent in all."""
# Standard mode retries throttling, 5xx and broken connections. Retries of TransactWriteItems keep
# their token, so a repeated write applies once. A fixed user agent and no validation of parameters,
# which AWS validates anyway, save half of a call's processor time.
CONFIG = Config(
    user_agent="Lunas/1",
    parameter_validation=False,
    connect_timeout=2,
    read_timeout=5,
    retries={"mode": "standard", "total_max_attempts": TRIES},
    tcp_keepalive=True,
)
DESCRIPTIONS = Path(__file__).with_name("descriptions")
"""Changes to botocore's descriptions of AWS's services, in the format of its loader."""


def prepare(*makers: Callable[[], object]) -> None:
    """Create clients and services while Lambda starts the function, before the first request.

    A start has a whole processor, a request only the share that the function's memory size buys.
    Outside of Lambda they are created when they are needed. A missing setting is reported by the
    requests that need it.
    """
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        for make in makers:
            with suppress(ConfigurationError):
                make()


@cache
def dynamodb() -> "DynamoDBClient":
    """Return this process's DynamoDB client.

    It finds the address of DynamoDB once. botocore would derive it from the parameters of each
    call again, which took as long as signing a transaction.
    """
    client: DynamoDBClient = _client("dynamodb")
    vars(client)["_ruleset_resolver"] = None
    return client


@cache
def sqs() -> "SQSClient":
    """Return this process's SQS client."""
    client: SQSClient = _client("sqs")
    return client


@cache
def secrets_manager() -> "SecretsManagerClient":
    """Return this process's Secrets Manager client."""
    client: SecretsManagerClient = _client("secretsmanager")
    return client


@cache
def kms() -> "KMSClient":
    """Return this process's KMS client."""
    client: KMSClient = _client("kms")
    return client


def _client(service: str) -> Any:  # noqa: ANN401
    _session()
    return boto3.client(service, config=CONFIG)  # type: ignore[call-overload]


@cache
def _session() -> botocore.session.Session:
    """Return boto3's default session, which the clients share, with its cached descriptions.

    Besides botocore's own descriptions it reads one of Lunas. That one declares items and values of
    DynamoDB as documents, which botocore passes on as JSON. Otherwise botocore would check each of
    a value's ten possible types, which took half of the time of a list page. It also sets the
    protocol: botocore chooses one, and only those of JSON have documents.
    """
    session = botocore.session.get_session()
    session.get_component("data_loader").search_paths.append(str(DESCRIPTIONS))
    boto3.setup_default_session(botocore_session=session)
    return session
