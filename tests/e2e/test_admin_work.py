"""What admins do with payments, anomalies and enrollments, and the rules of what is sold."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local.cloud import Stack
from lunas.domain.enrollments import (
    Delivery,
    DeliveryStatus,
    Enrollment,
    EnrollmentStatus,
    enrollment_id,
)
from lunas.storage.enrollment_items import enrollment_item
from tests.support import builders
from tests.support.providers import Duitku, Thinkific
from tests.support.seeding import dynamodb, fill
from tests.support.users import Json, Person, Users, eventually

# Without it, Thinkific's 120 calls a minute would make these tests wait.
pytestmark = pytest.mark.usefixtures("thinkific")


@pytest.fixture
def admin(users: Users) -> Person:
    return users.admin()


@pytest.fixture
def learner(users: Users) -> Person:
    return users.learner()


def about(admin: Person, order: str) -> list[Json]:
    """Return the anomalies about an order."""
    return [each for each in admin.all("/anomalies?limit=100") if each["orderId"] == order]


def delivered(learner: Person) -> Json:
    """Return the one enrollment of a learner once it is delivered."""
    (found,) = eventually(
        learner.enrollments,
        lambda shown: [each["delivery"]["status"] for each in shown] == ["DELIVERED"],
    )
    return found


def code(answer: Json) -> str:
    """Return the code of a problem."""
    return str(answer["type"]).rpartition(":")[2]


# ── Rejecting ────────────────────────────────────────────────────────────────────────────────────


def test_a_rejection_is_final_and_shows_the_learner_the_reason(
    learner: Person, admin: Person
) -> None:
    payment = learner.submit("entry", "python-dasar")

    rejected = admin.reject(payment["id"], "no such transfer")
    again = admin.reject(payment["id"], "another reason")
    approval = admin.approve(payment["id"])

    assert (rejected.status_code, again.status_code, approval.status_code) == (200, 200, 409)
    assert again.json() == rejected.json()
    assert learner.payment(payment["id"])["reason"] == "no such transfer"
    (_, event) = learner.get(f"/payments/{payment['id']}/history")["items"]
    assert (event["from"], event["to"], event["reason"]) == ("PAID", "REJECTED", "no such transfer")
    assert event["actor"] == f"admin:{admin.id}"
    assert learner.enrollments() == []


def test_an_approved_payment_cannot_be_rejected(learner: Person, admin: Person) -> None:
    payment = learner.submit("entry", "python-dasar")
    admin.approve(payment["id"])

    assert admin.reject(payment["id"]).status_code == 409
    assert "REJECTED" not in learner.states(payment["id"])
    assert "reason" not in learner.payment(payment["id"])


def test_an_order_at_duitku_cannot_be_rejected(learner: Person, admin: Person) -> None:
    order = learner.initiate("entry", "python-dasar")

    assert admin.reject(order["id"]).status_code == 409
    assert learner.payment(order["id"])["status"] == "PENDING"


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "  "}, {"reason": "x" * 501}])
def test_a_rejection_needs_a_reason(body: Json, learner: Person, admin: Person) -> None:
    payment = learner.submit("entry", "python-dasar")

    answer = admin.call("PATCH", f"/payments/{payment['id']}/reject", body)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["reason"]
    assert learner.payment(payment["id"])["status"] == "PAID"


@pytest.mark.parametrize("action", ["approve", "reject", "recheck"])
def test_an_unknown_payment_is_not_found(action: str, admin: Person) -> None:
    method, body = ("POST", None) if action == "recheck" else ("PATCH", {"reason": "none"})

    assert admin.call(method, f"/payments/pay0/{action}", body).status_code == 404


# ── Rechecking ───────────────────────────────────────────────────────────────────────────────────


def test_a_recheck_settles_a_paid_order(learner: Person, admin: Person, duitku: Duitku) -> None:
    order = learner.initiate("entry", "python-dasar")
    duitku.pay(order, callback=False)

    rechecked = admin.recheck(order["id"])

    assert rechecked.status_code == 200
    assert rechecked.json()["status"] in {"APPROVED", "COMPLETED"}
    learner.wait_for(order["id"], "COMPLETED")
    history = learner.get(f"/payments/{order['id']}/history")["items"]
    actors = {event["to"]: event["actor"] for event in history}
    assert actors["APPROVED"] == f"admin:{admin.id}"


def test_a_recheck_of_an_unpaid_order_changes_nothing(
    learner: Person, admin: Person, duitku: Duitku
) -> None:
    order = learner.initiate("entry", "python-dasar")
    asked = duitku.status_calls()

    rechecked = admin.recheck(order["id"])

    assert rechecked.status_code == 200
    assert rechecked.json() == learner.payment(order["id"]) | {"status": "PENDING"}
    assert duitku.status_calls() == asked + 1
    assert learner.states(order["id"]) == ["PENDING"]


def test_a_manual_payment_cannot_be_rechecked(
    learner: Person, admin: Person, duitku: Duitku
) -> None:
    payment, asked = learner.submit("entry", "python-dasar"), duitku.status_calls()

    assert admin.recheck(payment["id"]).status_code == 409
    assert duitku.status_calls() == asked
    assert learner.states(payment["id"]) == ["PAID"]


def test_a_recheck_of_a_settled_order_does_not_ask_duitku(
    learner: Person, admin: Person, duitku: Duitku
) -> None:
    order = learner.initiate("entry", "python-dasar")
    duitku.pay(order)
    completed = learner.wait_for(order["id"], "COMPLETED")
    asked = duitku.status_calls()

    rechecked = admin.recheck(order["id"])

    assert (rechecked.status_code, rechecked.json()) == (200, completed)
    assert duitku.status_calls() == asked


def test_a_recheck_that_duitku_does_not_answer_loses_nothing(
    learner: Person, admin: Person, duitku: Duitku
) -> None:
    order = learner.initiate("entry", "python-dasar")
    duitku.pay(order, callback=False)
    duitku.fault("popTransactionStatus", "answer", status=502)

    refused = admin.recheck(order["id"])
    assert refused.status_code == 503
    assert refused.headers["retry-after"]
    assert learner.states(order["id"]) == ["PENDING"]

    assert admin.recheck(order["id"]).status_code == 200
    learner.wait_for(order["id"], "COMPLETED")


# ── Anomalies ────────────────────────────────────────────────────────────────────────────────────


def test_a_callback_of_another_amount_is_listed_once_with_its_evidence(
    learner: Person, admin: Person, duitku: Duitku
) -> None:
    order = learner.initiate("entry", "python-dasar")

    for unsigned in ("00", "00", "01"):
        duitku.post(duitku.form(order, amount="50000", resultCode=unsigned))

    (found,) = about(admin, order["id"])
    assert (found["kind"], found["status"], found["paymentId"]) == (
        "AMOUNT_DIFFERS",
        "OPEN",
        order["id"],
    )
    assert (found["evidence"]["amount"], found["evidence"]["expectedAmount"]) == ("50000", "49000")
    assert found["evidence"]["reference"] == order["gateway"]["reference"]


def test_a_callback_for_an_unknown_order_is_listed_once_with_its_evidence(
    learner: Person, admin: Person, duitku: Duitku
) -> None:
    order = learner.initiate("entry", "python-dasar")
    unknown = f"pay{order['id'][:2:-1]}"

    for _ in range(3):
        duitku.post(duitku.form(order, merchantOrderId=unknown))

    (found,) = about(admin, unknown)
    assert (found["kind"], found["status"]) == ("UNKNOWN_ORDER", "OPEN")
    assert found["evidence"]["amount"] == "49000"
    assert "paymentId" not in found


def test_paying_twice_for_a_course_is_listed_once(
    learner: Person, admin: Person, duitku: Duitku
) -> None:
    manual, order = (
        learner.submit("entry", "python-dasar"),
        learner.initiate("entry", "python-dasar"),
    )
    admin.approve(manual["id"])
    duitku.pay(order)
    learner.wait_for(order["id"], "COMPLETED")
    for _ in range(2):
        duitku.post(duitku.form(order))

    (found,) = about(admin, order["id"])

    assert (found["kind"], found["paymentId"]) == ("PAID_TWICE", order["id"])
    assert found["evidence"] == {"amount": "49000", "courses": "python-dasar"}
    assert [each["paymentId"] for each in learner.enrollments()] == [manual["id"]]


def test_an_anomaly_is_resolved_once_by_one_admin(
    learner: Person, admin: Person, duitku: Duitku, users: Users
) -> None:
    order = learner.initiate("entry", "python-dasar")
    duitku.post(duitku.form(order, amount="50000"))
    (found,) = about(admin, order["id"])
    path, body = f"/anomalies/{found['id']}", {"resolution": "refunded", "reason": "by transfer"}

    resolved = admin.call("PATCH", path, body)
    again = users.admin().call("PATCH", path, body | {"reason": "no"})
    duitku.post(duitku.form(order, amount="50000"))

    assert (resolved.status_code, again.status_code) == (200, 409)
    assert (resolved.json()["resolvedBy"], resolved.json()["status"]) == (
        f"admin:{admin.id}",
        "RESOLVED",
    )
    assert about(admin, order["id"]) == [resolved.json()]


@pytest.mark.parametrize("missing", ["resolution", "reason"])
def test_resolving_needs_a_resolution_and_a_reason(missing: str, admin: Person) -> None:
    body = {"resolution": "refunded", "reason": "by transfer", missing: " "}

    answer = admin.call("PATCH", "/anomalies/ano0", body)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [missing]


def test_an_unknown_anomaly_is_not_found(admin: Person) -> None:
    body = {"resolution": "refunded", "reason": "by transfer"}

    assert admin.call("PATCH", "/anomalies/ano0", body).status_code == 404


# ── Delivering again ─────────────────────────────────────────────────────────────────────────────


def test_a_failed_delivery_can_be_requested_again_once_the_cause_is_fixed(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    refusal = {"status": 422, "body": '{"errors": {"first_name": ["is too long"]}}'}
    thinkific.fault("createUser", "answer", contentType="application/json", **refusal)
    payment = learner.submit("entry", "python-dasar")
    admin.approve(payment["id"])
    (failed,) = eventually(
        learner.enrollments, lambda found: found[0]["delivery"]["status"] == "FAILED"
    )

    again = admin.call("POST", f"/enrollments/{failed['id']}/redeliver")

    assert (again.status_code, again.json()["delivery"]["status"]) == (200, "PENDING")
    assert "lastError" not in again.json()["delivery"]
    learner.wait_for(payment["id"], "COMPLETED")
    assert len(thinkific.enrollments(learner.email)) == 1


def test_a_second_delivery_request_doubles_nothing(
    learner: Person, admin: Person, thinkific: Thinkific
) -> None:
    course = admin.put_course()
    payment = learner.submit(admin.put_package(course), course)
    admin.approve(payment["id"])
    completed = learner.wait_for(payment["id"], "COMPLETED")
    before = delivered(learner)

    again = admin.call("POST", f"/enrollments/{before['id']}/redeliver")

    assert again.status_code == 200
    after = delivered(learner)
    assert after["delivery"]["attempts"] == before["delivery"]["attempts"] + 1
    found = thinkific.enrollments(learner.email)
    assert [each["id"] for each in found] == [before["delivery"]["thinkificEnrollmentId"]]
    assert learner.payment(payment["id"]) == completed
    assert enrolled(learner, course) == 1


def test_an_unknown_enrollment_cannot_be_delivered_again(admin: Person) -> None:
    assert admin.call("POST", "/enrollments/enr0/redeliver").status_code == 404


# ── Progress ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def enrollment(learner: Person, admin: Person) -> Json:
    """Enroll the learner, and wait until the enrollment is delivered."""
    admin.approve(learner.submit("entry", "python-dasar")["id"])
    return delivered(learner)


def test_progress_goes_up_and_never_down(
    learner: Person, admin: Person, users: Users, enrollment: Json
) -> None:
    path = f"/enrollments/{enrollment['id']}/progress"
    service = users.service("enrollments:write")
    reports = [(learner, 0), (learner, 30), (service, 60), (learner, 59), (admin, 100), (admin, 0)]

    shown = [person.call("PATCH", path, {"progress": percent}) for person, percent in reports]

    assert [answer.status_code for answer in shown] == [200] * 6
    assert [answer.json()["progress"] for answer in shown] == [0, 30, 60, 60, 100, 100]
    (now,) = learner.enrollments()
    assert now["progress"] == 100
    assert now["delivery"] == enrollment["delivery"]


@pytest.mark.parametrize("progress", [-1, 101, "50", 49.5, True, None, [50]])
def test_progress_is_a_whole_number_of_percent(
    progress: object, learner: Person, enrollment: Json
) -> None:
    answer = learner.call(
        "PATCH", f"/enrollments/{enrollment['id']}/progress", {"progress": progress}
    )

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == ["progress"]
    assert learner.enrollments()[0]["progress"] == 0


def test_another_learners_enrollment_looks_like_an_unknown_one(
    learner: Person, users: Users, enrollment: Json
) -> None:
    stranger, body = users.learner(), {"progress": 50}

    theirs = stranger.call("PATCH", f"/enrollments/{enrollment['id']}/progress", body)
    unknown = stranger.call("PATCH", "/enrollments/enr0/progress", body)

    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert theirs.json()["detail"] == unknown.json()["detail"]
    assert learner.enrollments()[0]["progress"] == 0


# ── Revoked enrollments ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def revoked(learner: Person, stack: Stack) -> Enrollment:
    """Put an enrollment into the table as a refund leaves it."""
    made = builders.enrollment(
        "python-dasar",
        id=enrollment_id(learner.id, "python-dasar"),
        user_id=learner.id,
        status=EnrollmentStatus.NOT_ENROLLED,
        progress=40,
        delivery=Delivery(status=DeliveryStatus.REVOKED),
    )
    fill(dynamodb(stack), stack.table_name, [enrollment_item(made)])
    return made


def test_a_revoked_enrollment_takes_no_progress_and_is_not_delivered(
    learner: Person, admin: Person, revoked: Enrollment
) -> None:
    path = f"/enrollments/{revoked.id}"

    for percent in (0, 40, 90):
        assert learner.call("PATCH", f"{path}/progress", {"progress": percent}).status_code == 409
    assert admin.call("POST", f"{path}/redeliver").status_code == 409

    shown = learner.get(path)
    assert (shown["progress"], shown["delivery"]["status"]) == (40, "REVOKED")
    status = learner.get("/enrollments/course/python-dasar/status")
    assert status == {"courseId": "python-dasar", "status": "NOT_ENROLLED"}


def test_a_revoked_course_can_be_bought_again(
    learner: Person, admin: Person, revoked: Enrollment
) -> None:
    payment = learner.submit("entry", "python-dasar")
    admin.approve(payment["id"])

    learner.wait_for(payment["id"], "COMPLETED")
    found = delivered(learner)
    assert (found["id"], found["paymentId"], found["progress"]) == (revoked.id, payment["id"], 40)


# ── Quotas ───────────────────────────────────────────────────────────────────────────────────────


def enrolled(person: Person, course: str) -> int:
    """Return the counter of a course."""
    courses = {each["id"]: each for each in person.get("/courses")["items"]}
    return int(courses[course]["enrolled"])


def test_a_full_course_is_not_sold(users: Users, admin: Person) -> None:
    course = admin.put_course(quota=1)
    package = admin.put_package(course)
    first, second = users.learner(), users.learner()
    admin.approve(first.submit(package, course)["id"])
    purchase = {"packageId": package, "courseId": course}
    proof = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}

    initiated = second.call("POST", "/payments/initiate", purchase)
    submitted = second.call("POST", "/payments", purchase | proof)

    assert (initiated.status_code, code(initiated.json())) == (409, "course-full")
    assert (submitted.status_code, code(submitted.json())) == (409, "course-full")
    assert second.all(f"/payments/user/{second.id}") == []


def test_money_for_a_full_course_enrolls_and_is_an_anomaly(
    users: Users, admin: Person, duitku: Duitku
) -> None:
    course = admin.put_course(quota=1)
    package = admin.put_package(course)
    first, second = users.learner(), users.learner()
    orders = [first.initiate(package, course), second.initiate(package, course)]
    duitku.pay(orders[0])
    first.wait_for(orders[0]["id"], "COMPLETED")

    duitku.pay(orders[1])
    second.wait_for(orders[1]["id"], "COMPLETED")

    assert len(second.enrollments()) == 1
    assert enrolled(second, course) == 2
    assert about(admin, orders[0]["id"]) == []
    (found,) = about(admin, orders[1]["id"])
    assert (found["kind"], found["evidence"]) == ("OVERBOOKED", {"courses": course})


def test_approving_beyond_the_quota_needs_overbook(users: Users, admin: Person) -> None:
    course = admin.put_course(quota=1)
    package = admin.put_package(course)
    first, second = users.learner(), users.learner()
    payments = [first.submit(package, course), second.submit(package, course)]
    admin.approve(payments[0]["id"])
    path = f"/payments/{payments[1]['id']}/approve"

    for body in (None, {}, {"overbook": False}):
        refused = admin.call("PATCH", path, body)
        assert (refused.status_code, code(refused.json())) == (409, "course-full")
    assert second.states(payments[1]["id"]) == ["PAID"]
    assert (second.enrollments(), enrolled(second, course)) == ([], 1)

    assert admin.call("PATCH", path, {"overbook": True}).status_code == 200
    assert [each["courseId"] for each in second.enrollments()] == [course]
    assert enrolled(second, course) == 2
    assert about(admin, payments[1]["id"]) == []


def test_overbook_is_a_boolean(learner: Person, admin: Person) -> None:
    payment = learner.submit("entry", "python-dasar")

    answer = admin.call("PATCH", f"/payments/{payment['id']}/approve", {"overbook": "perhaps"})

    assert answer.status_code == 422
    assert learner.payment(payment["id"])["status"] == "PAID"


# ── What is sold to whom ─────────────────────────────────────────────────────────────────────────


def buying(
    learner: Person, package: str, course: str | None = None, kind: str = "UMUM"
) -> list[Json]:
    """Try to buy both ways; return both answers."""
    purchase = {"packageId": package} | ({"courseId": course} if course else {})
    proof = {"paymentType": kind, "proofLink": "https://example.com/proof.jpg"}
    answers = [
        learner.call("POST", "/payments/initiate", purchase),
        learner.call("POST", "/payments", purchase | proof),
    ]
    return [answer.json() | {"code": answer.status_code} for answer in answers]


def test_a_course_that_is_not_mapped_is_not_sold(learner: Person, admin: Person) -> None:
    course = admin.put_course(mapped=False)

    for answer in buying(learner, admin.put_package(course), course):
        assert (answer["code"], code(answer)) == (409, "course-unmapped")
    assert learner.all(f"/payments/user/{learner.id}") == []


@pytest.mark.parametrize(
    ("package", "course", "status"),
    [
        ("entry", None, 422),
        ("entry", "analisis-sql", 422),
        ("bundle-data", "python-dasar", 422),
        ("nothing", "python-dasar", 404),
        ("entry", "no/such course", 422),
    ],
)
def test_a_choice_that_breaks_the_rules_of_the_package_is_refused(
    package: str, course: str | None, status: int, learner: Person
) -> None:
    assert {answer["code"] for answer in buying(learner, package, course)} == {status}
    assert learner.all(f"/payments/user/{learner.id}") == []


def test_a_bundle_owned_in_part_is_sold_and_one_owned_wholly_is_not(
    users: Users, admin: Person, learner: Person
) -> None:
    one, two = admin.put_course(), admin.put_course()
    single, bundle = admin.put_package(one, two), admin.put_package(one, two, kind="BUNDLE")
    first = learner.submit(single, one)
    admin.approve(first["id"])

    rest = learner.submit(bundle)
    admin.approve(rest["id"])

    assert rest["courseIds"] == [one, two]
    assert {each["courseId"]: each["paymentId"] for each in learner.enrollments()} == {
        one: first["id"],
        two: rest["id"],
    }
    assert [enrolled(learner, each) for each in (one, two)] == [1, 1]
    for answer in buying(learner, bundle):
        assert (answer["code"], code(answer)) == (409, "already-enrolled")
    assert buying(users.learner(), bundle)[1]["code"] == 201


def test_a_bundle_with_an_owned_full_course_is_sold(admin: Person, learner: Person) -> None:
    full, free = admin.put_course(quota=1), admin.put_course()
    admin.approve(learner.submit(admin.put_package(full), full)["id"])

    assert buying(learner, admin.put_package(full, free, kind="BUNDLE"))[1]["code"] == 201


@pytest.mark.parametrize(("own", "other"), [("UMUM", "DIKE"), ("DIKE", "UMUM")])
def test_the_payment_type_has_to_be_that_of_the_token(own: str, other: str, users: Users) -> None:
    learner = users.learner(own)

    refused = buying(learner, "entry", "python-dasar", other)[1]
    taken = buying(learner, "entry", "python-dasar", own)[1]

    assert refused["code"] == 422
    assert [each["field"] for each in refused["errors"]] == ["paymentType"]
    assert taken["code"] == 201
    assert taken["amount"] == {"UMUM": 49000, "DIKE": 39000}[own]


@contextmanager
def edited(admin: Person, package: str, **changes: object) -> Iterator[None]:
    """Change a package until the block ends: the other tests share the catalog."""
    shown = admin.get(f"/packages/{package}")
    for body in (shown | changes, shown):
        assert admin.call("PUT", f"/packages/{package}", body).status_code == 200
        if body is not shown:
            yield


def test_a_package_is_not_sold_to_a_type_without_a_price(
    users: Users, admin: Person, learner: Person
) -> None:
    course = admin.put_course()
    package = admin.put_package(course)

    with edited(admin, package, prices={"DIKE": 39000}):
        umum = buying(learner, package, course)
        dike = buying(users.learner("DIKE"), package, course, "DIKE")

    assert [answer["code"] for answer in umum] == [422, 422]
    assert [answer["amount"] for answer in dike] == [39000, 39000]


def test_an_edit_of_the_catalog_leaves_earlier_purchases_unchanged(
    learner: Person, admin: Person
) -> None:
    course, other = admin.put_course(), admin.put_course()
    package = admin.put_package(course, other)
    payment = learner.submit(package, course)
    changes = {"kind": "BUNDLE", "name": "New", "prices": {"UMUM": 99000}, "courseIds": [other]}

    with edited(admin, package, **changes):
        approved = admin.approve(payment["id"]).json()

    same = ("amount", "courseIds", "packageName")
    assert [approved[name] for name in same] == [payment[name] for name in same]
    assert [each["courseId"] for each in learner.enrollments()] == [course]
