"""What comes before a workflow: each function makes the one that prepares a scenario."""

from collections.abc import Callable

from tests.faults.world.scenario import (
    ADMIN,
    BUNDLE,
    LEARNER,
    PYTHON,
    SQL,
    Purchase,
    Scenario,
    id_of,
)

type Action = Callable[[Scenario], object]

MANY = 1_000
NO_COURSE = '{"errors": ["Course could not be found."]}'
PYTHON_AT_THINKIFIC = "Dasar Pemrograman Python"


def both(*actions: Action) -> Action:
    """Do one thing after the other."""

    def do(scenario: Scenario) -> None:
        for action in actions:
            action(scenario)

    return do


def bought(purchase: Purchase = PYTHON, **more: str) -> Action:
    """Open a payment at Duitku."""
    return lambda scenario: scenario.initiate(purchase, **more)


def submitted(purchase: Purchase = PYTHON, **more: str) -> Action:
    """Submit a manual payment."""
    return lambda scenario: scenario.submit(purchase, **more)


def _insist(scenario: Scenario, send: Callable[[], None]) -> None:
    """Send a request after two minutes, and again after each one that is cut."""
    cuts = len(scenario.world.effects.traps)
    scenario.wait(2)
    scenario.payment = ""
    send()
    if not scenario.payment and len(scenario.world.effects.traps) < cuts:
        _insist(scenario, send)
    assert scenario.payment, f"the learner is locked out: {scenario.world.logged[-3:]}"


def submitted_again(**more: str) -> Action:
    """Send the proof again after two minutes, and have the payment approved."""

    def come_back(scenario: Scenario) -> None:
        _insist(scenario, lambda: scenario.submit(PYTHON, **more))
        assert len(list(scenario.world.aws.table.of_type("payment"))) == 1
        scenario.approve()

    return come_back


