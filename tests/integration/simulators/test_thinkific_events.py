"""Which events the simulated Thinkific sends, what they hold and how they are signed."""

import asyncio
import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from local.simulators.thinkific.webhook_signatures import signature
from tests.integration.simulators.thinkific_receiver import (
    Receiver,
    advance,
    deliveries,
    register,
    set_fault,
    settled,
)
from tests.support.thinkific_install import bearer, install
from tests.support.thinkific_site import CREDENTIALS, LEARNER, V1, enroll, setting

ALL = ("enrollment.created", "enrollment.trial", "enrollment.progress", "enrollment.completed")
BUNDLE = 4_000_001
NOW = "2026-01-01T00:00:00.000Z"
SIGNED = "x-thinkific-hmac-sha256"

pytestmark = pytest.mark.anyio


async def test_an_envelope_names_site_event_and_enrollment(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    tokens = await install(site)
    await register(site, "enrollment.created")
    enrollment = await enroll(site, activated_at=NOW)
    await settled(site)
    (event,) = receiver.events
    (kept,) = (await site.get("/_sim/events")).json()["items"]
    assert event["id"] == kept["id"]
    assert event["id"].isdecimal()
    assert (event["resource"], event["action"]) == ("enrollment", "created")
    assert event["tenant_id"].isdecimal()
    assert event["tenant_global_id"] == tokens["gid"]
    assert (event["created_at"], type(event["timestamp"])) == (enrollment["created_at"], int)
    assert event["payload"] == {
        "id": enrollment["id"],
        "activated_at": NOW,
        "started_at": None,
        "completed_at": None,
        "created_at": enrollment["created_at"],
        "updated_at": enrollment["updated_at"],
        "expiry_date": None,
        "course": {"id": enrollment["course_id"], "name": "Dasar Pemrograman Python"},
        "course_id": enrollment["course_id"],
        "free_trial": False,
        "percentage_completed": "0.0",
        "user": {
            "id": LEARNER,
            "email": "siti.aminah@belajar.example",
            "first_name": "Siti",
            "last_name": "Aminah",
        },
    }


async def test_headers_name_topic_and_subdomain(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, "enrollment.trial")
    await enroll(site)
    await settled(site)
    headers = receiver.received[0].headers
    assert headers["content-type"] == "application/json"
    assert headers["x-thinkific-topic"] == "enrollment.trial"
    assert headers["x-thinkific-subdomain"] == "lunas-academy"


async def test_a_trial_and_its_upgrade_are_two_events(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, *ALL)
    enrollment = await enroll(site)
    await settled(site)
    for terms in ({"expiry_date": NOW}, {"activated_at": NOW}, {"activated_at": NOW}):
        await site.put(f"{V1}/enrollments/{enrollment['id']}", json=terms)
        await settled(site)
    assert receiver.actions == ["trial", "created"]


async def test_progress_and_completion_are_events_with_the_certificate_last(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, "enrollment.progress", "enrollment.completed")
    enrollment = await enroll(site, activated_at=NOW)
    for percentage in (24, 100, 100):
        await advance(site, enrollment, percentage)
        await settled(site)
    assert sorted(receiver.actions) == ["completed", "progress", "progress", "progress"]
    progress = [event for event in receiver.events if event["action"] == "progress"]
    assert [event["payload"]["percentage_completed"] for event in progress] == [
        "24.0",
        "100.0",
        "100.0",
    ]
    assert "credential_id" not in progress[0]["payload"]
    (completed,) = [event for event in receiver.events if event["action"] == "completed"]
    payload = completed["payload"]
    assert payload["completed_at"] is not None
    assert payload["certificate_url"].endswith(f"/certificates/{payload['credential_id']}")
    assert payload["certificate_expiry_date"] is None


async def test_a_course_may_give_no_certificate(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await setting(site, certificates=False)
    await register(site, "enrollment.completed")
    await advance(site, await enroll(site), 100)
    await settled(site)
    payload = receiver.events[0]["payload"]
    assert (payload["credential_id"], payload["certificate_url"]) == (None, None)


@pytest.mark.parametrize(
    ("scale", "expected"), [("0-100", ["0.5", "100.0"]), ("0-1", ["0.005", "1.0"])]
)
async def test_progress_is_text_on_either_scale(
    site: httpx.AsyncClient, receiver: Receiver, scale: str, expected: list[str]
) -> None:
    await setting(site, webhookPercent=scale)
    await register(site, "enrollment.progress")
    enrollment = await enroll(site)
    for percentage in (0.5, 100):
        await advance(site, enrollment, percentage)
        await settled(site)
    assert [event["payload"]["percentage_completed"] for event in receiver.events] == expected


async def test_a_bundle_is_an_event_for_each_course(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, *ALL)
    body = {"user_id": LEARNER, "activated_at": NOW}
    await site.post(f"{V1}/bundles/{BUNDLE}/enrollments", json=body)
    await settled(site)
    assert receiver.actions == ["created", "created"]


async def test_a_delayed_bundle_is_sent_without_a_call(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await setting(site, bundleAnswer="later", bundleDelay=0.05)
    await register(site, *ALL)
    body = {"user_id": LEARNER, "activated_at": NOW}
    answer = await site.post(f"{V1}/bundles/{BUNDLE}/enrollments", json=body)
    assert (answer.status_code, await deliveries(site)) == (202, [])
    async with asyncio.timeout(30):
        while len(receiver.received) < 2:
            await asyncio.sleep(0.01)
    assert receiver.actions == ["created", "created"]


async def test_moving_the_clock_sends_a_delayed_bundle_at_once(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await setting(site, bundleAnswer="later", bundleDelay=3600)
    await register(site, *ALL)
    body = {"user_id": LEARNER, "activated_at": NOW}
    await site.post(f"{V1}/bundles/{BUNDLE}/enrollments", json=body)
    await site.post("/_sim/clock", json={"seconds": 3600})
    await settled(site)
    assert receiver.actions == ["created", "created"]


async def test_a_webhook_gets_only_its_topic_and_a_repeated_one_gets_it_twice(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, "enrollment.created", "enrollment.created", "enrollment.progress")
    await enroll(site, activated_at=NOW)
    await settled(site)
    assert receiver.actions == ["created", "created"]
    assert len({event["id"] for event in receiver.events}) == 1


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("valid", "c2953baead8392ed329f550bea46001ff2b06c93493883d994f6ec563b31a923"),
        ("upper", "C2953BAEAD8392ED329F550BEA46001FF2B06C93493883D994F6EC563B31A923"),
        ("base64", "wpU7rq2Dku0yn1UL6kYAH/KwbJNJOIPZlPbsVjsxqSM="),
        ("missing", None),
    ],
)
def test_the_simulators_own_signature_code_matches_the_vector(
    choice: Any, expected: str | None
) -> None:
    body = '{"id":"1","payload":{"user":{"first_name":"Zoë"}}}'.encode()
    assert signature(body, "0123456789abcdef0123456789abcdef", choice) == expected


async def test_a_webhook_made_with_the_api_key_is_signed_with_it(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, "enrollment.trial")
    await enroll(site)
    await settled(site)
    assert is_signed(receiver.received[0], CREDENTIALS["X-Auth-API-Key"])


async def test_a_webhook_made_by_an_app_is_signed_with_its_secret(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, "enrollment.trial", headers=bearer(await install(site)))
    await enroll(site)
    await settled(site)
    assert is_signed(receiver.received[0], "secret")


@pytest.mark.parametrize("choice", ["bad", "upper", "base64", "missing"])
async def test_a_signature_can_be_unusable(
    site: httpx.AsyncClient, receiver: Receiver, choice: str
) -> None:
    await register(site, "enrollment.trial")
    await set_fault(site, signature=choice)
    await enroll(site)
    await settled(site)
    request = receiver.received[0]
    assert (SIGNED in request.headers) is (choice != "missing")
    assert not is_signed(request, CREDENTIALS["X-Auth-API-Key"])


async def test_names_outside_ascii_are_sent_and_signed_as_raw_utf8(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, "enrollment.trial")
    await site.put(f"{V1}/users/{LEARNER}", json={"first_name": "Zoë", "last_name": "李"})
    await enroll(site)
    await settled(site)
    request = receiver.received[0]
    assert '"first_name":"Zoë","last_name":"李"'.encode() in request.content
    assert is_signed(request, CREDENTIALS["X-Auth-API-Key"])


async def test_a_payload_can_be_changed_before_it_is_signed(
    site: httpx.AsyncClient, receiver: Receiver
) -> None:
    await register(site, "enrollment.trial")
    changes = {"user": {"first_name": "Zoë"}, "expiry_date": None, "course": 7, "new": [1]}
    await set_fault(site, payload=changes)
    enrollment = await enroll(site)
    await settled(site)
    payload = receiver.events[0]["payload"]
    assert payload["user"] == {
        "id": LEARNER,
        "email": enrollment["user_email"],
        "first_name": "Zoë",
        "last_name": "Aminah",
    }
    assert (payload["course"], payload["new"], payload["id"]) == (7, [1], enrollment["id"])
    assert is_signed(receiver.received[0], CREDENTIALS["X-Auth-API-Key"])


def is_signed(request: httpx.Request, key: str) -> bool:
    """Check as a receiver does, over the bytes that arrived."""
    json.loads(request.content)
    expected = hmac.new(key.encode(), request.content, hashlib.sha256).hexdigest()
    return bool(request.headers.get(SIGNED) == expected)
