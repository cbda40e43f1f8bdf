"""Requests of other clients that Thinkific accepts; its settings make it strict."""

import re

import httpx
import pytest

from tests.support.thinkific_site import (
    LEARNER,
    PYTHON,
    URL,
    V1,
    enroll,
    listed,
    setting,
)

pytestmark = pytest.mark.anyio

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FORM = {"user_id": str(LEARNER), "course_id": str(PYTHON)}


@pytest.mark.parametrize("path", ["//enrollments", "/enrollments/", "//enrollments//"])
async def test_forms_and_extra_slashes_are_accepted(site: httpx.AsyncClient, path: str) -> None:
    made = await site.post(f"{V1}{path}", data=FORM)
    assert made.status_code == 201
    assert TIME.fullmatch(made.json()["updated_at"])


@pytest.mark.parametrize("path", [f"/{V1}/courses", f"///{V1}//courses/"])
async def test_extra_leading_slashes_are_accepted(site: httpx.AsyncClient, path: str) -> None:
    # A full URL: a path that starts with two slashes alone would name a host.
    answer = await site.get(f"{URL}{path}")
    assert answer.status_code == 200
    assert answer.json()["items"]


async def test_extra_leading_slashes_do_not_avoid_authentication(
    site: httpx.AsyncClient,
) -> None:
    answer = await site.get(f"{URL}/{V1}/courses", headers={"X-Auth-API-Key": "wrong"})
    assert answer.status_code == 401


async def test_extra_slashes_around_the_token_route_are_accepted(site: httpx.AsyncClient) -> None:
    plain = await site.post(f"{URL}/oauth2/token")
    slashed = await site.post(f"{URL}//oauth2//token/")
    assert (plain.status_code, slashed.status_code) == (401, 401)


async def test_forms_and_extra_slashes_are_refused_by_settings(site: httpx.AsyncClient) -> None:
    await setting(site, strictContentType=True, strictPaths=True)
    assert (await site.post(f"{V1}/enrollments", data=FORM)).status_code == 400
    assert (await site.get(f"{V1}//enrollments")).status_code == 404
    assert (await site.get(f"{URL}/{V1}/enrollments")).status_code == 404


async def test_nested_names_of_a_form_are_read(site: httpx.AsyncClient) -> None:
    product = (await site.get(f"{V1}/products")).json()["items"][0]["id"]
    order = {"payment_provider": "x", "user_id": str(LEARNER), "product_id": str(product)}
    more = {"order_type": "one-time", "transaction[amount]": "a", "transaction[currency]": "IDR"}
    answer = await site.post(f"{V1}/external_orders", data={**order, **more})
    assert answer.json() == {"errors": {"amount": ["is invalid"]}}


async def test_typed_clients_find_their_fields(site: httpx.AsyncClient) -> None:
    courses = (await site.get(f"{V1}/courses")).json()
    assert courses["meta"]["pagination"]["prev_page"] == 0
    assert courses["meta"]["pagination"]["next_page"] is None
    course = courses["items"][0]
    assert course["course_card_image_url"]
    assert course["banner_image_url"]
    assert {"course_card_text", "duration"} <= set(course)
    products = (await site.get(f"{V1}/products")).json()["items"]
    assert all(isinstance(each["price"], str) for each in products)
    assert {"created_at", "position", "keywords", "seo_title"} <= set(products[0])
    bundle_id = next(
        row["productable_id"] for row in products if row["productable_type"] != "Course"
    )
    bundle = (await site.get(f"{V1}/bundles/{bundle_id}")).json()
    assert {"slug", "tagline", "banner_image_url"} <= set(bundle)


@pytest.mark.parametrize("text", ["true", "True", "1"])
async def test_every_spelling_of_a_true_filter_is_read(site: httpx.AsyncClient, text: str) -> None:
    await enroll(site)
    assert len(await listed(site, free_trial=text)) == 1
    assert await listed(site, full=text) == []


@pytest.mark.parametrize("text", ["false", "False", "0"])
async def test_every_spelling_of_a_false_filter_is_read(site: httpx.AsyncClient, text: str) -> None:
    await enroll(site)
    assert await listed(site, free_trial=text) == []
    assert len(await listed(site, full=text)) == 1
