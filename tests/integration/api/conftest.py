"""An AWS account of moto with the table and the key secret; one thread only."""

import json
from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from lunas.aws import clients, secrets
from lunas.storage.table import Table
from tests.support.api_requests import AUTH_SECRET
from tests.support.template import table_properties

DUITKU = {"merchantCode": "DS00001", "apiKey": "duitku-key"}
SETTINGS = {
    "AWS_DEFAULT_REGION": "ap-southeast-3",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_LAMBDA_FUNCTION_NAME": "lunas",
    "TABLE_NAME": "lunas",
    "AUTH_SECRET_ID": "auth",
    "DUITKU_SECRET_ID": "duitku",
    "DUITKU_API_URL": "http://127.0.0.1:9",
    "DUITKU_POP_URL": "http://127.0.0.1:9",
    "DUITKU_CALLBACK_URL": "https://lunas.test/callback",
    "RETURN_URL": "https://shop.test/back",
    "INVOICE_MINUTES": "60",
}
"""The environment of a function; nothing answers at Duitku's address."""


def forget() -> None:
    """Start as a fresh process does: without clients and remembered secrets."""
    secrets._provider.cache_clear()  # noqa: SLF001  (a process ends by no other way)
    clients.dynamodb.cache_clear()
    clients.sqs.cache_clear()
    clients.kms.cache_clear()
    clients.secrets_manager.cache_clear()
    clients._session.cache_clear()  # noqa: SLF001


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Make an account with nothing in it but an empty table and the secrets, for a module."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in SETTINGS.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        forget()
        clients.dynamodb().create_table(TableName="lunas", **table_properties())
        cache = boto3.client("secretsmanager")
        for name, secret in {"auth": AUTH_SECRET, "duitku": DUITKU}.items():
            cache.create_secret(Name=name, SecretString=json.dumps(secret))
        yield Table.from_environment()
    forget()
