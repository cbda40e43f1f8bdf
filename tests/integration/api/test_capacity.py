"""The cost of a request does not grow with the table: same calls, same units, never a Scan."""

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import boto3
import pytest

from benchmarks.costs.bill import operations
from local.cloud import Stack
from lunas.aws import clients
from lunas.aws.queues import message_body, progress_body
from lunas.domain.anomalies import AnomalyKind, anomaly
from lunas.domain.catalog import Course
from lunas.domain.delivery import DeliveryRequest
from lunas.domain.enrollments import Delivery, DeliveryStatus, enrollment_id
from lunas.domain.payments import BoughtCourse, Method, Status
from lunas.domain.progress import ProgressEvent
from lunas.storage.anomalies import anomaly_item
from lunas.storage.catalog import Catalog
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.expressions import Item
from lunas.storage.payment_items import payment_item
from lunas.storage.payments import Payments
from lunas.storage.table import Table
from tests.integration.api.conftest import SETTINGS, forget
from tests.support.api_requests import (
    AUTH_SECRET,
    Json,
    request,
    service_headers,
    service_token,
    user_token,
)
from tests.support.builders import bundle as bundle_of
from tests.support.builders import enrollment, package
from tests.support.functions import invoke
from tests.support.length import by_length
from tests.support.metering import Cost, metered
from tests.support.people import ACCOUNTING, AGUS, DEWI, MARKETING, PACKAGE_NAME, RIZKY, SITI, Buyer
from tests.support.progress_fakes import delivered, report
from tests.support.providers import Duitku
from tests.support.seeding import dynamodb, fill, payment_at
from tests.support.template import resources, routes, statements, table_properties

FEW, MANY = 100, by_length(2_000, 10_000, 10_000)
START = datetime(2025, 1, 1, tzinfo=UTC)
OWNER, LEARNER, NEWCOMER, SCANNER = AGUS, SITI, RIZKY, DEWI
PURCHASE = {"packageId": "kelas-pemula", "courseId": ACCOUNTING.id}
PROOF = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
WITHOUT_TABLE = {
    "GET /health",
    "HEAD /health",
    "GET /openapi.json",
    "GET /docs",
    "POST /webhooks/thinkific",
}
A_STREAM = {"Sub": "${Table.Arn}/stream/*"}
"""A stream's name holds its time of creation; only listing is allowed."""
DELIVERY = "EVENT delivery"
SAME_HANDLER = {"POST /payment/initiate"}


