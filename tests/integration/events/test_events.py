"""Every event of events/ runs through Lambda's own runtime client, on what sam build made.

The functions have their settings, secrets and providers from the deployed stack, and a table and
queues of their own. Before each event the table is filled as its case requires.
"""

import json
import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from local.cloud import Stack, deploy
from local.cloud.aws import Aws
from local.cloud.build import this_machine
from local.cloud.state import ROOT
from local.tokens import user_token
from lunas.cli.stacks import ALIAS
from lunas.domain.anomalies import AnomalyKind, anomaly
from lunas.domain.enrollments import Delivery, DeliveryStatus
from lunas.domain.payments import BoughtCourse, Status
from lunas.storage import keys
from lunas.storage.anomalies import anomaly_item
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import Item, to_wire
from lunas.storage.payment_items import payment_item
from tests.support import template
from tests.support.builders import enrollment, manual, payment
from tests.support.lambda_runtime import Function, Running, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the emulator is a Linux program")

PAYMENT = "pay5f0c8d4e9b7a4c61a2d3e4f5061728ab"
ENROLLMENT = "enre644b8428141b5fc45cffb7c4925383e"
SITES = {"thinkific_oauth": "lunas-academy", "thinkific_webhook": "shop"}
"""The sites that events name."""
COURSE = BoughtCourse("python-dasar", "Dasar Pemrograman Python", "2000001")
AT = datetime(2026, 11, 22, 3, 4, 5, 678000, tzinfo=UTC)
NOTHING, ORDERED, CLAIMED, WAITING, OWNED = "NOTHING", "ORDERED", "CLAIMED", "WAITING", "OWNED"
ARTIFACTS = this_machine().artifacts


@dataclass(frozen=True)
class Case:
    """The setup of an event and its answer: a status and a text in the body.

    An answer that is not of HTTP has no status; the text is searched in all of it.
    """

    setup: str
    status: int | None
    expected: str


CASES = {
    "anomalies-list": Case(NOTHING, 200, '"AMOUNT_DIFFERS"'),
    "anomalies-resolve": Case(NOTHING, 404, "not-found"),
    "api_docs-docs": Case(NOTHING, 200, "Lunas API"),
    "api_docs-openapi": Case(NOTHING, 200, '"openapi"'),
    "approve_payment-approve": Case(CLAIMED, 200, '"APPROVED"'),
    "approve_payment-overbook": Case(CLAIMED, 200, '"APPROVED"'),
    "approve_payment-reject": Case(CLAIMED, 200, '"REJECTED"'),
    "catalog-get-package": Case(NOTHING, 200, '"Kelas Pemula"'),
    "catalog-health": Case(NOTHING, 200, '"ok"'),
    "catalog-health-head": Case(NOTHING, 200, ""),
    "catalog-list-courses": Case(NOTHING, 200, '"python-dasar"'),
    "catalog-list-packages": Case(NOTHING, 200, '"bundle-data"'),
    "catalog-put-course": Case(NOTHING, 200, '"quota":100'),
    "catalog-put-package": Case(NOTHING, 200, '"literasi-data"'),
    "deliver_enrollment-queue": Case(WAITING, None, '"batchItemFailures":[]'),
    "duitku_webhook-function-url": Case(ORDERED, 200, "OK"),
    "duitku_webhook-http-api": Case(ORDERED, 200, "OK"),
    "enrollments-course-status": Case(OWNED, 200, '"ENROLLED"'),
    "enrollments-get": Case(OWNED, 200, ENROLLMENT),
    "enrollments-list": Case(OWNED, 200, '"items":[]'),
    "enrollments-my-enrollments": Case(OWNED, 200, ENROLLMENT),
    "enrollments-progress": Case(OWNED, 200, '"progress":40'),
    "enrollments-redeliver": Case(OWNED, 200, '"PENDING"'),
    "initiate_payment-initiate": Case(NOTHING, 201, '"PENDING"'),
    "initiate_payment-initiate-alias": Case(NOTHING, 200, '"PENDING"'),
    "initiate_payment-idempotency-key": Case(NOTHING, 200, '"PENDING"'),
    "initiate_payment-initiate-channel": Case(NOTHING, 201, '"bundle-data"'),
    "initiate_payment-methods": Case(NOTHING, 200, '"code"'),
    "payments-get": Case(OWNED, 200, PAYMENT),
    "payments-history": Case(OWNED, 200, '"items"'),
    "payments-list": Case(CLAIMED, 200, PAYMENT),
    "payments-list-csv": Case(OWNED, 200, PAYMENT),
    "payments-of-user": Case(OWNED, 200, PAYMENT),
    "payments-submit": Case(NOTHING, 201, '"PAID"'),
    "publish_enrollments-stream": Case(NOTHING, None, '"batchItemFailures":[]'),
    "publish_sale_reports-stream": Case(NOTHING, None, '"batchItemFailures":[]'),
    "recheck_payment-check": Case(ORDERED, 200, '"PENDING"'),
    "recheck_payment-recheck": Case(ORDERED, 200, '"PENDING"'),
    "reconcile-schedule": Case(NOTHING, None, ""),
    "refund_payment-learner": Case(OWNED, 200, '"budi@example.org"'),
    "refund_payment-refund": Case(OWNED, 200, '"REFUNDED"'),
    "report_sales-queue": Case(OWNED, None, '"batchItemFailures":[]'),
    "audit-schedule": Case(NOTHING, None, ""),
    "sync_courses-nightly": Case(NOTHING, None, ""),
    "sync_courses-sync": Case(NOTHING, 200, '"mapped"'),
    "thinkific_oauth-callback": Case(NOTHING, 403, "This link is not valid"),
    "thinkific_oauth-cancelled": Case(NOTHING, 200, "Connecting was cancelled"),
    "thinkific_oauth-install": Case(NOTHING, 200, "/oauth2/authorize"),
    "thinkific_oauth-revoke": Case(NOTHING, 200, ""),
    "thinkific_webhook-event": Case(OWNED, 200, ""),
    "record_progress-queue": Case(OWNED, None, '"batchItemFailures":[]'),
    "sync_progress-nightly": Case(NOTHING, None, ""),
    "sync_progress-register": Case(NOTHING, None, ""),
    "thinkific_oauth-status": Case(NOTHING, 200, "redirectUri"),
}
FUNCTIONS = sorted({name.split("-")[0] for name in CASES})
USER_ROUTES = (
    "recheck_payment-check",
    "initiate_payment",
    "payments-submit",
    "enrollments-my",
    "enrollments-course",
)


