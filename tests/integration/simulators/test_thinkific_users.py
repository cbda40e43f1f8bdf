"""The users of the simulated Thinkific."""

import asyncio
from typing import Any

import httpx
import pytest

from local.simulators.thinkific.seed import LEARNER_EMAIL, REQUIRED_FIELD
from tests.support.thinkific_site import V1, move_clock, setting

pytestmark = pytest.mark.anyio


def person(email: str = "rina@belajar.example", **more: Any) -> dict[str, Any]:
    names = {"first_name": "Rina", "last_name": "Wulandari", "email": email}
    return {**names, "skip_custom_fields_validation": True, **more}


async def find(site: httpx.AsyncClient, email: str) -> list[dict[str, Any]]:
    answer = await site.get(f"{V1}/users", params={"query[email]": email})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def create(site: httpx.AsyncClient, **more: Any) -> int:
    answer = await site.post(f"{V1}/users", json=person(**more))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


async def test_a_created_user_is_found_by_email(site: httpx.AsyncClient) -> None:
    assert await find(site, "rina@belajar.example") == []
    user_id = await create(site)
    (found,) = await find(site, "Rina@Belajar.example")
    assert (found["id"], found["full_name"]) == (user_id, "Rina Wulandari")
    assert (await site.get(f"{V1}/users/{user_id}")).json() == found


async def test_a_plus_in_an_email_must_be_encoded(site: httpx.AsyncClient) -> None:
    await create(site, email="rina+sql@belajar.example")
    bare = await site.get(f"{V1}/users?query[email]=rina+sql@belajar.example")
    encoded = await site.get(f"{V1}/users?query%5Bemail%5D=rina%2Bsql@belajar.example")
    assert [len(answer.json()["items"]) for answer in (bare, encoded)] == [0, 1]


async def test_an_empty_email_parameter_filters_nothing(site: httpx.AsyncClient) -> None:
    answer = await site.get(f"{V1}/users", params={"email": "no-one@belajar.example"})
    assert len(answer.json()["items"]) == 2


@pytest.mark.parametrize(
    ("match", "asked", "hits"),
    [
        ("exact", LEARNER_EMAIL, 1),
        ("exact", LEARNER_EMAIL.upper(), 0),
        ("any_case", LEARNER_EMAIL.upper(), 1),
        ("any_case", "siti", 0),
        ("partial", "siti", 1),
    ],
)
async def test_the_email_filter_matches_by_the_setting(
    site: httpx.AsyncClient, match: str, asked: str, hits: int
) -> None:
    await setting(site, emailMatch=match)
    assert len(await find(site, asked)) == hits


async def test_a_taken_email_is_refused_in_any_case(site: httpx.AsyncClient) -> None:
    answer = await site.post(f"{V1}/users", json=person(LEARNER_EMAIL.upper()))
    assert answer.status_code == 422
    assert answer.json() == {"errors": {"email": ["has already been taken"]}}


async def test_of_many_concurrent_requests_with_one_email_only_one_creates_a_user(
    site: httpx.AsyncClient,
) -> None:
    calls = [site.post(f"{V1}/users", json=person()) for _ in range(50)]
    statuses = [answer.status_code for answer in await asyncio.gather(*calls)]
    assert sorted(statuses) == [201] + [422] * 49


async def test_every_bad_field_is_named(site: httpx.AsyncClient) -> None:
    bad = {"first_name": "", "email": "no-address", "password": "short", "roles": ["king"]}
    errors = (await site.post(f"{V1}/users", json=bad)).json()["errors"]
    named = {"first_name", "last_name", "email", "password", "roles", "custom_profile_fields"}
    assert set(errors) == named
    assert errors["last_name"] == ["can't be blank"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"skip_custom_fields_validation": False}, 422),
        ({"skip_custom_fields_validation": True}, 201),
        (
            {
                "skip_custom_fields_validation": False,
                "custom_profile_fields": [
                    {"value": "0812", "custom_profile_field_definition_id": REQUIRED_FIELD.id}
                ],
            },
            201,
        ),
    ],
)
async def test_required_custom_fields_are_required_unless_skipped(
    site: httpx.AsyncClient, more: dict[str, Any], status: int
) -> None:
    answer = await site.post(f"{V1}/users", json=person(**more))
    assert answer.status_code == status


async def test_a_welcome_mail_is_sent_only_when_asked_for(site: httpx.AsyncClient) -> None:
    await create(site, email="with@belajar.example", send_welcome_email=True)
    await create(site, email="without@belajar.example")
    users = (await site.get("/_sim/users")).json()["items"]
    mails = {item["email"]: item["welcomeMails"] for item in users}
    assert (mails["with@belajar.example"], mails["without@belajar.example"]) == (1, 0)


async def test_a_new_user_can_stay_out_of_lists_for_a_while(site: httpx.AsyncClient) -> None:
    await setting(site, userReadDelay=10)
    user_id = await create(site)
    assert await find(site, "rina@belajar.example") == []
    assert (await site.post(f"{V1}/users", json=person())).status_code == 422
    assert (await site.get(f"{V1}/users/{user_id}")).status_code == 200
    await move_clock(site, 10)
    assert len(await find(site, "rina@belajar.example")) == 1


async def test_a_change_keeps_what_it_does_not_name(site: httpx.AsyncClient) -> None:
    user_id = await create(site, company="Lunas")
    path = f"{V1}/users/{user_id}"
    answer = await site.put(path, json={"external_source": "lunas", "first_name": "Ina"})
    assert (answer.status_code, answer.content) == (204, b"")
    changed = (await site.get(path)).json()
    assert (changed["full_name"], changed["company"]) == ("Ina Wulandari", "Lunas")
    tagged = await site.get(f"{V1}/users", params={"query[external_source]": "lunas"})
    assert tagged.json()["items"] == [changed]


async def test_a_change_to_a_taken_email_is_refused(site: httpx.AsyncClient) -> None:
    path = f"{V1}/users/{await create(site)}"
    assert (await site.put(path, json={"email": LEARNER_EMAIL})).status_code == 422
    assert (await site.put(path, json={"email": "RINA@belajar.example"})).status_code == 204


async def test_a_user_is_found_by_the_id_of_the_sign_on_provider(site: httpx.AsyncClient) -> None:
    user_id = await create(site, external_id="u-77")
    answer = await site.get(f"{V1}/users/u-77", params={"provider": "SSO"})
    assert answer.json()["id"] == user_id
    assert (await site.get(f"{V1}/users/u-77")).status_code == 404


async def test_a_deleted_user_is_gone_with_the_enrollments(site: httpx.AsyncClient) -> None:
    user_id = await create(site)
    await site.post(f"{V1}/enrollments", json={"user_id": user_id, "course_id": 2_000_001})
    assert (await site.delete(f"{V1}/users/{user_id}")).status_code == 204
    answer = await site.get(f"{V1}/users/{user_id}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Record not found."})
    assert (await site.get("/_sim/enrollments")).json()["items"] == []


async def test_the_site_admin_is_found_by_role(site: httpx.AsyncClient) -> None:
    answer = await site.get(f"{V1}/users", params={"query[role]": "site_admin"})
    assert [item["email"] for item in answer.json()["items"]] == ["pemilik@lunas.example"]
