"""Lists: filters, order, limits, cursors, CSV, and paging while the table grows."""

import csv
import hashlib
import hmac
import io
import secrets
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, Self

import jwt
import pytest
import requests

from local.cloud import Stack
from lunas.domain.anomalies import Anomaly, AnomalyKind, AnomalyStatus
from lunas.domain.enrollments import (
    Delivery,
    DeliveryStatus,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
)
from lunas.domain.payments import Method, Payment, Status
from lunas.domain.times import to_iso
from lunas.domain.users import Customer, PaymentType
from lunas.storage.anomalies import anomaly_item
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.payment_items import payment_item
from tests.support.builders import enrollment
from tests.support.seeding import dynamodb, fill, payment_at
from tests.support.users import Person, Users

MANY = 1000
FORMULAS = ["=HYPERLINK(1)", "+62", "-1", "@SUM(A1)", "\tTab", 'Budi, "the\nman"']

type Ids = list[str]


@dataclass(frozen=True)
class Records:
    """The module's items in the table, newest first; no other item has times in their span."""

    stack: Stack
    start: datetime
    payments: list[Payment]
    enrollments: list[Enrollment]
    anomalies: list[Anomaly]
    admin: Person

    @property
    def span(self) -> str:
        """The query that shows only these records."""
        return f"from={to_iso(self.start)}&to={to_iso(self.start + timedelta(days=1))}"

    @property
    def user(self) -> str:
        """The id of the user with the enrollments and half of the payments."""
        return self.enrollments[0].user_id

    @property
    def owner(self) -> Person:
        """That user, with a token."""
        return Users(self.stack).named(self.user)


@pytest.fixture(scope="module")
def records(stack: Stack) -> Records:
    """Fill a day of the past that no other test knows."""
    start = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(minutes=secrets.randbelow(9_000_000))
    user, other = f"learner-{uuid.uuid4().hex[:12]}", f"learner-{uuid.uuid4().hex[:12]}"
    kinds = list(product(Status, PaymentType, Method))
    payments = [
        payment_at(
            start + timedelta(minutes=number),
            status=status,
            payment_type=payment_type,
            method=method,
            user_id=user if number % 2 else other,
            customer=Customer(FORMULAS[number % len(FORMULAS)], "Santoso", "budi@example.com"),
        )
        for number, (status, payment_type, method) in enumerate(kinds)
    ]
    enrollments, anomalies = _enrollments(start, user), _anomalies(start)
    items = [
        *map(payment_item, payments),
        *map(enrollment_item, enrollments),
        *map(anomaly_item, anomalies),
    ]
    # As delivered first: the change to PENDING is then no new delivery request.
    done = Delivery(status=DeliveryStatus.DELIVERED)
    delivered = [enrollment_item(replace(each, delivery=done)) for each in enrollments]
    fill(dynamodb(stack), stack.table_name, delivered)
    fill(dynamodb(stack), stack.table_name, items)
    return Records(
        stack,
        start,
        payments[::-1],
        enrollments[::-1],
        anomalies[::-1],
        Users(stack).admin(),
    )


def _enrollments(start: datetime, user: str) -> list[Enrollment]:
    """Make one of each delivery status in each of two courses."""
    courses = [f"course-{uuid.uuid4().hex[:12]}" for _ in range(2)]
    return [
        enrollment(
            course,
            id=enrollment_id(user, f"{course}{delivery}"),
            user_id=user,
            delivery=Delivery(status=delivery),
            created_at=start + timedelta(minutes=number),
            updated_at=start,
        )
        for number, (course, delivery) in enumerate(product(courses, DeliveryStatus))
    ]


def _anomalies(start: datetime) -> list[Anomaly]:
    return [
        Anomaly(
            id=f"ano{uuid.uuid4().hex}",
            kind=AnomalyKind.UNKNOWN_ORDER,
            at=start + timedelta(minutes=number),
            order_id=f"order{number}",
            evidence={"amount": "49000"},
            status=status,
        )
        for number, status in enumerate([*AnomalyStatus] * 4)
    ]


