"""The table of template.yaml in memory, queues and secrets of moto; one thread only."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from lunas.aws import clients, secrets
from lunas.storage.catalog import Catalog
from lunas.storage.enrollments import Enrollments
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.integration.layer.queues import Queues
from tests.integration.layer.webhook import Webhook
from tests.support.api_requests import AUTH_SECRET
from tests.support.builders import bundle, course, package
from tests.support.duitku_vectors import B
from tests.support.dynamodb.client import install
from tests.support.dynamodb.table import Table as Memory
from tests.support.logs import Logged

SECRETS: dict[str, Any] = {
    "auth": AUTH_SECRET,
    "duitku": {"merchantCode": B.merchant, "apiKey": B.key},
    "thinkific": {
        "apiKey": "thinkific-key",
        "accessToken": "thinkific-token",
        "clientId": "app",
        "clientSecret": "hunter2",
    },
}
ENVIRONMENT = {
    "AWS_DEFAULT_REGION": "ap-southeast-3",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_LAMBDA_FUNCTION_NAME": "lunas",
    "TABLE_NAME": "lunas",
    "AUTH_SECRET_ID": "auth",
    "DUITKU_SECRET_ID": "duitku",
    "THINKIFIC_SECRET_ID": "thinkific",
    "DUITKU_API_URL": "https://v2.test",
    "DUITKU_POP_URL": "https://pop.test",
    "DUITKU_CALLBACK_URL": "https://lunas.test/callback",
    "RETURN_URL": "https://shop.test/back",
    "INVOICE_MINUTES": "60",
    "THINKIFIC_API_URL": "https://thinkific.test",
    "THINKIFIC_SUBDOMAIN": "shop",
    "THINKIFIC_REQUESTS_PER_MINUTE": "60000",
    "THINKIFIC_OAUTH_URL": "https://{subdomain}.thinkific.test",
    "API_URL": "https://{apiId}.execute-api.test",
    "POWERTOOLS_SERVICE_NAME": "lunas-test",
    "EXTERNAL_ORDER_FACTOR": "100",
    "PLATFORM_WEBHOOK_URL": "https://lunas.test/webhooks/thinkific",
}


@pytest.fixture(scope="module")
def account() -> Iterator[Memory]:
    """Make an AWS account with nothing in it but secrets; its clients serve a whole module."""
    memory = Memory()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.delenv("AWS_PROFILE", raising=False)
        install(memory, patch)
        forget_clients()
        cache = boto3.client("secretsmanager")
        for name, value in SECRETS.items():
            cache.create_secret(Name=name, SecretString=json.dumps(value))
        patch.setenv("TOKEN_KEY", boto3.client("kms").create_key()["KeyMetadata"]["Arn"])
        yield memory
    forget_clients()


def forget_clients() -> None:
    """Start as a fresh process does: without clients and remembered secrets."""
    secrets._provider.cache_clear()  # noqa: SLF001  (a process ends by no other way)
    clients.dynamodb.cache_clear()
    clients.sqs.cache_clear()
    clients.kms.cache_clear()
    clients.secrets_manager.cache_clear()
    clients._session.cache_clear()  # noqa: SLF001


@pytest.fixture
def cloud(account: Memory) -> None:
    """Start with an empty table."""
    account.clear()


@pytest.fixture
def table(cloud: None) -> Table:  # noqa: ARG001
    return Table.from_environment()


@pytest.fixture
def payments(table: Table) -> Payments:
    return Payments(table)


@pytest.fixture
def enrollments(table: Table) -> Enrollments:
    return Enrollments(table)


@pytest.fixture
def catalog(table: Table) -> Catalog:
    """Fill the catalog with two courses, a package that offers each, and a bundle of both."""
    made = Catalog(table)
    made.put_course(course("c1", platform_course_id="2000001"))
    made.put_course(course("c2", platform_course_id="2000002"))
    made.put_package(package())
    made.put_package(bundle("c1", "c2"))
    return made


@pytest.fixture
def queues(cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queues]:  # noqa: ARG001
    made = Queues()
    monkeypatch.setenv("DELIVERY_QUEUE_URL", made.delivery_url)
    monkeypatch.setenv("DEAD_LETTER_QUEUE_URL", made.dead_letter_url)
    monkeypatch.setenv("PROGRESS_QUEUE_URL", made.progress_url)
    monkeypatch.setenv("PROGRESS_DEAD_LETTER_QUEUE_URL", made.progress_dead_letter_url)
    yield made
    made.delete()


@pytest.fixture
def calls(cloud: None) -> Iterator[Counter[str]]:  # noqa: ARG001
    """Count the calls to DynamoDB by operation; clear it after what prepares a test."""
    made: Counter[str] = Counter()

    def counted(model: Any, **_: Any) -> None:
        made[model.name] += 1

    events = clients.dynamodb().meta.events
    events.register("before-call.dynamodb", counted)
    yield made
    events.unregister("before-call.dynamodb", counted)


@pytest.fixture
def webhook(
    table: Table,
    catalog: Catalog,  # noqa: ARG001
    calls: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Webhook:
    """Open an order for the webhook to receive callbacks about."""
    return Webhook.opened(table, calls, monkeypatch)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Logged:
    return Logged(monkeypatch, capsys)
