"""Every pair of operations on one payment or one learner, at once, on the local cloud.

Two real requests start together. Whichever comes first, there is one outcome, which the history
explains, and nothing is lost or doubled. With
``LUNAS_TESTS=long`` every pair meets at each stage of a purchase, several times.
"""

import time
from collections.abc import Mapping, Sequence
from itertools import batched

import pytest

from local.cloud import Stack
from tests.faults.races.aftermath import Aftermath, Observer
from tests.faults.races.checks import check
from tests.faults.races.operations import OPERATIONS
from tests.faults.races.rounds import ROUNDS, Meeting, Playing, Round, meetings
from tests.faults.races.setups import Driver
from tests.support.cloud import Cloud
from tests.support.providers import Duitku, Thinkific
from tests.support.users import MAX_WAIT

MEETINGS = meetings()
BATCH = 60
"""Rounds that are played before their deliveries are released."""

type Played = Mapping[Meeting, list[tuple[Round, Aftermath]]]


@pytest.fixture(scope="module")
def played(stack: Stack, request: pytest.FixtureRequest) -> Played:
    """Play the rounds of all selected tests, and look at what each has left."""
    thinkific = Thinkific(stack)
    thinkific.set(rateLimit=100_000)
    left: dict[Meeting, list[tuple[Round, Aftermath]]] = {}
    wanted = [meeting for meeting in selected(request) for _ in range(ROUNDS)]
    for batch in batched(wanted, BATCH, strict=False):
        for meeting, result in zip(batch, play(batch, stack, thinkific), strict=True):
            left.setdefault(meeting, []).append(result)
    return left


def play(
    wanted: Sequence[Meeting], stack: Stack, thinkific: Thinkific
) -> list[tuple[Round, Aftermath]]:
    """Play some rounds while nothing is delivered; then let it come to rest."""
    cloud = Cloud(stack)
    observer = Observer(cloud, Duitku(stack), thinkific)
    with cloud.deliveries_held():
        rounds = Playing(Driver(stack)).play(wanted)
    wait_until_quiet(observer, rounds)
    return [(each, observer.look(each.setup)) for each in rounds]


def selected(request: pytest.FixtureRequest) -> list[Meeting]:
    """Return the meetings of the tests that this run is for."""
    calls = [getattr(item, "callspec", None) for item in request.session.items]
    found = [call.params.get("meeting") for call in calls if call]
    return [each for each in found if isinstance(each, Meeting)]


def wait_until_quiet(observer: Observer, rounds: list[Round]) -> None:
    """Wait until nothing moves; the test of a round that never comes to rest fails."""
    moving, deadline = rounds, time.monotonic() + MAX_WAIT
    while moving and time.monotonic() < deadline:
        time.sleep(0.5)
        moving = [each for each in moving if not observer.is_quiet(each.setup)]


@pytest.mark.parametrize("meeting", MEETINGS, ids=str)
def test_two_operations_at_once_have_one_outcome(meeting: Meeting, played: Played) -> None:
    for each, left in played[meeting]:
        check(each, left)


def test_every_operation_meets_every_other() -> None:
    met = {frozenset({each.one.name, each.other.name}) for each in MEETINGS}

    names = [operation.name for operation in OPERATIONS]
    assert met == {frozenset({one, other}) for one in names for other in names} - {
        frozenset({"deliver"})
    }