def ids(items: list[Any]) -> Ids:
    return [each["id"] if isinstance(each, dict) else each.id for each in items]


def cursor_of(person: Person, path: str) -> str:
    """Return the cursor to the second page of a list."""
    return str(person.get(path)["nextCursor"])


def refusal(person: Person, path: str) -> int:
    """Return the status of a refused list, which has to be a problem."""
    answer = person.call("GET", path)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code


# ── Filters and order ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("limit", [3, 100])
@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"status": "PAID"},
        {"status": "REFUNDED"},
        {"paymentType": "DIKE"},
        {"method": "MANUAL"},
        {"status": "COMPLETED", "paymentType": "UMUM", "method": "DUITKU"},
    ],
    ids=lambda wanted: "+".join(wanted) or "none",
)
def test_payments_are_filtered_and_shown_newest_first(
    wanted: dict[str, str], limit: int, records: Records
) -> None:
    names = {"paymentType": "payment_type"}
    expected = [
        each
        for each in records.payments
        if all(getattr(each, names.get(name, name)) == value for name, value in wanted.items())
    ]
    query = "".join(f"&{name}={value}" for name, value in wanted.items())

    pages = list(records.admin.pages(f"/payments?{records.span}{query}&limit={limit}"))

    assert ids([item for page in pages for item in page]) == ids(expected)
    assert all(len(page) <= limit for page in pages)


def test_a_filtered_page_may_be_short_and_still_have_a_next_one(records: Records) -> None:
    page = records.admin.get(f"/payments?{records.span}&method=MANUAL&limit=4")

    assert len(page["items"]) == 2
    assert "nextCursor" in page


def test_a_span_starts_with_its_first_moment_and_ends_before_its_last(records: Records) -> None:
    last, first = records.payments[3], records.payments[6]

    shown = records.admin.all(f"/payments?from={_time_of(first)}&to={_time_of(last)}")

    assert ids(shown) == ids(records.payments[4:7])


@pytest.mark.parametrize("plus", ["%2B", "+"])
def test_a_span_may_have_another_offset_or_be_a_day_in_the_shops_time_zone(
    records: Records, plus: str
) -> None:
    jakarta = (records.start + timedelta(hours=7)).replace(tzinfo=None)

    shown = records.admin.all(
        f"/payments?from={jakarta.isoformat()}{plus}07:00&to={jakarta.date()}&limit=100"
    )

    until = jakarta.replace(hour=0, minute=0) + timedelta(days=1) - timedelta(hours=7)
    until = until.replace(tzinfo=UTC)
    assert ids(shown) == [each.id for each in records.payments if each.created_at < until]


def test_a_user_sees_their_own_payments_only(records: Records) -> None:
    mine = [each for each in records.payments if each.user_id == records.user]

    shown = records.owner.all(f"/payments/user/{records.user}?limit=5")

    assert ids(shown) == ids(mine)
    assert 0 < len(mine) < len(records.payments)


@pytest.mark.parametrize("limit", [3, 100])
@pytest.mark.parametrize("delivery", [None, *DeliveryStatus])
@pytest.mark.parametrize("course", [False, True], ids=["any course", "one course"])
def test_enrollments_are_filtered_and_shown_newest_first(
    course: bool, delivery: DeliveryStatus | None, limit: int, records: Records
) -> None:
    chosen = records.enrollments[0].course_id
    expected = [
        each
        for each in records.enrollments
        if (not course or each.course_id == chosen)
        and (delivery is None or each.delivery.status is delivery)
    ]
    query = f"&courseId={chosen}" if course else ""
    query += f"&delivery={delivery}" if delivery else ""

    shown = records.admin.all(f"/enrollments?{records.span}{query}&limit={limit}")

    assert ids(shown) == ids(expected)