@dataclass(frozen=True)
class Stage:
    """The table and the queues that the events meet, and the settings that name them."""

    stack: Stack
    aws: Aws
    settings: dict[str, str]

    def settings_of(self, function: str) -> dict[str, str]:
        """Give the settings that a function has here instead of its own."""
        if function not in SITES:
            return self.settings
        return {**self.settings, "THINKIFIC_SUBDOMAIN": SITES[function]}

    def set_up(self, setup: str) -> None:
        """Fill the table as a case requires; of other cases only the catalog stays."""
        table = self.settings["TABLE_NAME"]
        for partition in (keys.payment(PAYMENT), keys.enrollment(ENROLLMENT)):
            self._empty(table, partition["pk"])
        for item in items_of(setup):
            self.aws.dynamodb.put_item(TableName=table, Item=to_wire(item))

    def _empty(self, table: str, partition: str) -> None:
        """Delete a partition: a payment with its history."""
        found = self.aws.dynamodb.query(
            TableName=table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": partition}},
        )
        for item in found["Items"]:
            key = {name: item[name] for name in ("pk", "sk")}
            self.aws.dynamodb.delete_item(TableName=table, Key=key)

    def function(self, name: str, deployed: str) -> Function:
        """Give a built function with the settings of the deployed one."""
        logical_id = f"{name.title().replace('_', '')}Function"
        reply = self.aws.functions.get_function_configuration(
            FunctionName=deployed, Qualifier=ALIAS
        )
        deployed_with = reply.get("Environment", {}).get("Variables", {})
        settings = {**deployed_with, **self.settings_of(name)}
        layer = ARTIFACTS / "SharedLayer" / "python"
        return Function(ARTIFACTS / logical_id, [layer], settings, name, timeout=reply["Timeout"])


