"""A forged callback is refused and changes nothing, by either entrance.

Each one is for an order that is paid at Duitku, so that one that is accepted would be seen: the
last test shows that the right callback is.
"""

import json
from collections.abc import Iterator

import pytest

from local.cloud import Stack
from tests.faults.forgeries.refused import REFUSED
from tests.faults.forgeries.requests import Reply, Target, Write, form
from tests.faults.forgeries.targets import target, with_another_learner
from tests.faults.forgeries.traces import traces
from tests.support.cloud import Cloud
from tests.support.providers import Thinkific

ENTRANCES = ("Function URL", "POST /webhooks/duitku")
CASES = [
    pytest.param(status, write, id=f"{status} {name}")
    for status, named in REFUSED.items()
    for name, write in named.items()
]


@pytest.fixture(scope="module")
def aim(stack: Stack) -> Target:
    """Set the orders up once: none of the forgeries may change them."""
    return target(stack)


@pytest.fixture(scope="module")
def cloud(stack: Stack) -> Cloud:
    return Cloud(stack)


@pytest.fixture(params=ENTRANCES)
def entrance(request: pytest.FixtureRequest, stack: Stack) -> str:
    """Return the URL of each entrance."""
    urls = (stack.duitku_webhook_url, f"{stack.api_url}/webhooks/duitku")
    return dict(zip(ENTRANCES, urls, strict=True))[request.param]


@pytest.fixture
def _untouched(aim: Target, cloud: Cloud, thinkific: Thinkific) -> Iterator[None]:
    """Compare everything that a callback could move, before and after."""
    before = traces(aim, cloud, thinkific)
    yield
    assert traces(aim, cloud, thinkific) == before


def check_problem(reply: Reply, status: int, aim: Target) -> None:
    """Check that an answer is a problem of this status that contains no secret."""
    assert reply.status == status, reply.text
    assert reply.media_type == "application/problem+json"
    assert json.loads(reply.text.rpartition("\n")[2])["status"] == status
    assert not [each for each in aim.secrets if each in reply.text]


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize(("status", "write"), CASES)
def test_a_forged_callback_is_refused_and_changes_nothing(
    status: int, write: Write, entrance: str, aim: Target
) -> None:
    check_problem(write(aim).post(entrance), status, aim)


def test_the_right_callback_changes_the_order(entrance: str, aim: Target) -> None:
    aim = with_another_learner(aim)
    reply = form(aim.right.items()).post(entrance)

    assert (reply.status, reply.text.rpartition("\n")[2]) == (200, "OK")
    assert not [each for each in aim.secrets if each in reply.text]
    aim.learner.wait_for(aim.paid["id"], "COMPLETED")