@pytest.mark.parametrize("status", [None, *EnrollmentStatus])
def test_a_learner_sees_their_own_enrollments_by_status(
    status: EnrollmentStatus | None, records: Records
) -> None:
    expected = [each for each in records.enrollments if status in {None, each.status}]
    query = f"&status={status}" if status else ""

    assert ids(records.owner.all(f"/enrollments/my-enrollments?limit=3{query}")) == ids(expected)
    assert Users(records.stack).learner().all(f"/enrollments/my-enrollments?{query}") == []


@pytest.mark.parametrize("status", [None, *AnomalyStatus])
def test_anomalies_are_filtered_and_shown_newest_first(
    status: AnomalyStatus | None, records: Records
) -> None:
    ours = set(ids(records.anomalies))
    query = f"&status={status}" if status else ""

    shown = [each for each in records.admin.all(f"/anomalies?limit=3{query}") if each["id"] in ours]

    assert ids(shown) == [each.id for each in records.anomalies if status in {None, each.status}]
    assert shown[0]["evidence"] == {"amount": "49000"}


# ── Invalid input ────────────────────────────────────────────────────────────────────────────────

LISTS = ["/payments", "/payments/user/u1", "/enrollments", "/enrollments/my-enrollments"]
LISTS += ["/anomalies"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "ten"])
def test_a_limit_beyond_1_to_100_is_invalid(path: str, limit: str, records: Records) -> None:
    answer = records.admin.call("GET", f"{path}?limit={limit}")

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["limit"]


@pytest.mark.parametrize("path", LISTS)
def test_a_blank_parameter_counts_as_left_out(path: str, records: Records) -> None:
    plain, blank = records.admin.get(path), records.admin.get(f"{path}?limit=&cursor=%20")
    # A cursor holds the second in which it ends.
    assert blank["items"] == plain["items"]
    assert ("nextCursor" in blank) == ("nextCursor" in plain)


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/payments?status=OPEN", ["status"]),
        ("/payments?paymentType=vip&method=CASH", ["paymentType", "method"]),
        ("/payments?from=yesterday&to=2001-13-01", ["from", "to"]),
        ("/payments?from=2001-01-03&to=2001-01-02", ["from"]),
        ("/payments?from=2001-01-02T00:00:00Z&to=2001-01-02T00:00:00Z", ["from"]),
        ("/enrollments?delivery=LOST", ["delivery"]),
        ("/enrollments?courseId=a%20b", ["courseId"]),
        ("/enrollments/my-enrollments?status=REVOKED", ["status"]),
        ("/anomalies?status=CLOSED", ["status"]),
    ],
)
def test_an_invalid_filter_is_refused_by_field(
    path: str, fields: list[str], records: Records
) -> None:
    answer = records.admin.call("GET", path)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == fields


# ── Cursors ──────────────────────────────────────────────────────────────────────────────────────


def cursor_key(stack: Stack) -> bytes:
    """Derive the key of cursors, independently of Lunas."""
    return hmac.new(stack.service_api_key.encode(), b"lunas cursor", hashlib.sha256).digest()


def test_a_cursor_lasts_until_it_expires(records: Records) -> None:
    path = f"/payments?{records.span}&limit=2"
    claims = jwt.decode(cursor_of(records.admin, path), options={"verify_signature": False})
    now, key = int(time.time()), cursor_key(records.stack)

    fresh = jwt.encode(claims | {"exp": now + 60}, key, algorithm="HS256")
    stale = jwt.encode(claims | {"exp": now - 60}, key, algorithm="HS256")

    assert ids(records.admin.get(f"{path}&cursor={fresh}")["items"]) == ids(records.payments[2:4])
    assert refusal(records.admin, f"{path}&cursor={stale}") == 400
    assert 3600 < claims["exp"] - now <= 86_400


