"""Enrollments by bundle at the simulated Thinkific."""

import httpx
import pytest

from tests.support.thinkific_site import V1, enroll, listed, move_clock, setting

PYTHON, SQL = 2_000_001, 2_000_003
LEARNER, OWNER, BUNDLE = 1_000_002, 1_000_001, 4_000_001
BUNDLE_PATH = f"{V1}/bundles/{BUNDLE}/enrollments"
NOW = "2026-01-01T00:00:00Z"
PAST = "2020-01-01T00:00:00Z"

pytestmark = pytest.mark.anyio


async def test_a_bundle_enrolls_in_all_its_courses_and_updates_existing_enrollments(
    site: httpx.AsyncClient,
) -> None:
    trial = await enroll(site, PYTHON)
    assert await listed(site, BUNDLE_PATH) == []
    body = {"user_id": LEARNER, "activated_at": NOW}
    answer = await site.post(BUNDLE_PATH, json=body)
    assert (answer.status_code, answer.content) == (201, b"")
    enrollments = await listed(site, BUNDLE_PATH, user_id=LEARNER)
    assert {enrollment["course_id"] for enrollment in enrollments} == {PYTHON, SQL}
    assert enrollments[0]["id"] == trial["id"]
    assert {enrollment["is_free_trial"] for enrollment in enrollments} == {False}


async def test_a_bundle_can_be_enrolled_in_later(site: httpx.AsyncClient) -> None:
    await setting(site, bundleAnswer="later", bundleDelay=30)
    body = {"user_id": LEARNER, "activated_at": NOW}
    assert (await site.post(BUNDLE_PATH, json=body)).status_code == 202
    assert await listed(site) == []
    await move_clock(site, 30)
    assert len(await listed(site)) == 2


async def test_a_bundle_put_reaches_every_course(site: httpx.AsyncClient) -> None:
    await site.post(BUNDLE_PATH, json={"user_id": LEARNER, "activated_at": NOW})
    revoked = {"user_id": LEARNER, "expiry_date": PAST}
    assert (await site.put(BUNDLE_PATH, json=revoked)).status_code == 204
    assert [enrollment["expired"] for enrollment in await listed(site)] == [True, True]
    other = await site.put(BUNDLE_PATH, json={**revoked, "user_id": OWNER})
    assert other.status_code == 404


async def test_a_bundle_enrollment_needs_a_user(site: httpx.AsyncClient) -> None:
    answer = await site.post(BUNDLE_PATH, json={"user_id": "", "activated_at": NOW})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, ["user_id"])