def items_of(setup: str) -> Iterator[Item]:
    """Make the items of a setup."""
    more: dict[str, Any] = {
        "id": PAYMENT,
        "package_id": "entry",
        "course_id": COURSE.id,
        "courses": (COURSE,),
        "created_at": AT,
        "updated_at": AT,
    }
    match setup:
        case "ORDERED":
            yield payment_item(payment(Status.PENDING, **more))
        case "CLAIMED":
            yield payment_item(manual(Status.PAID, **more))
        case "WAITING" | "OWNED":
            waits = setup == WAITING
            status = Status.APPROVED if waits else Status.COMPLETED
            more["undelivered"] = frozenset({COURSE.id} if waits else ())
            yield payment_item(payment(status, **more))
            delivery = Delivery(
                status=DeliveryStatus.PENDING if waits else DeliveryStatus.DELIVERED
            )
            yield enrollment_item(
                enrollment(
                    COURSE.id,
                    id=ENROLLMENT,
                    payment_id=PAYMENT,
                    course_name=COURSE.name,
                    platform_course_id=COURSE.platform_course_id,
                    delivery=delivery,
                )
            )
        case _:
            yield anomaly_item(anomaly(AnomalyKind.AMOUNT_DIFFERS, PAYMENT, {"amount": "1"}, AT))


@pytest.fixture(scope="module")
def stage(production: Stack) -> Iterator[Stage]:
    with staged(production) as made:
        yield made


@contextmanager
def staged(stack: Stack) -> Iterator[Stage]:
    """Make a table with the stack's catalog, and queues without consumers."""
    aws, mine = Aws(stack.aws_endpoint_url, stack.region), uuid.uuid4().hex[:8]
    table = f"events-{mine}"
    aws.dynamodb.create_table(TableName=table, **template.table_properties())
    copy_catalog(aws, stack.table_name, table)
    queues = {
        setting: aws.sqs.create_queue(
            QueueName=f"events-{number}-{mine}.fifo", Attributes={"FifoQueue": "true"}
        )["QueueUrl"]
        for number, setting in enumerate(queue_settings())
    }
    yield Stage(stack, aws, {**queues, **address(stack), "TABLE_NAME": table})
    aws.dynamodb.delete_table(TableName=table)


def queue_settings() -> set[str]:
    """Give the settings of all functions that name a queue."""
    found = [
        each.get("Environment", {}).get("Variables", {}) for each in template.functions().values()
    ]
    return {name for variables in found for name in variables if name.endswith("QUEUE_URL")}


def address(stack: Stack) -> dict[str, str]:
    """Give what Lambda itself sets, for the emulator of AWS."""
    return {
        "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
        "AWS_REGION": stack.region,
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "",
        "NO_PROXY": os.environ.get("NO_PROXY", "127.0.0.1"),
    }


def copy_catalog(aws: Aws, source: str, target: str) -> None:
    for kind in ("CATALOG#PACKAGE", "CATALOG#COURSE"):
        found = aws.dynamodb.query(
            TableName=source,
            KeyConditionExpression="pk = :kind",
            ExpressionAttributeValues={":kind": {"S": kind}},
        )
        for item in found["Items"]:
            aws.dynamodb.put_item(TableName=target, Item=item)


def event(name: str, stack: Stack) -> dict[str, Any]:
    """Read an event, with a token of the user or the admin in place of TOKEN."""
    text = (ROOT / "events" / f"{name}.json").read_text()
    user = name.startswith(USER_ROUTES)
    token = user_token(stack, "u1") if user else user_token(stack, "a1", role="ADMIN")
    found: dict[str, Any] = json.loads(text.replace("TOKEN", token))
    return found


def test_every_event_has_a_case() -> None:
    assert sorted(CASES) == sorted(path.stem for path in (ROOT / "events").glob("*.json"))


def test_every_function_and_every_trigger_has_an_event() -> None:
    assert set(FUNCTIONS) == {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    events = [json.loads(path.read_text()) for path in (ROOT / "events").glob("*.json")]
    assert {each["routeKey"] for each in events if "routeKey" in each} == {
        *template.routes(),
        "$default",
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_event_gets_its_expected_answer(function: str, stage: Stage) -> None:
    deployed = deploy.resources(stage.aws)[f"{function.title().replace('_', '')}Function"]
    with running(stage.function(function, deployed)) as started:
        wrong = [
            found
            for name, case in CASES.items()
            if name.split("-")[0] == function and (found := difference(name, case, stage, started))
        ]
    assert wrong == []


def difference(name: str, case: Case, stage: Stage, started: Running) -> str | None:
    """Send an event; return how the answer differs from its case, None if it does not."""
    stage.set_up(case.setup)
    answer = started.invoke(event(name, stage.stack))
    status = answer.get("statusCode") if isinstance(answer, dict) else None
    body = answer["body"] if status else json.dumps(answer)
    squeezed = body.replace('": ', '":').replace(", ", ",")
    right = status == case.status and case.expected.replace(", ", ",") in squeezed
    return None if right else f"{name}: {status} {body[:300]}\n{started.tail()}"