def test_a_cursor_that_was_altered_is_malformed(records: Records) -> None:
    path = f"/payments?{records.span}&limit=2"
    cursor = cursor_of(records.admin, path)
    head, claims, signature = cursor.split(".")
    claims_of_cursor = jwt.decode(cursor, options={"verify_signature": False})
    forgeries = [
        f"{head}.{claims}.{signature[::-1]}",
        f"{head}.{claims}.",
        cursor[:-8],
        "garbage",
        jwt.encode(claims_of_cursor, records.stack.jwt_secret, algorithm="HS256"),
        jwt.encode(claims_of_cursor, records.stack.service_api_key, algorithm="HS256"),
        jwt.encode(claims_of_cursor, "", algorithm="none"),
        records.admin.token,
    ]

    assert [refusal(records.admin, f"{path}&cursor={each}") for each in forgeries] == [400] * 8


def test_a_cursor_serves_its_own_list_and_filter_only(records: Records) -> None:
    span = records.span
    lists = {
        f"/payments?{span}": records.admin,
        f"/payments?{span}&status=PAID": records.admin,
        f"/payments?{span}&method=MANUAL": records.admin,
        f"/payments/user/{records.user}?": records.admin,
        f"/payments/user/{records.payments[-1].user_id}?": records.admin,
        f"/enrollments?{span}": records.admin,
        f"/enrollments?{span}&courseId={records.enrollments[0].course_id}": records.admin,
        "/enrollments/my-enrollments?": records.owner,
        "/anomalies?": records.admin,
        "/anomalies?status=OPEN": records.admin,
    }
    cursors = {path: cursor_of(person, f"{path}&limit=1") for path, person in lists.items()}

    accepted = [
        (path, other)
        for path, person in lists.items()
        for other, cursor in cursors.items()
        if person.call("GET", f"{path}&cursor={cursor}").status_code != 400
    ]

    assert accepted == [(path, path) for path in lists]


def test_a_cursor_goes_on_with_another_limit(records: Records) -> None:
    path = f"/payments?{records.span}"
    cursor = cursor_of(records.admin, f"{path}&limit=2")

    shown = records.admin.get(f"{path}&limit=3&cursor={cursor}")["items"]

    assert ids(shown) == ids(records.payments[2:5])


# ── CSV ──────────────────────────────────────────────────────────────────────────────────────────


def csv_pages(
    person: Person, path: str
) -> Iterator[tuple[list[dict[str, str]], requests.Response]]:
    """Follow a list as CSV."""
    reader, cursor = person.sending({"Accept": "text/csv"}), ""
    while True:
        answer = reader.call("GET", f"{path}{cursor}")
        assert answer.status_code == 200, answer.text
        answer.encoding = "utf-8-sig"
        yield list(csv.DictReader(io.StringIO(answer.text, newline=""))), answer
        if "X-Next-Cursor" not in answer.headers:
            return
        cursor = f"&cursor={answer.headers['X-Next-Cursor']}"


def test_csv_shows_the_payments_of_all_pages_at_once(records: Records) -> None:
    path = f"/payments?{records.span}&method=DUITKU&limit=7"

    ((rows, answer),) = csv_pages(records.admin, path)

    listed = records.admin.all(path)
    same = ("id", "userId", "status", "paymentType", "method", "currency", "createdAt")
    assert [[row[name] for name in same] for row in rows] == [
        [each[name] for name in same] for each in listed
    ]
    assert [row["amount"] for row in rows] == [str(each["amount"]) for each in listed]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith("\ufeffid,userId,packageId,".encode())


@pytest.mark.parametrize("separator", ["%3B", ";", ""])
def test_csv_may_be_separated_by_semicolons(records: Records, separator: str) -> None:
    reader = records.admin.sending({"Accept": "text/csv, application/json;q=0.1"})
    answer = reader.call("GET", f"/payments?{records.span}&separator={separator}")
    assert answer.content.startswith("\ufeffid;userId;packageId;".encode())


def test_a_user_whose_id_no_path_can_carry_lists_their_payments(stack: Stack) -> None:
    buyer = Users(stack).named(f'auth0|{uuid.uuid4().hex}/#?%\\"')
    payment = buyer.submit("entry", "literasi-data")

    assert [each["id"] for each in buyer.all("/payments/user/me")] == [payment["id"]]