def rejected(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment rejected."""
    return both(submitted(purchase), Scenario.reject)


def approved(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment approved, and not delivered yet."""
    return both(submitted(purchase), Scenario.approve)


def completed(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment approved and delivered."""
    return both(approved(purchase), Scenario.rest)


def owning(purchase: Purchase, then: Action) -> Action:
    """Own a purchase already, then prepare something else."""
    return both(completed(purchase), then)


def asked_again(**more: str) -> Action:
    """Come back after two minutes, get an invoice that can be paid, and pay it."""

    def come_back(scenario: Scenario) -> None:
        _insist(scenario, lambda: scenario.initiate(PYTHON, **more))
        scenario.pay()

    return come_back


def expired(scenario: Scenario) -> None:
    """Have a payment that is EXPIRED."""
    scenario.initiate(PYTHON)
    scenario.wait(80)
    assert scenario.status() == "EXPIRED"


def expiring(scenario: Scenario) -> None:
    """Have a payment whose invoice has ended, before Lunas checks it."""
    scenario.initiate(PYTHON)
    scenario.world.clock.move(3_600)


def paid_for_nothing_new(scenario: Scenario) -> None:
    """Pay for a course that was owned by other means meanwhile."""
    scenario.initiate(PYTHON)
    order = scenario.payment
    completed(PYTHON)(scenario)
    scenario.payment = order
    scenario.pay()


def paid_with_lag(scenario: Scenario) -> None:
    """Pay, while Duitku's status lags behind its callback."""
    scenario.initiate(PYTHON)
    scenario.world.duitku.gateway.change({"statusLag": 90})
    scenario.pay()


def paid_another_amount(scenario: Scenario) -> None:
    """Pay, and have Duitku's status show another amount."""
    scenario.initiate(PYTHON)
    scenario.order().answer = {"amount": "10000"}
    scenario.pay()


def right_amount(scenario: Scenario) -> None:
    """Have Duitku's status show the right amount, and an admin recheck."""
    scenario.order().answer = {}
    scenario.recheck()


def blocked(scenario: Scenario) -> None:
    """Have Duitku refuse the next check."""
    scenario.world.duitku.fault("popTransactionStatus", "answer", status=429)


def sold_as_bundle(scenario: Scenario) -> None:
    """Have the package mapped to Thinkific's own bundle of the same courses."""
    (bundle,) = scenario.world.thinkific.site.bundles
    answer = scenario.actors.offer(ADMIN, "bundle-data", 130_000, thinkificBundleId=bundle)
    assert answer.ok


def bundle_later(scenario: Scenario) -> None:
    """Have Thinkific answer 202 and make the enrollments of a bundle later."""
    scenario.world.thinkific.set(bundleAnswer="later", bundleDelay=30)


def left_incomplete(scenario: Scenario) -> None:
    """Have a payment whose last delivery is recorded, and whose completion is not."""
    completed(PYTHON)(scenario)
    items = scenario.world.aws.table.items
    key = f"PAYMENT#{scenario.payment}", "PAYMENT"
    done = items[key]
    left = {**done, "status": {"S": "APPROVED"}, "updatedAt": done["approvedAt"]}
    version = int(left.pop("version")["N"])
    del left["completedAt"], items[key[0], f"HISTORY#{version:06d}"]
    items[key] = {**left, "version": {"N": str(version - 1)}}


def trial_at_thinkific(scenario: Scenario) -> None:
    """Have a free preview of the course at Thinkific."""
    completed(SQL)(scenario)
    site = scenario.world.thinkific.site
    (user,) = scenario.world.thinkific.users(LEARNER.email)
    course = next(each for each in site.courses.values() if each.name == PYTHON_AT_THINKIFIC)
    site.enroll(user.id, course.id, {}, scenario.world.clock.now())


def unpublished(scenario: Scenario) -> None:
    """Lose what the stream holds."""
    scenario.world.aws.table.stream.clear()


def limited(scenario: Scenario) -> None:
    """Have Thinkific's limit reached once."""
    headers = {"RateLimit-Reset": "30"}
    scenario.world.thinkific.fault("createEnrollment", "answer", status=429, headers=headers)


def refusing(route: str) -> Action:
    """Have Thinkific refuse a write until a person fixes the cause."""
    more = {"times": MANY, "status": 422, "body": NO_COURSE}
    return lambda scenario: scenario.world.thinkific.fault(route, "answer", **more)


def failing(route: str) -> Action:
    """Have Thinkific fail once."""
    return lambda scenario: scenario.world.thinkific.fault(route, "answer", status=500)


def on_its_way(scenario: Scenario) -> None:
    """Have an enrollment at Thinkific that Lunas has not recorded."""
    approved(PYTHON)(scenario)
    scenario.world.thinkific.fault("createEnrollment", "drop_after")
    scenario.world.thinkific.fault("listEnrollments", "answer", times=3, status=503)
    scenario.rest()
    assert scenario.status() == "APPROVED"


def offered(days: int | None, package: str = "entry", price: int = 49_000) -> Action:
    """Sell a package for so many days of access."""

    def offer(scenario: Scenario) -> None:
        assert scenario.actors.offer(ADMIN, package, price, accessDays=days).ok

    return offer


def to_lengthen(scenario: Scenario) -> None:
    """Have a course for 30 days, and a bundle with it, without an end, that waits for approval."""
    offered(30)(scenario)
    completed(PYTHON)(scenario)
    scenario.submit(BUNDLE)


def to_shorten(scenario: Scenario) -> None:
    """Have a course for 30 days, and without an end by another payment."""
    to_lengthen(scenario)
    scenario.approve()
    scenario.rest()
    assert scenario.status() == "COMPLETED"


def two_behind_one(scenario: Scenario) -> None:
    """Have two catalog courses mapped to one at Thinkific, the second one waiting for approval.

    The first one is for 30 days; the second one, the scenario's payment, has no end.
    """
    assert scenario.actors.map(ADMIN, "literasi-data", "python-dasar").ok
    offered(30)(scenario)
    completed(PYTHON)(scenario)
    offered(None)(scenario)
    scenario.submit(("entry", "literasi-data"))


def remapped(scenario: Scenario) -> None:
    """Have a delivered course mapped to another one at Thinkific, and ask for delivery again."""
    completed(PYTHON)(scenario)
    assert scenario.actors.map(ADMIN, "python-dasar", "web-django").ok
    scenario.redeliver()


def shared_and_remapped(scenario: Scenario) -> None:
    """Have two catalog courses share one at Thinkific, and map the shorter one back to its own."""
    assert scenario.actors.map(ADMIN, "literasi-data", "python-dasar").ok
    completed(PYTHON)(scenario)
    offered(30)(scenario)
    completed(("entry", "literasi-data"))(scenario)
    assert scenario.actors.map(ADMIN, "literasi-data", "literasi-data").ok
    (leaving,) = (
        each for each in scenario.enrollments() if each["courseId"]["S"] == "literasi-data"
    )
    assert scenario.actors.redeliver(ADMIN, id_of(leaving)).ok


def paid_twice(scenario: Scenario) -> None:
    """Have two payments for one course; the scenario's payment is the one that brought it."""
    scenario.initiate(PYTHON)
    second = scenario.order()
    completed(PYTHON)(scenario)
    scenario.world.duitku.pay(second)
    scenario.rest()
