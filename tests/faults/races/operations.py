"""Everything that can happen to one payment or one learner, as a table.

``stages`` are those at which an operation is possible, ``moves`` those at which it finds something
to do. At any other stage it is refused or changes nothing, whatever the other operation is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests

from lunas.domain.enrollments import EnrollmentStatus
from lunas.domain.payment_steps import is_correction
from lunas.domain.payments import Method, Status
from tests.faults.races.aftermath import SETTLED, Aftermath
from tests.faults.races.messages import delivery_event
from tests.faults.races.setups import Other, RaceSetup, Stage
from tests.support.cloud import Cloud
from tests.support.providers import Duitku
from tests.support.users import Json, Person

PROGRESS = 40
"""Percent that a learner reports."""

ALL = frozenset(Stage)
OPEN = frozenset({Stage.PENDING, Stage.CANCELLED, Stage.FAILED})
WAITING = frozenset({Stage.SUBMITTED, Stage.FULL})
SETTLED_STAGES = frozenset({Stage.APPROVED, Stage.COMPLETED})
GONE = frozenset({Stage.REFUNDED})
BOUGHT = OPEN | WAITING | SETTLED_STAGES | GONE


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an operation; a function that did not fail has status 200."""

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """Return whether the operation was done, now or earlier."""
        return self.status < 300


