"""Sets up the orders that a forger aims at."""

from dataclasses import replace

from local.cloud import Stack
from tests.faults.forgeries.requests import Target
from tests.support.providers import Duitku
from tests.support.users import Json, Person, Users, eventually

PHONE = "+62 811 5550 4711"


def target(stack: Stack) -> Target:
    """Open orders of one learner: paid at Duitku, unpaid, settled, and refunded."""
    duitku, learner = Duitku(stack), Users(stack).learner()
    refunded = settled(duitku, learner, "entry", "literasi-data")
    assert Users(stack).admin().refund(refunded["id"]).ok
    eventually(learner.enrollments, lambda found: found[0]["delivery"]["status"] == "REVOKED")
    return Target(
        stack=stack,
        duitku=duitku,
        learner=learner,
        paid=paid(duitku, learner),
        unpaid=order(learner, "intermediate", "web-django"),
        done=settled(duitku, learner, "intermediate", "analisis-sql"),
        refunded=refunded,
    )


def with_another_learner(aim: Target) -> Target:
    """Aim at a paid order of another learner."""
    learner = Users(aim.stack).learner()
    return replace(aim, learner=learner, paid=paid(aim.duitku, learner))


def paid(duitku: Duitku, learner: Person) -> Json:
    """Open an order and pay it at Duitku."""
    made = order(learner, "entry", "python-dasar")
    duitku.pay(made, callback=False)
    return made


def settled(duitku: Duitku, learner: Person, package: str, course: str) -> Json:
    """Buy a course, to the end."""
    made = order(learner, package, course)
    duitku.pay(made, callback=False)
    assert duitku.post(duitku.form(made)).status_code == 200
    learner.wait_for(made["id"], "COMPLETED")
    return made


def order(learner: Person, package: str, course: str) -> Json:
    """Open an order for a buyer with a phone number."""
    name = {"firstName": "Sekar", "lastName": "Wulandari"}
    customer = {**name, "email": f"sekar-{learner.email}", "phone": PHONE}
    return learner.initiate(package, course, customer=customer)
