"""Sets up what a forger aims at."""

from local.cloud import Stack
from tests.faults.forgeries.mail import Target
from tests.peers import Duitku
from tests.people import Json, People, Person

PHONE = "+62 811 5550 4711"


def target(stack: Stack) -> Target:
    """Open three orders of one learner: paid at Duitku, unpaid, and settled here as well."""
    duitku, learner = Duitku(stack), People(stack).learner()
    paid = order(learner, "entry", "python-dasar")
    duitku.pay(paid, callback=False)
    done = order(learner, "entry", "literasi-data")
    duitku.pay(done, callback=False)
    assert duitku.post(duitku.form(done)).status_code == 200
    learner.wait_for(done["id"], "COMPLETED")
    unpaid = order(learner, "intermediate", "web-django")
    return Target(stack=stack, duitku=duitku, learner=learner, paid=paid, unpaid=unpaid, done=done)


def order(learner: Person, package: str, course: str) -> Json:
    """Open an order whose invoice names somebody with a phone."""
    name = {"firstName": "Sekar", "lastName": "Wulandari"}
    customer = {**name, "email": f"sekar-{learner.email}", "phone": PHONE}
    return learner.initiate(package, course, customer=customer)
