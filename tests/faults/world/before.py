"""What came before a workflow: each function makes the one that prepares a story."""

from collections.abc import Callable

from tests.faults.world.story import ADMIN, BUNDLE, LEARNER, PYTHON, SQL, Purchase, Story

type Action = Callable[[Story], object]

MANY = 1_000
NO_COURSE = '{"errors": ["Course could not be found."]}'
PYTHON_AT_THINKIFIC = "Dasar Pemrograman Python"


def both(*acts: Action) -> Action:
    """Do one thing after the other."""

    def do(story: Story) -> None:
        for action in acts:
            action(story)

    return do


def bought(purchase: Purchase = PYTHON, **more: str) -> Action:
    """Open a payment at Duitku."""
    return lambda story: story.initiate(purchase, **more)


def handed_in(purchase: Purchase = PYTHON, **more: str) -> Action:
    """Hand in a manual payment."""
    return lambda story: story.submit(purchase, **more)


def _insist(story: Story, send: Callable[[], None]) -> None:
    """Send a request after two minutes: it is answered, unless it is cut. Then do so again."""
    cuts = len(story.world.effects.traps)
    story.wait(2)
    story.payment = ""
    send()
    if not story.payment and len(story.world.effects.traps) < cuts:
        _insist(story, send)
    assert story.payment, f"the learner is locked out: {story.world.said[-3:]}"


def handed_in_again(**more: str) -> Action:
    """Send the proof once more after two minutes, and have what waits then approved."""

    def come_back(story: Story) -> None:
        _insist(story, lambda: story.submit(PYTHON, **more))
        assert len(list(story.world.aws.table.of_type("payment"))) == 1
        story.approve()

    return come_back


