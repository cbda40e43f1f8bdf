"""Enrollments at the simulated Thinkific."""

from typing import Any

import httpx
import pytest

from tests.support.thinkific_site import V1, enroll, listed, move_clock, setting

PYTHON, SQL, NEW_BUILDER = 2_000_001, 2_000_003, 2_000_007
LEARNER = 1_000_002
NOW = "2026-01-01T00:00:00.000Z"
DAY = 86_400

pytestmark = pytest.mark.anyio


async def amended(
    site: httpx.AsyncClient, enrollment: dict[str, Any], **terms: Any
) -> dict[str, Any]:
    path = f"{V1}/enrollments/{enrollment['id']}"
    answer = await site.put(path, json=terms)
    assert (answer.status_code, answer.content) == (204, b"")
    changed: dict[str, Any] = (await site.get(path)).json()
    return changed


async def test_an_activated_enrollment_gives_full_access(site: httpx.AsyncClient) -> None:
    enrollment = await enroll(site, activated_at=NOW)
    assert (enrollment["is_free_trial"], enrollment["expired"], enrollment["completed"]) == (
        False,
        False,
        False,
    )
    assert (enrollment["activated_at"], enrollment["expiry_date"], enrollment["started_at"]) == (
        NOW,
        None,
        None,
    )
    assert enrollment["percentage_completed"] == "0.0"
    assert enrollment["course_name"] == "Dasar Pemrograman Python"
    assert await listed(site, user_id=LEARNER, course_id=PYTHON) == [enrollment]


async def test_without_activated_at_it_is_a_trial_until_a_put_activates_it(
    site: httpx.AsyncClient,
) -> None:
    enrollment = await enroll(site)
    assert enrollment["is_free_trial"] is True
    assert (await amended(site, enrollment, activated_at=NOW))["is_free_trial"] is False


async def test_an_explicit_null_makes_it_a_trial_and_an_omission_keeps_it(
    site: httpx.AsyncClient,
) -> None:
    enrollment = await enroll(site, activated_at=NOW)
    assert (await amended(site, enrollment, expiry_date=None))["activated_at"] == NOW
    assert (await amended(site, enrollment, activated_at=None))["is_free_trial"] is True


async def test_a_put_without_activated_at_can_make_it_a_trial(site: httpx.AsyncClient) -> None:
    await setting(site, putWithoutActivatedAt="trial")
    enrollment = await enroll(site, activated_at=NOW)
    assert (await amended(site, enrollment, expiry_date=None))["is_free_trial"] is True


async def test_unknown_course_and_user_are_a_422_with_a_list(site: httpx.AsyncClient) -> None:
    product_id = 3_000_001
    body = {"user_id": 1, "course_id": product_id, "activated_at": NOW}
    answer = await site.post(f"{V1}/enrollments", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"] == ["Course could not be found.", "User could not be found."]


async def test_access_ends_when_the_clock_passes_its_date_and_progress_stays(
    site: httpx.AsyncClient,
) -> None:
    enrollment = await enroll(site, activated_at=NOW)
    end = (await site.post("/_sim/clock", json={"seconds": 0})).json()["now"]
    await site.post("/_sim/progress", json={"enrollmentId": enrollment["id"], "percentage": 24})
    await move_clock(site, -DAY)
    assert (await amended(site, enrollment, expiry_date=end))["expired"] is False
    await move_clock(site, 2 * DAY)
    (expired,) = await listed(site, expired="true")
    assert (expired["expired"], expired["percentage_completed"]) == (True, "0.24")
    assert (await amended(site, enrollment, expiry_date=None))["expired"] is False


async def test_full_progress_completes_the_course(site: httpx.AsyncClient) -> None:
    enrollment = await enroll(site, activated_at=NOW)
    body = {"enrollmentId": enrollment["id"], "percentage": 100}
    done = (await site.post("/_sim/progress", json=body)).json()
    assert (done["completed"], done["percentage_completed"]) == (True, "1.0")
    assert done["completed_at"] == done["started_at"] is not None
    assert await listed(site, completed="false") == []


@pytest.mark.parametrize(
    ("choice", "status", "count"), [("new_row", 201, 2), ("same_row", 201, 1), ("refuse", 422, 1)]
)
async def test_a_second_post_follows_the_setting(
    site: httpx.AsyncClient, choice: str, status: int, count: int
) -> None:
    await setting(site, duplicateEnrollment=choice)
    await enroll(site, activated_at=NOW)
    body = {"user_id": LEARNER, "course_id": PYTHON, "activated_at": NOW}
    assert (await site.post(f"{V1}/enrollments", json=body)).status_code == status
    assert len(await listed(site)) == count


async def test_filters_narrow_the_list_and_an_empty_one_does_not(site: httpx.AsyncClient) -> None:
    trial = await enroll(site, PYTHON)
    full = await enroll(site, SQL, activated_at=NOW)
    assert await listed(site, course_id=SQL) == [full]
    assert await listed(site, free_trial="true") == [trial]
    assert await listed(site, full="true") == [full]
    assert await listed(site, email="no-one@belajar.example") == []
    bare = await site.get(f"{V1}/enrollments", params={"course_id": SQL})
    assert len(bare.json()["items"]) == 2


async def test_updated_after_shows_only_what_changed_since(site: httpx.AsyncClient) -> None:
    enrollment, _ = await enroll(site, PYTHON), await enroll(site, SQL)
    noon = (await site.post("/_sim/clock", json={"seconds": 3600})).json()["now"]
    await move_clock(site, 3600)
    await amended(site, enrollment, activated_at=NOW)
    assert [one["id"] for one in await listed(site, updated_after=noon)] == [enrollment["id"]]
    assert len(await listed(site, updated_before=noon)) == 1
    assert len(await listed(site, updated_on_or_after=noon)) == 2


async def test_a_new_enrollment_can_stay_out_of_lists_for_a_while(site: httpx.AsyncClient) -> None:
    await setting(site, enrollmentReadDelay=5)
    await enroll(site)
    assert await listed(site) == []
    await move_clock(site, 5)
    assert len(await listed(site)) == 1


async def test_an_enrollment_cannot_be_deleted(site: httpx.AsyncClient) -> None:
    enrollment = await enroll(site)
    assert (await site.delete(f"{V1}/enrollments/{enrollment['id']}")).status_code == 404
    assert len(await listed(site)) == 1


@pytest.mark.parametrize(("choice", "status"), [("accept", 201), ("refuse", 422)])
async def test_enrolling_in_a_course_of_the_new_builder_follows_the_setting(
    site: httpx.AsyncClient, choice: str, status: int
) -> None:
    await setting(site, newBuilderEnrollment=choice)
    body = {"user_id": LEARNER, "course_id": NEW_BUILDER, "activated_at": NOW}
    assert (await site.post(f"{V1}/enrollments", json=body)).status_code == status
