"""How the simulated Thinkific delivers webhooks: retries, and faults that a test can set."""

from datetime import timedelta
from itertools import repeat
from typing import Any, cast

import httpx
import pytest
from starlette.applications import Starlette

from local.simulators.thinkific.app import create_app
from local.simulators.thinkific.settings import Account
from tests.integration.simulators.thinkific_receiver import (
    TARGET,
    Receiver,
    advance,
    deliveries,
    register,
    set_fault,
    settled,
)
from tests.support.thinkific_site import CREDENTIALS, caller, enroll, items, setting

TRIAL = "enrollment.trial"
SQL = 2_000_003

pytestmark = pytest.mark.anyio


async def test_an_event_is_sent_again_until_the_answer_is_200(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await setting(site, webhookRetrySpacing=0)
    await register(site, TRIAL)
    lost = httpx.ConnectError("lost")
    answers = [httpx.Response(status) for status in (500, 201, 302)]
    receiver.answers = iter([*answers, lost, httpx.Response(200, text="thanks")])
    await enroll(site)
    await settled(site)
    attempts = await deliveries(site)
    assert [one["status"] for one in attempts] == [500, 201, 302, None, 200]
    assert [one["attempt"] for one in attempts] == [1, 2, 3, 4, 5]
    assert (attempts[3]["error"], attempts[4]["answer"]) == ("ConnectError: lost", "thanks")
    assert len({request.content for request in receiver.received}) == 1


async def test_sending_ends_after_14_retries(site: httpx.AsyncClient, receiver: Receiver) -> None:
    await setting(site, webhookRetrySpacing=0)
    await register(site, TRIAL)
    receiver.answers = repeat(httpx.Response(503))
    await enroll(site)
    await settled(site)
    assert [one["status"] for one in await deliveries(site)] == [503] * 15


async def test_the_number_of_retries_can_be_set(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await setting(site, webhookRetries=0)
    await register(site, TRIAL)
    receiver.answers = repeat(httpx.Response(503))
    await enroll(site)
    await settled(site)
    assert len(receiver.received) == 1


async def test_how_long_an_answer_may_take_can_be_set(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await setting(site, webhookTimeout=3)
    await register(site, TRIAL)
    await enroll(site)
    await settled(site)
    assert receiver.received[0].extensions["timeout"]["read"] == 3


async def test_retries_wait_longer_each_time(
    site: httpx.AsyncClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("local.simulators.thinkific.webhook_sender.asyncio.sleep", sleep)
    await setting(site, webhookRetrySpacing=2, webhookRetries=3)
    await register(site, TRIAL)
    receiver.answers = repeat(httpx.Response(503))
    await enroll(site)
    await settled(site)
    assert [seconds for seconds in waits if seconds] == [2, 4, 6]


async def test_every_attempt_is_kept_with_what_was_sent(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    (webhook,) = await register(site, TRIAL)
    await enroll(site)
    await settled(site)
    (attempt,) = await deliveries(site)
    request = receiver.received[0]
    assert (attempt["webhookId"], attempt["url"]) == (webhook["id"], TARGET)
    assert (attempt["topic"], attempt["eventId"]) == (TRIAL, receiver.events[0]["id"])
    assert attempt["sent"].encode() == request.content
    for name, value in attempt["headers"].items():
        assert request.headers[name] == value
    assert len(attempt["headers"]) == 4


async def test_attempts_can_be_picked_by_topic(site: httpx.AsyncClient) -> None:
    await register(site, TRIAL, "enrollment.progress")
    await advance(site, await enroll(site), 5)
    await settled(site)
    picked = await items(site, "/_sim/deliveries?topic=enrollment.progress")
    assert [one["topic"] for one in picked] == ["enrollment.progress"]


async def test_an_event_can_be_sent_several_times_at_once(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, TRIAL)
    await set_fault(site, copies=3)
    await enroll(site)
    await settled(site)
    assert [one["copy"] for one in await deliveries(site)] == [1, 2, 3]
    assert len({request.content for request in receiver.received}) == 1


async def test_an_event_can_be_overtaken(site: httpx.AsyncClient, receiver: Receiver) -> None:
    await register(site, "enrollment.progress", "enrollment.completed")
    enrollment = await enroll(site)
    await set_fault(site, topic="enrollment.progress", behind=2)
    for percentage in (10, 20, 100):
        await advance(site, enrollment, percentage)
        await settled(site)
    order = [
        (event["action"], event["payload"]["percentage_completed"]) for event in receiver.events
    ]
    assert order[0] == ("progress", "20.0")
    assert set(order[1:]) == {("progress", "100.0"), ("completed", "100.0"), ("progress", "10.0")}
    assert order[1] != ("progress", "10.0")


async def test_an_event_can_be_late(site: httpx.AsyncClient, receiver: Receiver) -> None:
    await register(site, TRIAL)
    await set_fault(site, delay=3600)
    await enroll(site)
    await enroll(site, SQL)
    answer = await site.post("/_sim/wait", json={"seconds": 0.1})
    assert answer.json() == {"idle": False}
    assert [event["payload"]["course_id"] for event in receiver.events] == [SQL]


async def test_an_event_can_have_an_unknown_topic(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, TRIAL)
    await set_fault(site, asTopic="enrollment.vanished")
    await enroll(site)
    await settled(site)
    (event,) = receiver.events
    assert (event["resource"], event["action"]) == ("enrollment", "vanished")
    assert receiver.received[0].headers["x-thinkific-topic"] == "enrollment.vanished"


async def test_a_fault_hits_its_topic_as_often_as_asked(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, TRIAL, "enrollment.created")
    await set_fault(site, topic=TRIAL, signature="missing", times=2)
    await enroll(site, activated_at="2026-01-01T00:00:00Z")
    for course in (SQL, 2_000_004, 2_000_005):
        await enroll(site, course)
        await settled(site)
    signed = ["x-thinkific-hmac-sha256" in request.headers for request in receiver.received]
    assert (receiver.actions[0], signed) == ("created", [True, False, False, True])


async def test_an_inactive_webhook_gets_nothing(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    (webhook,) = await register(site, TRIAL)
    path = f"/_sim/webhooks/{webhook['id']}"
    changed = await site.post(path, json={"status": "inactive"})
    assert changed.json() == {**webhook, "status": "inactive"}
    assert await items(site, "/_sim/webhooks") == [changed.json()]
    await enroll(site)
    await settled(site)
    assert receiver.received == []


async def test_an_event_can_be_sent_again_later(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, TRIAL)
    enrollment = await enroll(site)
    await settled(site)
    path = f"/_sim/events/{receiver.events[0]['id']}/send"
    for plan in ({}, {"payload": {"course_id": SQL}}):
        assert (await site.post(path, json=plan)).json() == {"sent": 1}
        await settled(site)
    assert len({event["id"] for event in receiver.events}) == 1
    courses = [event["payload"]["course_id"] for event in receiver.events]
    assert courses == [enrollment["course_id"], enrollment["course_id"], SQL]


async def test_faults_can_be_removed(site: httpx.AsyncClient, receiver: Receiver) -> None:
    await register(site, TRIAL)
    await set_fault(site, copies=9)
    await site.post("/_sim/faults", json={"route": "createEnrollment", "kind": "answer"})
    assert (await site.delete("/_sim/faults")).status_code == 200
    await enroll(site)
    await settled(site)
    assert len(receiver.received) == 1


async def test_a_reset_stops_pending_sendings(site: httpx.AsyncClient, receiver: Receiver) -> None:
    await register(site, TRIAL)
    await set_fault(site, delay=3600)
    await enroll(site)
    await site.post("/_sim/reset")
    await settled(site)
    assert receiver.received == []
    assert await items(site, "/_sim/webhooks") == []


async def test_a_reset_forgets_attempts_and_webhook_faults(site: httpx.AsyncClient) -> None:
    await set_fault(site, copies=2, times=2)
    for attempts in (2, 1):
        await register(site, TRIAL)
        await enroll(site)
        await settled(site)
        assert len(await deliveries(site)) == attempts
        await site.post("/_sim/reset")
        assert await deliveries(site) == []


async def test_ids_of_events_are_new_after_a_reset_and_after_a_restart(
    site: httpx.AsyncClient,
) -> None:
    ids = []
    restarted = httpx.ASGITransport(create_app(Account("lunas-academy", "k" * 32, "a", "s")))
    for simulator in (site, site, caller(restarted, CREDENTIALS)):
        await simulator.post("/_sim/reset")
        await enroll(simulator)
        ids += [int(event["id"]) for event in await items(simulator, "/_sim/events")]
    assert len(set(ids)) == 3
    assert ids[0] < ids[1]


async def test_a_bundle_postponed_before_a_reset_never_comes(
    site: httpx.AsyncClient, transport: httpx.ASGITransport, receiver: Receiver
) -> None:
    await setting(site, bundleAnswer="later", bundleDelay=3600)
    body = {"user_id": 1_000_002}
    await register(site, TRIAL)
    await site.post("/api/public/v1/bundles/4000001/enrollments", json=body)
    simulation = cast("Starlette", transport.app).state.simulation
    before = simulation.site(None)
    await site.post("/_sim/reset")
    before.settle(simulation.now() + timedelta(hours=2))
    await settled(site)
    assert receiver.received == []


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("webhook-faults", {"signature": "sha1"}, 422),
        ("webhook-faults", {"copies": 0}, 422),
        ("webhook-faults", {"topics": TRIAL}, 422),
        ("events/1/send", {}, 404),
        ("webhooks/1", {"status": "active"}, 404),
        ("webhooks/1", {"status": "gone"}, 422),
        ("wait", {"seconds": -1}, 422),
    ],
)
async def test_a_misspelt_request_is_refused(
    site: httpx.AsyncClient, path: str, body: dict[str, Any], expected: int
) -> None:
    assert (await site.post(f"/_sim/{path}", json=body)).status_code == expected