def content(payments: int, held: int = 0) -> Iterator[Item]:
    """Make payments of one learner: each fifth has an enrollment, each tenth an anomaly.

    ``held``: how many of them exist already.
    """
    for number in range(held, payments):
        at = START + timedelta(minutes=number)
        status = [*Status][number % len(Status)]
        method = [*Method][number % 3 % len(Method)]
        made = payment_at(
            at,
            user_id=OWNER.id,
            package_name=PACKAGE_NAME,
            course_id=ACCOUNTING.id,
            courses=bought_as(ACCOUNTING),
            customer=OWNER.customer,
            learner=OWNER.learner,
            status=status,
            method=method,
        )
        yield payment_item(made)
        if number % 5 == 0:
            yield enrollment_item(
                enrollment(
                    ACCOUNTING.id,
                    id=enrollment_id(OWNER.id, f"c{number:05}"),
                    user_id=OWNER.id,
                    course_name=ACCOUNTING.name,
                    payment_id=made.id,
                    created_at=at,
                    delivery=Delivery(status=[*DeliveryStatus][number // 5 % 4]),
                )
            )
        if number % 10 == 0:
            evidence = {"amount": f"{number:06}"}
            yield anomaly_item(anomaly(AnomalyKind.UNKNOWN_ORDER, f"o{number:05}", evidence, at))


@dataclass
class Meter:
    """Sends requests to the functions in this process, and records the cost of each."""

    table: Table
    costs: dict[str, Cost] = field(default_factory=dict)

    def ask(
        self, function: str, route: str, path: str | None = None, note: str = "", **more: Any
    ) -> Json:
        """Send a request that has to succeed."""
        more.setdefault("token", user_token("a1", "ADMIN"))
        with metered(clients.dynamodb()) as cost:
            answer = invoke(function, request(route, path, **more))
        assert answer["statusCode"] < 300, answer
        name = f"{route} {note}".strip()
        assert name not in self.costs
        self.costs[name] = cost
        is_json = answer["body"].startswith("{")
        found: Json = json.loads(answer["body"]) if is_json else {}
        return found

    def deliver(self, user_id: str, payment_id: str, note: str) -> None:
        """Hand the request of a purchase to the function that delivers enrollments."""
        wanted = DeliveryRequest(
            enrollment_id=enrollment_id(user_id, ACCOUNTING.id),
            payment_id=payment_id,
            user_id=user_id,
            course_id=ACCOUNTING.id,
            request=1,
        )
        with metered(clients.dynamodb()) as cost:
            answer = invoke("deliver_enrollment", _queued(message_body(wanted)))
        assert answer == {"batchItemFailures": []}
        done = Payments(self.table).get(payment_id)
        assert done
        assert done.status is Status.COMPLETED
        self.costs[f"{DELIVERY} {note}".strip()] = cost

    def send_event(self, percent: int, note: str) -> None:
        """Hand an event of Thinkific to the function that records progress."""
        event = ProgressEvent(id=f"event-{percent}", report=report(percent))
        with metered(clients.dynamodb()) as cost:
            answer = invoke("record_progress", _queued(progress_body(event)))
        assert answer == {"batchItemFailures": []}
        self.costs[f"EVENT progress {note}"] = cost


def token_of(buyer: Buyer) -> str:
    """Return the token of a buyer."""
    return user_token(buyer.id, **buyer.claims)


def newcomers(table: str) -> tuple[Buyer, Buyer]:
    """Return the buyers whose courses are delivered, unknown to the platform for each table."""
    mark = hashlib.sha256(table.encode()).hexdigest()[:2]
    return replace(NEWCOMER, email=f"{mark}{NEWCOMER.email}"), replace(
        SCANNER, email=f"{mark}{SCANNER.email}"
    )


def bought_as(course: Course) -> tuple[BoughtCourse, ...]:
    """Return a course as a payment stores it."""
    return (BoughtCourse(course.id, course.name, course.platform_course_id),)


def _queued(body: str) -> Json:
    record = {
        "messageId": "m1",
        "body": body,
        "receiptHandle": "r1",
        "attributes": {"MessageGroupId": "g1", "ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
    }
    return {"Records": [record]}


@pytest.fixture(scope="module")
def costs(stack: Stack) -> dict[int, dict[str, Cost]]:
    """Send the same requests to a small and to a large table."""
    with pytest.MonkeyPatch.context() as patch:
        use(stack, patch)
        measured = {size: _measured(stack, size) for size in (FEW, MANY)}
    forget()
    return measured


def use(stack: Stack, patch: pytest.MonkeyPatch) -> None:
    """Point the functions to the stack's emulator and its Duitku, and to keys of our own."""
    ours = f"capacity-{uuid.uuid4().hex[:8]}"
    settings = SETTINGS | {
        "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
        "AWS_DEFAULT_REGION": stack.region,
        "AUTH_SECRET_ID": f"{ours}-auth",
        "DUITKU_SECRET_ID": f"{ours}-duitku",
        "DUITKU_API_URL": str(stack.duitku_url),
        "DUITKU_POP_URL": str(stack.duitku_url),
        "THINKIFIC_SECRET_ID": f"{ours}-thinkific",
        "THINKIFIC_API_URL": str(stack.thinkific_url),
        "THINKIFIC_SUBDOMAIN": stack.thinkific.subdomain,
        "THINKIFIC_REQUESTS_PER_MINUTE": "100000",
        "THINKIFIC_OAUTH_URL": str(stack.thinkific_url),
        "API_URL": "https://{apiId}.lunas.test",
        "TOKEN_KEY": "unused",
        "DELIVERY_QUEUE_URL": "unused",
        "DEAD_LETTER_QUEUE_URL": "unused",
        "POWERTOOLS_SERVICE_NAME": "lunas",
    }
    for name, value in settings.items():
        patch.setenv(name, value)
    patch.delenv("AWS_PROFILE", raising=False)
    forget()
    cache = boto3.client("secretsmanager")
    secrets = {
        "auth": AUTH_SECRET,
        "duitku": stack.duitku.model_dump(by_alias=True),
        "thinkific": stack.thinkific.model_dump(by_alias=True),
    }
    for name, secret in secrets.items():
        cache.create_secret(Name=f"{ours}-{name}", SecretString=json.dumps(secret))


def _measured(stack: Stack, size: int) -> dict[str, Cost]:
    name = seeded(stack, size)
    found = costs_of_operations(stack, name)
    dynamodb(stack).delete_table(TableName=name)
    return found


def seeded(stack: Stack, size: int) -> str:
    """Make a table with a number of payments; return its name."""
    name, client = f"capacity-{size}-{uuid.uuid4().hex[:8]}", dynamodb(stack)
    client.create_table(TableName=name, **table_properties())
    fill(client, name, content(size))
    return name


def costs_of_operations(stack: Stack, table: str) -> dict[str, Cost]:
    """Send one request of each kind about a table, and return what each cost."""
    os.environ["TABLE_NAME"] = table
    meter = Meter(Table.from_environment())
    stock(meter.table)
    _measure_lists(meter)
    _measure_purchases(meter, Duitku(stack))
    _measure_catalog(meter)
    _measure_connection(meter)
    for note, percent in (("first", 60), ("again", 60), ("lower", 50)):
        meter.send_event(percent, note)
    return meter.costs


def stock(table: Table) -> None:
    """Put a package of one course and a bundle into a table's catalog."""
    catalog = Catalog(table)
    courses = (ACCOUNTING, MARKETING)
    for each in courses:
        catalog.put_course(each)
    names = tuple(each.id for each in courses)
    catalog.put_package(package(id="kelas-pemula", name=PACKAGE_NAME, course_ids=names))
    catalog.put_package(bundle_of(*names))
    table.put(enrollment_item(delivered("c9")), "attribute_not_exists(pk)")


def _measure_lists(meter: Meter) -> None:
    """Read pages that the small table can fill too; otherwise they would cost less there."""
    five = {"limit": "5"}
    for note, query in {
        "": {},
        "of 100": {"limit": "100"},
        "filtered": {"status": "PAID", "paymentType": "UMUM", **five},
        "filtered by method": {"method": "MANUAL"},
        "of a span": {"from": "2025-01-01", "to": "2025-01-01T01:00:00Z"},
    }.items():
        meter.ask("payments", "GET /payments", note=note, query=query)
    meter.ask("payments", "GET /payments/user/{userId}", f"/payments/user/{OWNER.id}")
    for note, query in {
        "": five,
        "filtered": {"courseId": ACCOUNTING.id, "delivery": "FAILED", **five},
        "by delivery": {"delivery": "FAILED", **five},
    }.items():
        meter.ask("enrollments", "GET /enrollments", note=note, query=query)
    mine: Json = {"token": token_of(OWNER), "query": {"status": "ENROLLED", **five}}
    meter.ask("enrollments", "GET /enrollments/my-enrollments", **mine)
    page = meter.ask("anomalies", "GET /anomalies", query=five)
    meter.ask("anomalies", "GET /anomalies", note="open", query={"status": "OPEN", **five})
    path, body = f"/anomalies/{page['items'][0]['id']}", {"resolution": "done", "reason": "so"}
    meter.ask("anomalies", "PATCH /anomalies/{id}", path, body=body)


def _measure_purchases(meter: Meter, duitku: Duitku) -> None:
    new, scans = newcomers(meter.table.name)
    mine, newcomer, scanner = ({"token": token_of(each)} for each in (LEARNER, new, scans))
    manual = meter.ask("payments", "POST /payments", body=PURCHASE | PROOF, **mine)
    meter.ask("payments", "POST /payments", note="again", body=PURCHASE | PROOF, **mine)
    bundle: Json = {"packageId": "b1"}
    other = meter.ask("payments", "POST /payments", note="two", body=bundle | PROOF, **mine)
    for note in ("new", "open"):
        order = _initiate(meter, note, body=PURCHASE | {"customer": new.form}, **newcomer)
    scanned = PURCHASE | {"customer": scans.form, "paymentMethod": "SP"}
    by_qris = _initiate(meter, "by QRIS", body=scanned, **scanner)
    twice = _initiate(meter, "beside transfers", body=PURCHASE, **mine)
    keyed: Json = {"headers": {"idempotency-key": uuid.uuid4().hex}, "body": bundle}
    for note in ("with a key", "with a key again"):
        _initiate(meter, note, **keyed, **mine)
    meter.ask(
        "initiate_payment", "GET /payments/methods", query={"packageId": "kelas-pemula"}, **mine
    )
    meter.ask("recheck_payment", "POST /payments/{id}/recheck", f"/payments/{order['id']}/recheck")
    check = "POST /payments/{id}/check"
    meter.ask("recheck_payment", check, f"/payments/{order['id']}/check", **newcomer)
    _measure_decisions(meter, manual["id"], other["id"])
    settled = (
        ("first", order),
        ("again", order),
        ("by QRIS", by_qris),
        ("course owned", twice),
    )
    for note, paid in settled:
        if note != "again":
            duitku.pay(paid, callback=False)
        body = urlencode(duitku.form(paid))
        meter.ask("duitku_webhook", "POST /webhooks/duitku", note=note, headers=FORM, body=body)
    for note, buyer, paid in (("", NEWCOMER, order), ("by QRIS", SCANNER, by_qris)):
        meter.deliver(buyer.id, paid["id"], note)
    _measure_enrollment(meter, enrollment_id(LEARNER.id, ACCOUNTING.id))
    meter.ask(
        "refund_payment",
        "PATCH /payments/{id}/learner",
        f"/payments/{manual['id']}/learner",
        body={"email": "sari@example.com", "reason": "a slip in the address"},
    )
    for note in ("first", "again"):
        path, reason = (
            f"/payments/{manual['id']}/refund",
            {"reason": "the learner changed their mind"},
        )
        meter.ask("refund_payment", "POST /payments/{id}/refund", path, note=note, body=reason)


def _initiate(meter: Meter, note: str, **more: Any) -> Json:
    return meter.ask("initiate_payment", "POST /payments/initiate", note=note, **more)


def _measure_decisions(meter: Meter, approved: str, rejected: str) -> None:
    meter.ask("approve_payment", "PATCH /payments/{id}/approve", f"/payments/{approved}/approve")
    path, body = f"/payments/{rejected}/reject", {"reason": "none"}
    meter.ask("approve_payment", "PATCH /payments/{id}/reject", path, body=body)
    meter.ask("payments", "GET /payments/{id}", f"/payments/{approved}")
    meter.ask("payments", "GET /payments/{id}/history", f"/payments/{approved}/history")


def _measure_enrollment(meter: Meter, made: str) -> None:
    path = f"/enrollments/{made}"
    meter.ask("enrollments", "GET /enrollments/{id}", path)
    status = "GET /enrollments/course/{courseId}/status"
    meter.ask(
        "enrollments",
        status,
        f"/enrollments/course/{ACCOUNTING.id}/status",
        query={"userId": LEARNER.id},
        token=None,
        headers=service_headers(service_token()),
    )
    progress = "PATCH /enrollments/{id}/progress"
    meter.ask("enrollments", progress, f"{path}/progress", body={"progress": 50})
    meter.ask("enrollments", "POST /enrollments/{id}/redeliver", f"{path}/redeliver")


def _measure_catalog(meter: Meter) -> None:
    meter.ask("catalog", "GET /packages", token=None)
    meter.ask("catalog", "GET /packages", note="by an admin")
    meter.ask("catalog", "GET /packages/{id}", "/packages/kelas-pemula")
    meter.ask("catalog", "GET /courses")
    meter.ask(
        "catalog", "PUT /courses/{id}", f"/courses/{ACCOUNTING.id}", body={"name": "C", "quota": 9}
    )
    body = {"kind": "ENTRY", "name": "P", "prices": {"UMUM": 49000}, "courseIds": [ACCOUNTING.id]}
    meter.ask("catalog", "PUT /packages/{id}", "/packages/kelas-pemula", body=body)
    meter.ask("sync_courses", "POST /courses/sync")


def _measure_connection(meter: Meter) -> None:
    accept = {"accept": "application/json"}
    meter.ask("thinkific_oauth", "GET /thinkific/oauth/install", headers=accept)
    cancelled = {"error": "access denied", "state": "s"}
    meter.ask("thinkific_oauth", "GET /thinkific/oauth/callback", query=cancelled, token=None)
    meter.ask("thinkific_oauth", "GET /thinkific/oauth/status")
    meter.ask("thinkific_oauth", "POST /thinkific/oauth/revoke")


def test_every_route_that_uses_the_table_is_measured(costs: dict[int, dict[str, Cost]]) -> None:
    measured = {" ".join(name.split(" ")[:2]) for name in costs[MANY]}

    assert measured | WITHOUT_TABLE | SAME_HANDLER >= routes()


def test_calls_and_units_are_the_same_however_many_payments_there_are(
    costs: dict[int, dict[str, Cost]],
) -> None:
    assert _without_waits(costs[FEW]) == _without_waits(costs[MANY])


def _without_waits(costs: dict[str, Cost]) -> dict[str, object]:
    """Leave out the calls of deliveries: they depend on whether the limiter is idle."""
    return {
        name: (cost.read, cost.written) if name.startswith(DELIVERY) else cost
        for name, cost in costs.items()
    }


def test_no_request_scans_or_reads_more_than_its_page(costs: dict[int, dict[str, Cost]]) -> None:
    for name, cost in costs[MANY].items():
        assert "Scan" not in cost.calls, name
        assert cost.scanned <= (100 if "of 100" in name else 25), name
        assert len(cost.calls) <= (16 if name.startswith(DELIVERY) else 10), name


def test_an_event_costs_few_calls_and_a_repeated_event_one(
    costs: dict[int, dict[str, Cost]],
) -> None:
    calls = {
        name.removeprefix("EVENT progress "): cost.calls
        for name, cost in costs[MANY].items()
        if name.startswith("EVENT progress")
    }
    found = ["GetItem", "Query", "BatchGetItem"]
    assert calls == {
        "first": [*found, "TransactWriteItems"],
        "again": ["GetItem"],
        "lower": [*found, "PutItem"],
    }


def test_a_purchase_costs_the_same_by_every_way_to_pay(
    costs: dict[int, dict[str, Cost]],
) -> None:
    """A QR code is long: were it written once more, or copied, a purchase would cost more."""
    for step in ("POST /payments/initiate", "POST /webhooks/duitku", DELIVERY):
        first = {"POST /payments/initiate": "new", "POST /webhooks/duitku": "first"}.get(step, "")
        by_page, by_code = (
            costs[MANY][f"{step} {note}".strip()].written for note in (first, "by QRIS")
        )
        assert by_page == by_code, step


def test_a_list_is_one_query(costs: dict[int, dict[str, Cost]]) -> None:
    single = ("{id}", "course", "methods", "packages", "oauth")
    lists = {
        name: cost.calls
        for name, cost in costs[MANY].items()
        if name.startswith("GET") and not any(each in name for each in single)
    }

    assert len(lists) >= 12
    assert {tuple(calls) for calls in lists.values()} == {("Query",)}


def test_the_cost_page_uses_the_measured_units(costs: dict[int, dict[str, Cost]]) -> None:
    reckoned = {each.route: (each.reads, each.writes) for each in operations() if each.route}
    assert len(reckoned) >= 4
    measured = {route: (costs[FEW][route].read, costs[FEW][route].written) for route in reckoned}
    assert measured == reckoned


# ── What the functions may do ────────────────────────────────────────────────────────────────────


def test_no_function_may_scan_the_table() -> None:
    allowed = {action for each in statements() for action in each.actions}

    assert allowed
    assert not {action for action in allowed if "*" in action or "Scan" in action}
    assert not {action for action in allowed if action.lower().startswith("dynamodb:partiql")}


def test_every_permission_names_its_resources() -> None:
    for each in statements():
        for resource in each.resources:
            named = resource.get("GetAtt") or resource.get("Ref") or resource.get("Sub")
            assert named, each
            assert "*" not in str(resource) or resource == A_STREAM, each


def test_policies_name_exactly_the_indexes_of_the_table() -> None:
    indexes = {each["IndexName"] for each in table_properties()["GlobalSecondaryIndexes"]}
    read = {
        resource["Sub"].rpartition("/")[2]
        for each in statements()
        for resource in each.resources
        if "Sub" in resource and "/index/" in resource["Sub"]
    }

    assert read == indexes


def test_a_function_has_no_rights_beyond_its_statements() -> None:
    kinds = {each["Type"] for each in resources().values()}

    assert not {kind for kind in kinds if kind.startswith("AWS::IAM::")}
    for each in resources().values():
        if each["Type"] == "AWS::Serverless::Function":
            assert "Role" not in each["Properties"]
