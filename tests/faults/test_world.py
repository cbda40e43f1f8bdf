"""The simulated world behaves as AWS does."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.world.clock import Clock
from tests.faults.world.effects import Trap, When, crash
from tests.faults.world.fifo import FifoQueue, Message
from tests.faults.world.functions import Died
from tests.faults.world.scenario import BUNDLE, PYTHON, Scenario
from tests.faults.world.world import World

type Json = dict[str, Any]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> FifoQueue:
    dead = FifoQueue(clock, visibility=30, retention=1_000_000)
    return FifoQueue(clock, visibility=30, retention=1_000, most_received=3, dead_letters=dead)


def send(queue: FifoQueue, group: str, name: str) -> str:
    named = {"MessageGroupId": group, "MessageDeduplicationId": name}
    return queue.send({**named, "MessageBody": name})


def shown(queue: FifoQueue) -> list[str]:
    return [message.body for message in queue.receivable()]


def take(queue: FifoQueue) -> Message:
    message = queue.receive(queue.receivable()[0])
    assert message
    return message


def test_a_group_is_received_in_order_and_holds_up_no_other(queue: FifoQueue) -> None:
    for group, name in (("a", "a1"), ("a", "a2"), ("b", "b1")):
        send(queue, group, name)
    assert shown(queue) == ["a1", "b1"]
    first = take(queue)
    assert shown(queue) == ["b1"]
    queue.delete(first.handle)
    assert shown(queue) == ["a2", "b1"]


def test_a_rescheduled_message_holds_up_its_group(queue: FifoQueue, clock: Clock) -> None:
    send(queue, "a", "a1")
    send(queue, "a", "a2")
    assert queue.reschedule(take(queue).handle, 600)
    clock.move(599)
    assert shown(queue) == []
    clock.move(2)
    assert shown(queue) == ["a1"]


def test_a_message_that_is_never_deleted_comes_again_and_is_dead_lettered(
    queue: FifoQueue, clock: Clock
) -> None:
    send(queue, "a", "a1")
    for _ in range(3):
        take(queue)
        assert shown(queue) == []
        clock.move(31)
    assert queue.receive(queue.receivable()[0]) is None
    assert queue.dead_letters
    assert [message.body for message in queue.dead_letters.messages] == ["a1"]


def test_the_same_id_is_dropped_for_five_minutes_even_after_its_message_is_gone(
    queue: FifoQueue, clock: Clock
) -> None:
    sent = send(queue, "a", "a1")
    queue.delete(take(queue).handle)
    clock.move(timedelta(minutes=4).seconds)
    assert send(queue, "a", "a1") == sent
    assert shown(queue) == []
    assert send(queue, "b", "a1") != sent
    clock.move(61)
    send(queue, "a", "a1")
    assert shown(queue) == ["a1", "a1"]


def test_an_old_message_and_an_old_handle_expire(queue: FifoQueue, clock: Clock) -> None:
    send(queue, "a", "a1")
    old = take(queue).handle
    clock.move(31)
    take(queue)
    assert not queue.reschedule(old, 5)
    clock.move(1_000)
    assert shown(queue) == []


def test_the_stream_delivers_only_the_records_that_the_template_filters_for(world: World) -> None:
    world.start()
    scenario = Scenario(world)
    scenario.submit(BUNDLE)
    assert world.stream.next_at() is None
    scenario.approve()
    records = []
    while world.stream.next_at():
        world.stream.go_on()
        records.append(len(world.aws.queues["DeliveryQueue"].messages))
    assert records == [1, 2]


def test_a_batch_that_always_fails_is_reported_in_the_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.start()
    scenario = Scenario(world)
    scenario.submit(BUNDLE)
    scenario.approve()
    tries = []

    def refuse(name: str, _event: Json) -> None:
        tries.append(name)
        raise Died

    monkeypatch.setattr(world.functions, "invoke", refuse)
    while world.stream.next_at():
        world.clock.move(1)
        world.stream.go_on()
    assert len(world.stream.reported) == 2
    assert len(tries) == 2 * 101


def test_a_dead_process_makes_no_more_calls_and_the_next_one_starts_cold(world: World) -> None:
    world.start()
    scenario = Scenario(world)
    scenario.submit(PYTHON)
    world.effects.recorded.clear()
    world.effects.traps.append(Trap(0, When.BEFORE, crash))
    scenario.approve()
    assert not scenario.actors.ledger.confirmed
    assert len(world.effects.recorded) == 1
    scenario.approve()
    assert "secretsmanager GetSecretValue" in {each.what for each in world.effects.recorded[1:]}


def test_a_function_ends_at_its_time_out(world: World) -> None:
    world.start()
    scenario = Scenario(world)
    scenario.submit(PYTHON)
    slow = Trap(0, When.AFTER, lambda _: world.clock.move(30))
    world.effects.traps.append(slow)
    scenario.approve()
    assert scenario.status() == "PAID"
    assert not scenario.actors.ledger.confirmed


def test_a_caller_that_times_out_goes_on_while_its_request_is_still_on_its_way(
    world: World,
) -> None:
    world.start()
    scenario = Scenario(world)
    scenario.submit(PYTHON)
    scenario.approve()
    world.thinkific.fault("createUser", "slow", seconds=20)
    scenario.rest()
    assert world.thinkific.users("budi@example.com") == []
    assert len(world.network.late) == 1
    world.scheduler.pass_time(20)
    assert len(world.thinkific.users("budi@example.com")) == 1
    assert world.network.late == []


def test_a_dropped_connection_looks_real_so_that_the_check_is_repeated(world: World) -> None:
    world.start()
    scenario = Scenario(world)
    scenario.initiate(PYTHON)
    world.duitku.fault("popTransactionStatus", "drop", times=1)
    world.effects.recorded.clear()
    scenario.pay()
    scenario.rest()
    calls = Counter(map(str, world.effects.recorded))
    assert calls["duitku_webhook: pop.test POST /api/merchant/transactionStatus"] == 2
    assert scenario.status() == "COMPLETED"
