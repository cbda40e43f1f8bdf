"""One id leads from an HTTP request through stream and queue to the calls to Thinkific."""

import json
from collections.abc import Iterator
from functools import partial

from local.cloud import Stack
from tests.support.providers import Thinkific
from tests.support.users import Json, Users, eventually


def lines(stack: Stack, function: str, payment_id: str) -> Iterator[Json]:
    """Return what a function logged about a payment."""
    for line in (stack.logs / f"{function}.log").read_text().splitlines():
        if line.startswith("{") and payment_id in line:
            yield json.loads(line)


def correlation_ids(stack: Stack, function: str, payment_id: str) -> set[str]:
    """Return the correlation ids in a function's lines about a payment."""
    return {line["correlation_id"] for line in lines(stack, function, payment_id)}


def test_the_id_of_the_request_that_opened_a_payment_reaches_thinkific(
    stack: Stack, users: Users, thinkific: Thinkific
) -> None:
    learner = users.learner()
    payment = learner.submit("entry", "python-dasar")
    users.admin().approve(payment["id"])
    learner.wait_for(payment["id"], "COMPLETED")

    (request,) = correlation_ids(stack, "PaymentsFunction", payment["id"])
    for function in ("PublishEnrollmentsFunction", "DeliverEnrollmentFunction"):
        logged = partial(correlation_ids, stack, function, payment["id"])
        assert eventually(logged, bool) == {request}
    assert thinkific.traced(request) == {
        "listUsers": 1,
        "createUser": 1,
        "listEnrollments": 1,
        "createEnrollment": 1,
    }