@dataclass(frozen=True, slots=True)
class Attempt:
    """An operation in a round; each attempt has an admin of its own."""

    setup: RaceSetup
    admin: Person
    duitku: Duitku
    cloud: Cloud

    def patch(self, payment: Json, action: str, body: object = None) -> Answer:
        """Have the admin decide on a payment."""
        return _answer(self.admin.call("PATCH", f"/payments/{payment['id']}/{action}", body))

    @property
    def address(self) -> str:
        """The address that the admin corrects the learner's to."""
        return f"{self.admin.id}.{self.setup.learner.email}"

    def handle(self, order: Json) -> Answer:
        """Post the callback of an order."""
        known = {"gateway": {"reference": "none"}} | order
        answer = self.duitku.post(self.duitku.form(known))
        self.setup.claimed.add(order["id"])
        return Answer(answer.status_code, {})

    def invoke(self, function: str, event: Json | None = None) -> Answer:
        """Invoke a function that has to succeed."""
        return Answer(200, self.cloud.invoke(function, event) or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    ``answers`` are the statuses that it may be answered with, and ``holds`` checks that
    the answer is true in the end. ``actor`` is the operation's actor in the history, ``other``
    the other purchase that it is for.
    """

    name: str
    action: Callable[[Attempt], Answer]
    stages: frozenset[Stage]
    moves: frozenset[Stage]
    answers: frozenset[int]
    holds: Callable[[Attempt, Answer, Aftermath], None]
    actor: Callable[[Attempt], str]
    other: Other | None = None


def _answer(answer: requests.Response) -> Answer:
    return Answer(answer.status_code, answer.json())


def _learner(attempt: Attempt) -> str:
    return f"user:{attempt.setup.learner.id}"


def _admin(attempt: Attempt) -> str:
    return f"admin:{attempt.admin.id}"


def _callback(_attempt: Attempt) -> str:
    return "duitku:callback"


def _initiate(attempt: Attempt) -> Answer:
    return _answer(attempt.setup.learner.call("POST", "/payments/initiate", attempt.setup.request))


def _submit(attempt: Attempt) -> Answer:
    proof = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}
    return _answer(attempt.setup.learner.call("POST", "/payments", attempt.setup.request | proof))


def _recheck(attempt: Attempt) -> Answer:
    return _answer(attempt.admin.recheck(attempt.setup.paid["id"]))


def _check(attempt: Attempt) -> Answer:
    return _answer(attempt.setup.learner.check(attempt.setup.paid["id"]))


def _correct(attempt: Attempt) -> Answer:
    body = {"email": attempt.address, "reason": "a slip in the address"}
    return attempt.patch(attempt.setup.paid, "learner", body)


def _report(attempt: Attempt) -> Answer:
    path = f"/enrollments/{attempt.setup.enrollment}/progress"
    return _answer(attempt.setup.learner.call("PATCH", path, {"progress": PROGRESS}))


def _redeliver(attempt: Attempt) -> Answer:
    return _answer(attempt.admin.call("POST", f"/enrollments/{attempt.setup.enrollment}/redeliver"))


def _deliver(attempt: Attempt) -> Answer:
    """Hand over the delivery request that waits in the queue, or an older one."""
    request = 2 if attempt.setup.stage is Stage.REFUNDED else 1
    event = delivery_event(attempt.setup.paid, attempt.setup.course, request)
    return attempt.invoke("DeliverEnrollmentFunction", event)


def _put_quota(attempt: Attempt) -> Answer:
    """Set the quota to 0, or to 1 where the course is full."""
    setup = attempt.setup
    body = {"name": setup.course, "thinkificCourseId": int(setup.mapped[setup.course])}
    quota = 1 if setup.stage is Stage.FULL else 0
    return _answer(attempt.admin.call("PUT", f"/courses/{setup.course}", {**body, "quota": quota}))


def _is_there(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    if answer.ok:
        assert left.payment(answer.body).user_id == attempt.setup.learner.id


def check_confirmed(payment: Json, left: Aftermath) -> None:
    """Check that an order is settled if Duitku has its money, and only then."""
    now = left.payment(payment)
    if now.id in left.paid:
        assert now.status in SETTLED, now.status
    elif now.method is Method.GATEWAY and now.status is Status.PENDING:
        # It has ended by Duitku's status, so only a callback that claims a success keeps it open.
        assert now.id in left.claimed, "it has ended at Duitku, and no callback claims otherwise"
        assert now.check_at
        assert now.check_at <= datetime.now(UTC) + timedelta(minutes=1)
    elif now.method is Method.GATEWAY:
        assert now.status in {Status.FAILED, Status.EXPIRED}, now.status


def check_approved(payment: Json, attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    """Check that an approval counts, save for an order, a rejection or a full course."""
    now, course = left.payment(payment), left.courses[attempt.setup.course]
    if answer.ok:
        assert answer.body["status"] in SETTLED, answer.body
        assert now.status in SETTLED
    elif now.method is Method.MANUAL and now.status not in {Status.REJECTED, Status.REFUNDED}:
        assert answer.body["type"].endswith("course-full"), answer
        assert course.full or attempt.setup.stage is Stage.FULL


def _is_rejected(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    assert answer.ok == (left.payment(attempt.setup.paid).status is Status.REJECTED)


def _is_asked(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    if answer.ok:
        check_confirmed(attempt.setup.paid, left)
    else:
        assert left.payment(attempt.setup.paid).method is Method.MANUAL


def _is_checked(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    """Check that Duitku was asked, unless that happened just before the round."""
    if attempt.setup.stage is not Stage.FAILED:
        check_confirmed(attempt.setup.paid, left)
    assert answer.body["id"] == attempt.setup.paid["id"]


def _is_corrected(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    """Check that the correction is recorded once, and that only a refund prevents it."""
    now = left.payment(attempt.setup.paid)
    corrections = [each for each in left.history[now.id] if is_correction(each)]
    own = [each for each in corrections if each.actor == _admin(attempt)]
    if not answer.ok:
        assert now.status is Status.REFUNDED, answer
        assert own == []
        return
    assert answer.body["learner"]["email"] == attempt.address
    (event,) = own
    assert attempt.address in (event.evidence or {})["learnerAfter"]
    assert (now.learner.email == attempt.address) == (corrections[-1] == event)


def _is_reconciled(attempt: Attempt, _answer: Answer, left: Aftermath) -> None:
    check_confirmed(attempt.setup.paid, left)


def _is_refunded(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    assert answer.ok == (left.payment(attempt.setup.paid).status is Status.REFUNDED)
    assert answer.ok or attempt.setup.stage not in SETTLED_STAGES


def _is_reported(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    now = left.enrollments.get(attempt.setup.course)
    if answer.ok:
        assert answer.body["progress"] == PROGRESS
        assert now
        assert now.progress == PROGRESS
    elif now and now.status is EnrollmentStatus.ENROLLED:
        assert attempt.setup.stage not in SETTLED_STAGES, answer


def _is_asked_again(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    now = left.enrollments.get(attempt.setup.course)
    if answer.ok:
        assert now
        # Bought again meanwhile, it starts from the first request.
        assert now.delivery.request > 1 or now.payment_id != answer.body["paymentId"]
    else:
        assert attempt.setup.stage not in SETTLED_STAGES, answer


def _is_delivered(_attempt: Attempt, answer: Answer, _left: Aftermath) -> None:
    assert answer.body == {"batchItemFailures": []}


def _is_put(attempt: Attempt, answer: Answer, left: Aftermath) -> None:
    assert left.courses[attempt.setup.course].quota == answer.body["quota"]


OPERATIONS = (
    Operation(
        name="initiate",
        action=_initiate,
        stages=ALL,
        moves=frozenset({Stage.NEW}) | OPEN | GONE,
        answers=frozenset({200, 201, 409}),
        holds=_is_there,
        actor=_learner,
    ),
    Operation(
        name="submit",
        action=_submit,
        stages=ALL,
        moves=frozenset({Stage.NEW}) | OPEN | GONE,
        answers=frozenset({200, 201, 409}),
        holds=_is_there,
        actor=_learner,
    ),
    Operation(
        name="callback",
        action=lambda attempt: attempt.handle(attempt.setup.paid),
        stages=BOUGHT,
        moves=OPEN,
        answers=frozenset({200}),
        holds=lambda attempt, _, left: check_confirmed(attempt.setup.paid, left),
        actor=_callback,
    ),
    Operation(
        name="approve",
        action=lambda attempt: attempt.patch(attempt.setup.paid, "approve"),
        stages=BOUGHT,
        moves=frozenset({Stage.SUBMITTED}),
        answers=frozenset({200, 409}),
        holds=lambda attempt, answer, left: check_approved(
            attempt.setup.paid, attempt, answer, left
        ),
        actor=_admin,
    ),
    Operation(
        name="overbook",
        action=lambda attempt: attempt.patch(attempt.setup.paid, "approve", {"overbook": True}),
        stages=BOUGHT,
        moves=WAITING,
        answers=frozenset({200, 409}),
        holds=lambda attempt, answer, left: check_approved(
            attempt.setup.paid, attempt, answer, left
        ),
        actor=_admin,
    ),
    Operation(
        name="reject",
        action=lambda attempt: attempt.patch(
            attempt.setup.paid, "reject", {"reason": "no such transfer"}
        ),
        stages=BOUGHT,
        moves=WAITING,
        answers=frozenset({200, 409}),
        holds=_is_rejected,
        actor=_admin,
    ),
    Operation(
        name="recheck",
        action=_recheck,
        stages=BOUGHT,
        moves=OPEN,
        answers=frozenset({200, 409}),
        holds=_is_asked,
        actor=_admin,
    ),
    Operation(
        name="check",
        action=_check,
        stages=BOUGHT,
        moves=OPEN - {Stage.FAILED},
        answers=frozenset({200}),
        holds=_is_checked,
        actor=_learner,
    ),
    Operation(
        name="correct",
        action=_correct,
        stages=BOUGHT,
        moves=BOUGHT - GONE,
        answers=frozenset({200, 409}),
        holds=_is_corrected,
        actor=_admin,
    ),
    Operation(
        name="reconcile",
        action=lambda attempt: attempt.invoke("ReconcileFunction"),
        stages=OPEN | {Stage.APPROVED},
        moves=OPEN | {Stage.APPROVED},
        answers=frozenset({200}),
        holds=_is_reconciled,
        actor=lambda _: "lunas:reconcile",
    ),
    Operation(
        name="refund",
        action=lambda attempt: _answer(attempt.admin.refund(attempt.setup.paid["id"])),
        stages=BOUGHT,
        moves=SETTLED_STAGES,
        answers=frozenset({200, 409}),
        holds=_is_refunded,
        actor=_admin,
    ),
    Operation(
        name="progress",
        action=_report,
        stages=BOUGHT,
        moves=SETTLED_STAGES,
        answers=frozenset({200, 404, 409}),
        holds=_is_reported,
        actor=_learner,
    ),
    Operation(
        name="redeliver",
        action=_redeliver,
        stages=BOUGHT,
        moves=SETTLED_STAGES | GONE,
        answers=frozenset({200, 404, 409}),
        holds=_is_asked_again,
        actor=_admin,
    ),
    Operation(
        name="deliver",
        action=_deliver,
        stages=SETTLED_STAGES | GONE,
        moves=frozenset({Stage.APPROVED}) | GONE,
        answers=frozenset({200}),
        holds=_is_delivered,
        actor=lambda _: "lunas:deliver",
    ),
    Operation(
        name="bundle",
        action=lambda attempt: attempt.handle(attempt.setup.others[Other.BUNDLE]),
        stages=ALL,
        moves=ALL,
        answers=frozenset({200}),
        holds=lambda attempt, _, left: check_confirmed(attempt.setup.others[Other.BUNDLE], left),
        actor=_callback,
        other=Other.BUNDLE,
    ),
    Operation(
        name="transfer",
        action=lambda attempt: attempt.patch(attempt.setup.others[Other.TRANSFER], "approve"),
        stages=ALL,
        moves=ALL,
        answers=frozenset({200, 409}),
        holds=lambda attempt, answer, left: check_approved(
            attempt.setup.others[Other.TRANSFER], attempt, answer, left
        ),
        actor=_admin,
        other=Other.TRANSFER,
    ),
    Operation(
        name="quota",
        action=_put_quota,
        stages=ALL,
        moves=ALL,
        answers=frozenset({200}),
        holds=_is_put,
        actor=_admin,
    ),
)
