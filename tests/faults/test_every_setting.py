"""A delivery under every setting and every fault of Thinkific's simulator.

The lists of settings and of kinds of faults come from the simulator itself, so one that is
added without a case in this file, or a test of its own elsewhere, fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic.alias_generators import to_camel

from local.simulators.faults import KINDS
from local.simulators.thinkific.records import User
from local.simulators.thinkific.settings import SimulatorSettings
from tests.faults.world.before import (
    PYTHON_AT_THINKIFIC,
    approved,
    both,
    completed,
    sold_as_bundle,
    trial_at_thinkific,
)
from tests.faults.world.scenario import BUNDLE, LEARNER, PYTHON, Purchase, Scenario
from tests.faults.world.world import World

type Action = Callable[[Scenario], object]

HTML = "<html><body><h1>Something went wrong</h1></body></html>"
QUARTER = 16
"""Minutes within which everything heals, and one more for the clock."""
CLOUDFLARE = (*range(520, 528), 530)
TESTS = Path(__file__).parents[1]


@dataclass(frozen=True)
class Case:
    """A setting with a value, and how a delivery and its revocation go under it.

    ``reschedule`` is a part of the reason why deliveries wait under the setting, ``dead_letter`` of
    the reason in a dead-letter message; with neither, the delivery is done at once. Else the
    settings are set back, a person requests a dead-lettered delivery again, and it is done.
    """

    setting: str
    value: Any
    prepare: Action = lambda _: None
    purchase: Purchase = PYTHON
    minutes: int = QUARTER
    reschedule: str = ""
    dead_letter: str = ""
    more: tuple[tuple[str, Any], ...] = ()

    def __str__(self) -> str:
        extra = "".join(f" {name}={value}" for name, value in self.more)
        return f"{self.setting}={self.value}{extra}"


def account(scenario: Scenario, email: str) -> User:
    """Have an account at Thinkific that Lunas does not know."""
    site, now = scenario.world.thinkific.site, scenario.world.clock.now()
    user = User(site.next_id(User), email, "Budi", "Lain", now)
    site.users[user.id] = user
    return user


def with_account(email: str) -> Action:
    return lambda scenario: account(scenario, email)


def enrolled(scenario: Scenario) -> None:
    """Have an account with full access to the course already."""
    site, now = scenario.world.thinkific.site, scenario.world.clock.now()
    course = next(each for each in site.courses.values() if each.name == PYTHON_AT_THINKIFIC)
    user = account(scenario, LEARNER.email)
    site.enroll(user.id, course.id, {"activated_at": now, "expiry_date": None}, now)


def lost_answer(route: str) -> Action:
    """Have a write be done and its answer be lost."""
    return lambda scenario: scenario.world.thinkific.fault(route, "drop_after")


def new_builder(scenario: Scenario) -> None:
    """Sell a course of the new builder, by the id that the address bar shows."""
    site = scenario.world.thinkific.site
    course = next(each for each in site.courses.values() if each.new_builder)
    item = scenario.world.aws.table.items["CATALOG#COURSE", "python-dasar"]
    changed = {**item, "platformCourseId": {"S": str(course.id)}}
    scenario.world.aws.table.items["CATALOG#COURSE", "python-dasar"] = changed


def nothing(_scenario: Scenario) -> None:
    """Prepare nothing."""


LIMITED = "Thinkific's rate limit is reached"
BUNDLED: dict[str, Any] = {"prepare": sold_as_bundle, "purchase": BUNDLE}
MIXED_CASE, LONGER = "Budi@Example.com", f"a{LEARNER.email}"
CASES = (
    Case("api_plan", value=False, reschedule="refuses access with 401"),
    Case("apps_plan", value=False),
    Case("require_user_agent", value=True),
    Case("rate_limit", 3),
    Case("rate_limit", 0, reschedule=LIMITED),
    *(
        Case("rate_reset_form", form, more=(("rate_limit", 3), ("rate_body", body)))
        for form in ("ms", "s", "duration", "duration_seconds", "absent")
        for body in ("empty", "text", "html", "json")
    ),
    *(Case("rate_body", body, more=(("rate_limit", 3),)) for body in ("empty", "text")),
    *(Case("rate_body", body, more=(("rate_limit", 3),)) for body in ("html", "json")),
    Case("concurrency_limit", 1),
    Case("concurrency_limit", 0, reschedule=LIMITED),
    Case("email_match", "exact", with_account(LEARNER.email)),
    Case("email_match", "exact", with_account(MIXED_CASE), reschedule="address is taken"),
    Case("email_match", "any_case", with_account(MIXED_CASE)),
    Case("email_match", "partial", with_account(LONGER)),
    Case("user_read_delay", 30, lost_answer("createUser")),
    Case("enrollment_read_delay", 30, lost_answer("createEnrollment")),
    Case("bundle_answer", "now", **BUNDLED),
    Case("bundle_answer", "later", **BUNDLED),
    Case("bundle_delay", 90, more=(("bundle_answer", "later"),), **BUNDLED),
    Case("bundle_delay", 3_600, more=(("bundle_answer", "later"),), **BUNDLED),
    *(
        Case("duplicate_enrollment", value, prepare, more=more)
        for value in ("new_row", "same_row", "refuse")
        for prepare, more in (
            (enrolled, ()),
            (lost_answer("createEnrollment"), (("enrollment_read_delay", 60),)),
            (trial_at_thinkific, ()),
        )
    ),
    Case("put_without_activated_at", "keep"),
    Case("put_without_activated_at", "trial"),
    Case("new_builder_enrollment", "accept", new_builder),
    Case("new_builder_enrollment", "refuse", new_builder, dead_letter="Thinkific answered 422"),
    Case("percentage_form", "string"),
    Case("percentage_form", "number"),
)


@pytest.fixture
def scenario(world: World) -> Scenario:
    world.start()
    return Scenario(world)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_delivery_and_its_revocation_under_each_value_of_each_setting(
    case: Case, scenario: Scenario
) -> None:
    case.prepare(scenario)
    settings = {case.setting: case.value, **dict(case.more)}
    scenario.world.thinkific.set(**{to_camel(name): value for name, value in settings.items()})
    approved(case.purchase)(scenario)
    scenario.wait(case.minutes)
    if case.reschedule or case.dead_letter:
        stuck(scenario, case)
        fix(scenario, case)
    done(scenario)
    scenario.refund()
    scenario.wait(case.minutes)
    revoked(scenario)


def stuck(scenario: Scenario, case: Case) -> None:
    """Check that a delivery that cannot be done waits or is dead-lettered, with its reason."""
    assert scenario.status() == "APPROVED"
    messages = scenario.world.aws.queues["DeadLetterQueue"].messages
    reasons = [each.attributes["reason"]["StringValue"] for each in messages]
    if case.dead_letter:
        assert [reason for reason in reasons if case.dead_letter in reason]
    else:
        assert reasons == []
        waits = [
            facts["reason"]
            for line, facts in scenario.world.logged
            if line == "delivery rescheduled"
        ]
        assert [reason for reason in waits if case.reschedule in reason]


def fix(scenario: Scenario, case: Case) -> None:
    """Set the settings back, and have a dead-lettered delivery requested again."""
    scenario.world.thinkific.calm()
    if case.dead_letter:
        scenario.redeliver()
    scenario.wait(QUARTER)


def done(scenario: Scenario) -> None:
    """Check that the learner has everything that was bought, once."""
    assert scenario.status() == "COMPLETED"
    assert scenario.watch.wrong() == []
    assert doubled(scenario) == []
    assert len(accounts(scenario)) == 1


def revoked(scenario: Scenario) -> None:
    """Check that nothing is left open at Thinkific, and nothing undone in Lunas."""
    assert scenario.status() == "REFUNDED"
    assert scenario.watch.wrong() == []
    assert scenario.watch.unfinished() == []
    now, site = scenario.world.clock.now(), scenario.world.thinkific.site
    bought = {
        int(each["platformCourseId"]["S"])
        for each in scenario.enrollments()
        if each["paymentId"]["S"] == scenario.payment
    }
    left = [each for each in site.enrollments.values() if each.course_id in bought]
    assert left
    assert [each for each in left if each.activated_at and not each.expired(now)] == []


def accounts(scenario: Scenario) -> list[User]:
    return scenario.world.thinkific.users(LEARNER.email)


def doubled(scenario: Scenario) -> list[tuple[int, int]]:
    """Return user and course of each pair with more than one enrollment."""
    site = scenario.world.thinkific.site
    pairs = [(each.user_id, each.course_id) for each in site.enrollments.values()]
    return [pair for pair in set(pairs) if pairs.count(pair) > 1]


# ── The simulator's own list ─────────────────────────────────────────────────────────────────────


def values_of(setting: str) -> tuple[Any, ...]:
    """Return all values of a setting, () if they are not listed."""
    annotation = SimulatorSettings.model_fields[setting].annotation
    literal = getattr(annotation, "__value__", annotation)
    return get_args(literal) if "Literal" in str(literal) else ()


@cache
def elsewhere() -> str:
    """Return the text of all other tests."""
    return "".join(each.read_text() for each in TESTS.rglob("test_*.py") if each != Path(__file__))


@pytest.mark.parametrize("setting", list(SimulatorSettings.model_fields))
def test_every_setting_of_the_simulator_has_a_case(setting: str) -> None:
    tried = {case.value for case in CASES if case.setting == setting}
    if not tried:
        # Settings of OAuth and of webhooks concern no delivery; their tests name them.
        assert to_camel(setting) in elsewhere(), f"no test changes {setting}"
        return
    default = SimulatorSettings.model_fields[setting].default
    assert tried - {default}, f"{setting} is only tried with its default"
    assert set(values_of(setting)) <= tried


# ── Faults of each route ─────────────────────────────────────────────────────────────────────────

RESETS: dict[str, dict[str, str]] = {
    "epoch in ms": {"RateLimit-Reset": "1793585000000"},
    "epoch in s": {"RateLimit-Reset": "1793585000"},
    "duration": {"RateLimit-Reset": "30"},
    "absent": {},
    "nonsense": {"RateLimit-Reset": "soon"},
}
FAULTS: dict[str, dict[str, Any]] = {
    **{
        f"429 {name}": {"kind": "answer", "status": 429, "body": HTML, "headers": headers}
        for name, headers in RESETS.items()
    },
    **{
        f"{status} HTML": {"kind": "answer", "status": status, "body": HTML}
        for status in (500, 502, 503, 504, *CLOUDFLARE)
    },
    **{
        f"{status} after the work": {"kind": "answer_after", "status": status, "body": HTML}
        for status in (500, 502, 504, 520, 524)
    },
    "time-out before the work": {"kind": "drop"},
    "time-out after the work": {"kind": "drop_after"},
    "slow beyond the time-out": {"kind": "slow", "seconds": 20},
    "slow": {"kind": "slow", "seconds": 4},
}
WAYS: dict[str, tuple[Action, Purchase]] = {
    "listUsers": (nothing, PYTHON),
    "createUser": (nothing, PYTHON),
    "listEnrollments": (nothing, PYTHON),
    "createEnrollment": (nothing, PYTHON),
    "updateEnrollment": (trial_at_thinkific, PYTHON),
    "getEnrollment": (trial_at_thinkific, PYTHON),
    "getBundle": (sold_as_bundle, BUNDLE),
    "createBundleEnrollment": (sold_as_bundle, BUNDLE),
}
"""The routes that a delivery calls, each with the preparation that makes it do so."""
REVOKING = ("listEnrollments", "updateEnrollment", "getEnrollment")


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("route", WAYS)
def test_a_delivery_survives_each_fault_of_each_route_it_calls(
    route: str, name: str, scenario: Scenario
) -> None:
    prepare, purchase = WAYS[route]
    prepare(scenario)
    scenario.world.thinkific.fault(route, **FAULTS[name])
    approved(purchase)(scenario)
    scenario.wait(QUARTER)
    assert struck(scenario, route)
    done(scenario)
    assert scenario.watch.unfinished() == []


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("route", REVOKING)
def test_a_revocation_survives_each_fault_of_each_route_it_calls(
    route: str, name: str, scenario: Scenario
) -> None:
    completed(PYTHON)(scenario)
    scenario.world.thinkific.fault(route, **FAULTS[name])
    scenario.refund()
    scenario.wait(QUARTER)
    assert struck(scenario, route)
    revoked(scenario)


def struck(scenario: Scenario, route: str) -> bool:
    return any(each.startswith(route) for each in scenario.world.thinkific.simulation.faults.struck)


def test_every_kind_of_fault_of_the_simulator_is_tried() -> None:
    assert {fault["kind"] for fault in FAULTS.values()} == set(KINDS)


def test_every_route_that_a_delivery_calls_is_tried(world: World) -> None:
    called: set[str] = set()
    for prepare, purchase in WAYS.values():
        world.start()
        scenario = Scenario(world)
        both(prepare, completed(purchase))(scenario)
        scenario.refund()
        scenario.wait(QUARTER)
        called |= set(world.thinkific.simulation.traffic.summary()["routes"])
    assert called == set(WAYS)