def rejected(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment rejected."""
    return both(handed_in(purchase), Story.reject)


def approved(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment approved, and not delivered yet."""
    return both(handed_in(purchase), Story.approve)


def completed(purchase: Purchase = PYTHON) -> Action:
    """Have a manual payment approved and delivered."""
    return both(approved(purchase), Story.rest)


def owning(purchase: Purchase, then: Action) -> Action:
    """Own a purchase already, then prepare something else."""
    return both(completed(purchase), then)


def asked_again(**more: str) -> Action:
    """Come back after two minutes, get an invoice that can be paid, and pay it."""

    def come_back(story: Story) -> None:
        _insist(story, lambda: story.initiate(PYTHON, **more))
        story.pay()

    return come_back


def expired(story: Story) -> None:
    """Have a payment whose time is over."""
    story.initiate(PYTHON)
    story.wait(80)
    assert story.status() == "EXPIRED"


def expiring(story: Story) -> None:
    """Have a payment whose invoice is over, and that Lunas has not looked at since."""
    story.initiate(PYTHON)
    story.world.clock.move(3_600)


def paid_for_nothing_new(story: Story) -> None:
    """Pay for a course that was owned by other means meanwhile."""
    story.initiate(PYTHON)
    order = story.payment
    completed(PYTHON)(story)
    story.payment = order
    story.pay()


def paid_with_lag(story: Story) -> None:
    """Pay, while Duitku's own word lags behind its callback."""
    story.initiate(PYTHON)
    story.world.duitku.gateway.change({"statusLag": 90})
    story.pay()


def paid_another_amount(story: Story) -> None:
    """Pay what Duitku then gives as another amount."""
    story.initiate(PYTHON)
    story.order().answer = {"amount": "10000"}
    story.pay()


def tell_the_truth(story: Story) -> None:
    """Have Duitku tell the right amount, and an admin ask."""
    story.order().answer = {}
    story.recheck()


def blocked(story: Story) -> None:
    """Have Duitku refuse the next question."""
    story.world.duitku.fault("popTransactionStatus", "answer", status=429)


def sold_as_bundle(story: Story) -> None:
    """Have the package mapped to Thinkific's own bundle of the same courses."""
    (bundle,) = story.world.thinkific.site.bundles
    answer = story.actors.offer(ADMIN, "bundle-data", 130_000, thinkificBundleId=bundle)
    assert answer.ok


def rows_later(story: Story) -> None:
    """Have Thinkific answer 202 and make the rows of a bundle later."""
    story.world.thinkific.set(bundleAnswer="later", bundleDelay=30)


def left_incomplete(story: Story) -> None:
    """Have a payment whose last delivery is noted, and its completion is not."""
    completed(PYTHON)(story)
    items = story.world.aws.table.items
    key = f"PAYMENT#{story.payment}", "PAYMENT"
    done = items[key]
    left = {**done, "status": {"S": "APPROVED"}, "stateKey": {"S": "PAYMENT#APPROVED"}}
    left["updatedAt"] = done["approvedAt"]
    version = int(left.pop("version")["N"])
    del left["completedAt"], items[key[0], f"HISTORY#{version:06d}"]
    items[key] = {**left, "version": {"N": str(version - 1)}}


def trial_at_thinkific(story: Story) -> None:
    """Have a free preview of the course at Thinkific."""
    completed(SQL)(story)
    site = story.world.thinkific.site
    (user,) = story.world.thinkific.users(LEARNER.email)
    course = next(each for each in site.courses.values() if each.name == PYTHON_AT_THINKIFIC)
    site.enroll(user.id, course.id, {}, story.world.clock.now())


def unpublished(story: Story) -> None:
    """Lose what the stream holds."""
    story.world.aws.table.stream.clear()


def limited(story: Story) -> None:
    """Have Thinkific's limit reached once."""
    headers = {"RateLimit-Reset": "30"}
    story.world.thinkific.fault("createEnrollment", "answer", status=429, headers=headers)


def refusing(route: str) -> Action:
    """Have Thinkific refuse a write for good, until somebody mends it."""
    more = {"times": MANY, "status": 422, "body": NO_COURSE}
    return lambda story: story.world.thinkific.fault(route, "answer", **more)


def failing(route: str) -> Action:
    """Have Thinkific fail once."""
    return lambda story: story.world.thinkific.fault(route, "answer", status=500)


def on_its_way(story: Story) -> None:
    """Have an enrollment at Thinkific that was not noted here."""
    approved(PYTHON)(story)
    story.world.thinkific.fault("createEnrollment", "drop_after")
    story.world.thinkific.fault("listEnrollments", "answer", times=3, status=503)
    story.rest()
    assert story.status() == "APPROVED"


def offered(days: int | None, package: str = "entry", price: int = 49_000) -> Action:
    """Sell a package for so many days of access."""

    def offer(story: Story) -> None:
        assert story.actors.offer(ADMIN, package, price, accessDays=days).ok

    return offer


def to_lengthen(story: Story) -> None:
    """Have a course for 30 days, and a bundle with it for good that waits for its approval."""
    offered(30)(story)
    completed(PYTHON)(story)
    story.submit(BUNDLE)


def to_shorten(story: Story) -> None:
    """Have a course for 30 days, and for good by another payment."""
    to_lengthen(story)
    story.approve()
    story.rest()
    assert story.status() == "COMPLETED"


def two_behind_one(story: Story) -> None:
    """Have two catalog courses that lead to one at Thinkific, the second one to come.

    The first one is for 30 days, the second one, of which the story speaks, for good.
    """
    assert story.actors.map(ADMIN, "literasi-data", "python-dasar").ok
    offered(30)(story)
    completed(PYTHON)(story)
    offered(None)(story)
    story.submit(("entry", "literasi-data"))


def mapped_otherwise(story: Story) -> None:
    """Have a course that is mapped to another one by now, and is to be sent there."""
    completed(PYTHON)(story)
    assert story.actors.map(ADMIN, "python-dasar", "web-django").ok
    story.redeliver()


def shared_and_mapped_otherwise(story: Story) -> None:
    """Have shared access to a course for good, and a course of 30 days that is to leave it."""
    assert story.actors.map(ADMIN, "literasi-data", "python-dasar").ok
    completed(PYTHON)(story)
    offered(30)(story)
    completed(("entry", "literasi-data"))(story)
    assert story.actors.map(ADMIN, "literasi-data", "literasi-data").ok
    (leaving,) = (each for each in story.enrollments() if each["courseId"]["S"] == "literasi-data")
    assert story.actors.redeliver(ADMIN, leaving["id"]["S"]).ok


def paid_twice(story: Story) -> None:
    """Have two payments for one course, and speak of the one that brought it."""
    story.initiate(PYTHON)
    second = story.order()
    completed(PYTHON)(story)
    story.world.duitku.pay(second)
    story.rest()