def test_a_user_may_have_their_payments_as_csv(records: Records) -> None:
    pages = csv_pages(records.owner, f"/payments/user/{records.user}?limit=100")

    mine = [each.id for each in records.payments if each.user_id == records.user]
    assert [row["id"] for page, _ in pages for row in page] == mine


def test_an_empty_list_is_a_header_line(records: Records) -> None:
    ((rows, answer),) = csv_pages(records.admin, "/payments?to=2000-06-01")

    assert rows == []
    assert answer.text.count("\r\n") == 1


def test_csv_escapes_formulas(records: Records) -> None:
    rows = [
        row for page, _ in csv_pages(records.admin, f"/payments?{records.span}&") for row in page
    ]

    escaped = [f"'{text}" for text in FORMULAS[:-1]]
    assert {row["firstName"] for row in rows} == {*escaped, FORMULAS[-1]}
    assert len(rows) == len(records.payments)


def test_csv_for_a_service_leaves_the_customer_out(records: Records) -> None:
    service = Users(records.stack).service("payments:read")

    rows = [
        row for page, _ in csv_pages(service, f"/payments?{records.span}&limit=100") for row in page
    ]

    assert len(rows) == len(records.payments)
    assert {row["firstName"] + row["email"] + row["proofLink"] for row in rows} == {""}


def test_json_is_sent_where_it_is_preferred(records: Records) -> None:
    for accept in ("*/*", "application/json, text/csv", "text/html"):
        reader = records.admin.sending({"Accept": accept})
        answer = reader.call("GET", f"/payments?{records.span}&limit=1")
        assert answer.headers["content-type"] == "application/json"


def test_a_refusal_is_a_problem_even_where_csv_is_asked_for(records: Records) -> None:
    reader = Users(records.stack).learner().sending({"Accept": "text/csv"})

    assert refusal(reader, "/payments") == 403


# ── Paging while the table grows ─────────────────────────────────────────────────────────────────


@dataclass
class Arrivals:
    """Payments that keep coming until the block ends, each newer than all before."""

    stack: Stack
    start: datetime
    count: int = 0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._arrive)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _arrive(self) -> None:
        client = dynamodb(self.stack)
        while not self._over.is_set():
            at = self.start + timedelta(seconds=self.count)
            fill(client, self.stack.table_name, [payment_item(payment_at(at))])
            self.count += 1


@pytest.fixture(scope="module")
def thousand(stack: Stack) -> list[Payment]:
    """Put 1,000 payments into a day of their own, newest first; every tenth is a manual one."""
    start = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(minutes=secrets.randbelow(1_000_000))
    payments = [
        payment_at(
            # Ten of them share each moment, so that the time alone does not order them.
            start + timedelta(seconds=number // 10),
            method=Method.GATEWAY if number % 10 else Method.MANUAL,
        )
        for number in range(MANY)
    ]
    fill(dynamodb(stack), stack.table_name, map(payment_item, payments))
    return sorted(payments, key=lambda each: (each.created_at, each.id), reverse=True)


@pytest.mark.parametrize(("method", "count"), [("", MANY), ("&method=MANUAL", MANY // 10)])
def test_paging_through_1000_payments_while_more_arrive_misses_and_doubles_none(
    method: str, count: int, thousand: list[Payment], stack: Stack, users: Users
) -> None:
    start = thousand[-1].created_at
    path = f"/payments?from={to_iso(start)}&to={to_iso(start + timedelta(days=1))}{method}"
    expected = [each.id for each in thousand if not method or each.method is Method.MANUAL]
    admin = users.admin()

    with Arrivals(stack, start + timedelta(hours=1)) as arrivals:
        seen = ids(admin.all(f"{path}&limit=90"))

    old = set(ids(thousand))
    assert [each for each in seen if each in old] == expected
    assert len(expected) == count
    assert len(seen) == len(set(seen))
    assert arrivals.count > 10


def _time_of(payment: Payment) -> str:
    return to_iso(payment.created_at)
