"""Everything that can happen to one payment or one learner, as a table.

``stages`` are those at which an operation is possible at all, ``moves`` those at which it finds
something to do. Elsewhere it is refused or changes nothing, and so must stay whatever it meets.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import requests

from lunas.domain.enrollments import EnrollmentStatus
from lunas.domain.payments import Method, Status, is_correction
from tests.faults.races.aftermath import SETTLED, Aftermath
from tests.faults.races.messages import delivery_event
from tests.faults.races.scenes import Other, Scene, Stage
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
    """What an operation was answered; the status 200 stands for a function that did not fail."""

    status: int
    told: Json

    @property
    def ok(self) -> bool:
        """Tell whether the operation was done, now or before."""
        return self.status < 300


@dataclass(frozen=True, slots=True)
class Turn:
    """One operation's turn in a scene; each turn has an admin of its own."""

    scene: Scene
    admin: Person
    duitku: Duitku
    cloud: Cloud

    def patch(self, payment: Json, action: str, body: object = None) -> Answer:
        """Have the admin decide on a payment."""
        return _told(self.admin.call("PATCH", f"/payments/{payment['id']}/{action}", body))

    @property
    def address(self) -> str:
        """The address that the admin corrects the learner's to."""
        return f"{self.admin.id}.{self.scene.learner.email}"

    def hear(self, order: Json) -> Answer:
        """Post the callback of an order."""
        known = {"gateway": {"reference": "none"}} | order
        answer = self.duitku.post(self.duitku.form(known))
        self.scene.claimed.add(order["id"])
        return Answer(answer.status_code, {})

    def invoke(self, function: str, event: Json | None = None) -> Answer:
        """Invoke a function that has to succeed."""
        return Answer(200, self.cloud.invoke(function, event) or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    ``answers`` are the statuses that it may be answered with, and ``holds`` checks that what it
    was told is so in the end. ``actor`` is the name under which the history knows who did it,
    ``other`` the other purchase that it is for.
    """

    name: str
    action: Callable[[Turn], Answer]
    stages: frozenset[Stage]
    moves: frozenset[Stage]
    answers: frozenset[int]
    holds: Callable[[Turn, Answer, Aftermath], None]
    actor: Callable[[Turn], str]
    other: Other | None = None


def _told(answer: requests.Response) -> Answer:
    return Answer(answer.status_code, answer.json())


def _learner(turn: Turn) -> str:
    return f"user:{turn.scene.learner.id}"


def _admin(turn: Turn) -> str:
    return f"admin:{turn.admin.id}"


def _callback(_turn: Turn) -> str:
    return "duitku:callback"


def _initiate(turn: Turn) -> Answer:
    return _told(turn.scene.learner.call("POST", "/payments/initiate", turn.scene.request))


def _submit(turn: Turn) -> Answer:
    proof = {"paymentType": "UMUM", "proofLink": "https://example.com/proof.jpg"}
    return _told(turn.scene.learner.call("POST", "/payments", turn.scene.request | proof))


def _recheck(turn: Turn) -> Answer:
    return _told(turn.admin.recheck(turn.scene.paid["id"]))


def _check(turn: Turn) -> Answer:
    return _told(turn.scene.learner.check(turn.scene.paid["id"]))


def _correct(turn: Turn) -> Answer:
    body = {"email": turn.address, "reason": "a slip in the address"}
    return turn.patch(turn.scene.paid, "learner", body)


def _report(turn: Turn) -> Answer:
    path = f"/enrollments/{turn.scene.enrollment}/progress"
    return _told(turn.scene.learner.call("PATCH", path, {"progress": PROGRESS}))


def _redeliver(turn: Turn) -> Answer:
    return _told(turn.admin.call("POST", f"/enrollments/{turn.scene.enrollment}/redeliver"))


def _deliver(turn: Turn) -> Answer:
    """Hand over the request that waits in the queue, or that was delivered before."""
    request = 2 if turn.scene.stage is Stage.REFUNDED else 1
    event = delivery_event(turn.scene.paid, turn.scene.course, request)
    return turn.invoke("DeliverEnrollmentFunction", event)


def _put_quota(turn: Turn) -> Answer:
    """Close the course, or give it a place again where it is full."""
    scene = turn.scene
    body = {"name": scene.course, "thinkificCourseId": scene.mapped[scene.course]}
    quota = 1 if scene.stage is Stage.FULL else 0
    return _told(turn.admin.call("PUT", f"/courses/{scene.course}", {**body, "quota": quota}))


def _is_there(turn: Turn, answer: Answer, left: Aftermath) -> None:
    if answer.ok:
        assert left.payment(answer.told).user_id == turn.scene.learner.id


def check_confirmed(payment: Json, left: Aftermath) -> None:
    """Check that what is paid at Duitku is settled, and nothing else, now that it was asked."""
    now = left.payment(payment)
    if now.id in left.paid:
        assert now.status in SETTLED, now.status
    elif now.method is Method.GATEWAY and now.status is Status.PENDING:
        # Duitku's status said that it ended, so only a callback that says otherwise leaves it so.
        assert now.id in left.claimed, "it has ended at Duitku, and nobody says otherwise"
        assert now.check_at
        assert now.check_at <= datetime.now(UTC) + timedelta(minutes=1)
    elif now.method is Method.GATEWAY:
        assert now.status in {Status.FAILED, Status.EXPIRED}, now.status


def check_approved(payment: Json, turn: Turn, answer: Answer, left: Aftermath) -> None:
    """Check that an admin's word counts, save for an order, a rejection or a full course."""
    now, course = left.payment(payment), left.courses[turn.scene.course]
    if answer.ok:
        assert answer.told["status"] in SETTLED, answer.told
        assert now.status in SETTLED
    elif now.method is Method.MANUAL and now.status not in {Status.REJECTED, Status.REFUNDED}:
        assert answer.told["type"].endswith("course-full"), answer
        assert course.full or turn.scene.stage is Stage.FULL


def _is_rejected(turn: Turn, answer: Answer, left: Aftermath) -> None:
    assert answer.ok == (left.payment(turn.scene.paid).status is Status.REJECTED)


def _is_asked(turn: Turn, answer: Answer, left: Aftermath) -> None:
    if answer.ok:
        check_confirmed(turn.scene.paid, left)
    else:
        assert left.payment(turn.scene.paid).method is Method.MANUAL


def _is_checked(turn: Turn, answer: Answer, left: Aftermath) -> None:
    """Check that it was asked for the buyer, unless that was done just before the round."""
    if turn.scene.stage is not Stage.FAILED:
        check_confirmed(turn.scene.paid, left)
    assert answer.told["id"] == turn.scene.paid["id"]


def _is_corrected(turn: Turn, answer: Answer, left: Aftermath) -> None:
    """Check that the correction is noted once, and only a refund stands in its way."""
    now = left.payment(turn.scene.paid)
    corrections = [each for each in left.history[now.id] if is_correction(each)]
    own = [each for each in corrections if each.actor == _admin(turn)]
    if not answer.ok:
        assert now.status is Status.REFUNDED, answer
        assert own == []
        return
    assert answer.told["learner"]["email"] == turn.address
    (event,) = own
    assert turn.address in (event.evidence or {})["learnerAfter"]
    assert (now.learner.email == turn.address) == (corrections[-1] == event)


def _is_reconciled(turn: Turn, _answer: Answer, left: Aftermath) -> None:
    check_confirmed(turn.scene.paid, left)


def _is_refunded(turn: Turn, answer: Answer, left: Aftermath) -> None:
    assert answer.ok == (left.payment(turn.scene.paid).status is Status.REFUNDED)
    assert answer.ok or turn.scene.stage not in SETTLED_STAGES


def _is_reported(turn: Turn, answer: Answer, left: Aftermath) -> None:
    now = left.enrollments.get(turn.scene.course)
    if answer.ok:
        assert answer.told["progress"] == PROGRESS
        assert now
        assert now.progress == PROGRESS
    elif now and now.status is EnrollmentStatus.ENROLLED:
        assert turn.scene.stage not in SETTLED_STAGES, answer


def _is_asked_again(turn: Turn, answer: Answer, left: Aftermath) -> None:
    now = left.enrollments.get(turn.scene.course)
    if answer.ok:
        assert now
        # Bought anew meanwhile, it starts from the first request again.
        assert now.delivery.request > 1 or now.payment_id != answer.told["paymentId"]
    else:
        assert turn.scene.stage not in SETTLED_STAGES, answer


def _is_delivered(_turn: Turn, answer: Answer, _left: Aftermath) -> None:
    assert answer.told == {"batchItemFailures": []}


def _is_put(turn: Turn, answer: Answer, left: Aftermath) -> None:
    assert left.courses[turn.scene.course].quota == answer.told["quota"]


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
        action=lambda turn: turn.hear(turn.scene.paid),
        stages=BOUGHT,
        moves=OPEN,
        answers=frozenset({200}),
        holds=lambda turn, _, left: check_confirmed(turn.scene.paid, left),
        actor=_callback,
    ),
    Operation(
        name="approve",
        action=lambda turn: turn.patch(turn.scene.paid, "approve"),
        stages=BOUGHT,
        moves=frozenset({Stage.SUBMITTED}),
        answers=frozenset({200, 409}),
        holds=lambda turn, answer, left: check_approved(turn.scene.paid, turn, answer, left),
        actor=_admin,
    ),
    Operation(
        name="overbook",
        action=lambda turn: turn.patch(turn.scene.paid, "approve", {"overbook": True}),
        stages=BOUGHT,
        moves=WAITING,
        answers=frozenset({200, 409}),
        holds=lambda turn, answer, left: check_approved(turn.scene.paid, turn, answer, left),
        actor=_admin,
    ),
    Operation(
        name="reject",
        action=lambda turn: turn.patch(turn.scene.paid, "reject", {"reason": "no such transfer"}),
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
        action=lambda turn: turn.invoke("ReconcileFunction"),
        stages=OPEN | {Stage.APPROVED},
        moves=OPEN | {Stage.APPROVED},
        answers=frozenset({200}),
        holds=_is_reconciled,
        actor=lambda _: "lunas:reconcile",
    ),
    Operation(
        name="refund",
        action=lambda turn: _told(turn.admin.refund(turn.scene.paid["id"])),
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
        action=lambda turn: turn.hear(turn.scene.others[Other.BUNDLE]),
        stages=ALL,
        moves=ALL,
        answers=frozenset({200}),
        holds=lambda turn, _, left: check_confirmed(turn.scene.others[Other.BUNDLE], left),
        actor=_callback,
        other=Other.BUNDLE,
    ),
    Operation(
        name="transfer",
        action=lambda turn: turn.patch(turn.scene.others[Other.TRANSFER], "approve"),
        stages=ALL,
        moves=ALL,
        answers=frozenset({200, 409}),
        holds=lambda turn, answer, left: check_approved(
            turn.scene.others[Other.TRANSFER], turn, answer, left
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
