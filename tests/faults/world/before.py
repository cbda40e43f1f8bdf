"""What came before a workflow: each function makes the one that prepares a story."""

from collections.abc import Callable

from tests.faults.world.scenario import ADMIN, BUNDLE, LEARNER, PYTHON, SQL, Purchase, Scenario

type Action = Callable[[Scenario], object]

MANY = 1_000
NO_COURSE = '{"errors": ["Course could not be found."]}'
PYTHON_AT_THINKIFIC = "Dasar Pemrograman Python"


def both(*acts: Action) -> Action:
    """Do one thing after the other."""

    def do(scenario: Scenario) -> None:
        for action in acts:
            action(scenario)

    return do


def bought(purchase: Purchase = PYTHON, **more: str) -> Action:
    """Open a payment at Duitku."""
    return lambda scenario: scenario.initiate(purchase, **more)


def handed_in(purchase: Purchase = PYTHON, **more: str) -> Action:
    """Hand in a manual payment."""
    return lambda scenario: scenario.submit(purchase, **more)


def _insist(scenario: Scenario, send: Callable[[], None]) -> None:
    """Send a request after two minutes: it is answered, unless it is cut. Then do so again."""
    cuts = len(scenario.world.effects.traps)
    scenario.wait(2)
    scenario.payment = ""
    send()
    if not scenario.payment and len(scenario.world.effects.traps) < cuts:
        _insist(scenario, send)
    assert scenario.payment, f"the learner is locked out: {scenario.world.said[-3:]}"


def handed_in_again(**more: str) -> Action:
    """Send the proof once more after two minutes, and have what waits then approved."""

    def come_back(scenario: Scenario) -> None:
        _insist(scenario, lambda: scenario.submit(PYTHON, **more))
        assert len(list(scenario.world.aws.table.of_type("payment"))) == 1
        scenario.approve()

    return come_back


def rejected(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment rejected."""
    return both(handed_in(purchase), Scenario.reject)


def approved(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment approved, and not delivered yet."""
    return both(handed_in(purchase), Scenario.approve)


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
    """Have a payment whose time is over."""
    scenario.initiate(PYTHON)
    scenario.wait(80)
    assert scenario.status() == "EXPIRED"


def expiring(scenario: Scenario) -> None:
    """Have a payment whose invoice is over, and that Lunas has not looked at since."""
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
    """Pay, while Duitku's own word lags behind its callback."""
    scenario.initiate(PYTHON)
    scenario.world.duitku.gateway.change({"statusLag": 90})
    scenario.pay()


def paid_another_amount(scenario: Scenario) -> None:
    """Pay what Duitku then gives as another amount."""
    scenario.initiate(PYTHON)
    scenario.order().answer = {"amount": "10000"}
    scenario.pay()


def tell_the_truth(scenario: Scenario) -> None:
    """Have Duitku tell the right amount, and an admin ask."""
    scenario.order().answer = {}
    scenario.recheck()


def blocked(scenario: Scenario) -> None:
    """Have Duitku refuse the next question."""
    scenario.world.duitku.fault("popTransactionStatus", "answer", status=429)


def sold_as_bundle(scenario: Scenario) -> None:
    """Have the package mapped to Thinkific's own bundle of the same courses."""
    (bundle,) = scenario.world.thinkific.site.bundles
    answer = scenario.actors.offer(ADMIN, "bundle-data", 130_000, thinkificBundleId=bundle)
    assert answer.ok


def rows_later(scenario: Scenario) -> None:
    """Have Thinkific answer 202 and make the rows of a bundle later."""
    scenario.world.thinkific.set(bundleAnswer="later", bundleDelay=30)


def left_incomplete(scenario: Scenario) -> None:
    """Have a payment whose last delivery is noted, and its completion is not."""
    completed(PYTHON)(scenario)
    items = scenario.world.aws.table.items
    key = f"PAYMENT#{scenario.payment}", "PAYMENT"
    done = items[key]
    left = {**done, "status": {"S": "APPROVED"}, "stateKey": {"S": "PAYMENT#APPROVED"}}
    left["updatedAt"] = done["approvedAt"]
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
    """Have Thinkific refuse a write for good, until somebody mends it."""
    more = {"times": MANY, "status": 422, "body": NO_COURSE}
    return lambda scenario: scenario.world.thinkific.fault(route, "answer", **more)


def failing(route: str) -> Action:
    """Have Thinkific fail once."""
    return lambda scenario: scenario.world.thinkific.fault(route, "answer", status=500)


def on_its_way(scenario: Scenario) -> None:
    """Have an enrollment at Thinkific that was not noted here."""
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
    """Have a course for 30 days, and a bundle with it for good that waits for its approval."""
    offered(30)(scenario)
    completed(PYTHON)(scenario)
    scenario.submit(BUNDLE)


def to_shorten(scenario: Scenario) -> None:
    """Have a course for 30 days, and for good by another payment."""
    to_lengthen(scenario)
    scenario.approve()
    scenario.rest()
    assert scenario.status() == "COMPLETED"


def two_behind_one(scenario: Scenario) -> None:
    """Have two catalog courses that lead to one at Thinkific, the second one to come.

    The first one is for 30 days, the second one, of which the story speaks, for good.
    """
    assert scenario.actors.map(ADMIN, "literasi-data", "python-dasar").ok
    offered(30)(scenario)
    completed(PYTHON)(scenario)
    offered(None)(scenario)
    scenario.submit(("entry", "literasi-data"))


def mapped_otherwise(scenario: Scenario) -> None:
    """Have a course that is mapped to another one by now, and is to be sent there."""
    completed(PYTHON)(scenario)
    assert scenario.actors.map(ADMIN, "python-dasar", "web-django").ok
    scenario.redeliver()


def shared_and_mapped_otherwise(scenario: Scenario) -> None:
    """Have shared access to a course for good, and a course of 30 days that is to leave it."""
    assert scenario.actors.map(ADMIN, "literasi-data", "python-dasar").ok
    completed(PYTHON)(scenario)
    offered(30)(scenario)
    completed(("entry", "literasi-data"))(scenario)
    assert scenario.actors.map(ADMIN, "literasi-data", "literasi-data").ok
    (leaving,) = (
        each for each in scenario.enrollments() if each["courseId"]["S"] == "literasi-data"
    )
    assert scenario.actors.redeliver(ADMIN, leaving["id"]["S"]).ok


def paid_twice(scenario: Scenario) -> None:
    """Have two payments for one course, and speak of the one that brought it."""
    scenario.initiate(PYTHON)
    second = scenario.order()
    completed(PYTHON)(scenario)
    scenario.world.duitku.pay(second)
    scenario.rest()
