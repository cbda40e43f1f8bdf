"""Everything that goes wrong: processes, the table, Duitku, Thinkific."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.faults.machine.admins import act
from tests.faults.machine.base import BaseMachine, chosen, pick
from tests.faults.world.effects import Effect, Trap, When, crash, fail
from tests.support.dynamodb.errors import Refused

BROKEN = (
    {"kind": "drop"},
    {"kind": "drop_after"},
    {"kind": "answer", "status": 503},
    {"kind": "answer", "status": 429},
    {"kind": "answer_after", "status": 520, "body": "<html>"},
    {"kind": "slow", "seconds": 4},
    {"kind": "slow", "seconds": 20},
)
NO_JSON = {"kind": "answer", "status": 200, "body": "<html>"}
LIMITED = {"kind": "answer", "status": 429, "headers": {"RateLimit-Reset": "20"}}
LOCKED = {"kind": "answer", "status": 401}
REFUSED = {"kind": "answer", "status": 422, "body": '{"errors": ["no such course"]}'}
LIES = (
    {"amount": "10000"},
    {"reference": "DS12345OTHER"},
    {"merchantOrderId": "pay0"},
    {"statusCode": "01"},
    {"statusCode": "02"},
    {"statusCode": "99"},
)
DIFFERENCES = (
    {"rateLimit": 4},
    {"bundleAnswer": "later"},
    {"userReadDelay": 20},
    {"emailMatch": "partial"},
    {"duplicateEnrollment": "refuse"},
    {"duplicateEnrollment": "same_row"},
    {"rateResetForm": "duration_seconds", "rateBody": "html"},
)
ACTIONS = ("settle", "reconcile", "approve", "recheck", "refund", "redeliver", "correct")

places, sides, times = st.integers(0, 12), st.sampled_from(When), st.integers(1, 4)


class Dying(BaseMachine):
    """What happens to a process at one of its calls to the outside."""

    @rule(place=places, when=sides)
    def crash(self, place: int, when: When) -> None:
        """Let the process die that makes a certain call."""
        self.world.effects.traps.append(Trap(place, when, crash))

    @rule(place=places, when=sides)
    def lose(self, place: int, when: When) -> None:
        """Let a certain call fail, before it happens or after."""

        def strike(effect: Effect) -> None:
            self.failed = True
            fail(effect)

        self.world.effects.traps.append(Trap(place, when, strike))

    @rule(place=places, when=sides, action=st.sampled_from(ACTIONS), number=pick)
    def meanwhile(self, place: int, when: When, action: str, number: int) -> None:
        """Let something else happen while a certain call is made."""
        trap = Trap(place, when, lambda _: act(self, action, number))
        self.world.effects.traps.append(trap)

    @rule(
        code=st.sampled_from(("ThrottlingException", "ProvisionedThroughputExceededException")),
        times=times,
    )
    def throttle(self, code: str, times: int) -> None:
        """Let the table refuse some writes."""
        self.world.aws.refusals += [Refused(code)] * times


class Failing(BaseMachine):
    """What goes wrong at Duitku and Thinkific."""

    @rule(
        route=st.sampled_from(
            ("createInvoice", "inquiry", "popTransactionStatus", "transactionStatus", "*")
        ),
        fault=st.sampled_from((*BROKEN, NO_JSON)),
        times=times,
    )
    def duitku_fails(self, route: str, fault: Any, times: int) -> None:
        """Let some calls to Duitku go wrong."""
        self.world.duitku.fault(route, **fault, times=times)

    @precondition(lambda self: self.orders())
    @rule(number=pick, answer=st.sampled_from((*LIES, {}, {})))
    def duitku_lies(self, number: int, answer: Any) -> None:
        """Let Duitku's status mismatch an order, or match it again."""
        chosen(self.orders(), number).answer = answer

    @rule(calls=st.integers(0, 3))
    def duitku_blocks(self, calls: int) -> None:
        """Let Duitku block checks for an hour, after some more."""
        self.world.duitku.gateway.change({"statusLimit": {"calls": calls}})

    @rule(
        route=st.sampled_from(
            (
                "listUsers",
                "createUser",
                "listEnrollments",
                "createEnrollment",
                "createBundleEnrollment",
                "updateEnrollment",
                "*",
            )
        ),
        fault=st.sampled_from((*BROKEN, LIMITED, LOCKED, REFUSED)),
        times=times,
    )
    def thinkific_fails(self, route: str, fault: Any, times: int) -> None:
        """Let some calls to Thinkific go wrong."""
        self.world.thinkific.fault(route, **fault, times=times)

    @rule(settings=st.sampled_from(DIFFERENCES))
    def thinkific_differs(self, settings: Any) -> None:
        """Let Thinkific behave in one of the ways that its documentation leaves open."""
        self.world.thinkific.set(**settings)

    @rule()
    def calm(self) -> None:
        """End all faults of AWS, Duitku and Thinkific."""
        self.world.calm()
