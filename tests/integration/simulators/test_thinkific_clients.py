"""``thinkific`` 0.1.1 of PyPI against the simulator; it has no check of webhooks.

It sends JSON with the API key of a site, and of an error answer keeps only the status.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.cloud import simulators
from local.cloud.stack import ThinkificSite
from local.cloud.state import State
from tests.integration.simulators.public_clients import PythonClient

SITE = ThinkificSite(subdomain="lunas", api_key="k" * 32, client_id="app", client_secret="secret")
TIMEOUT = 30
LEARNER, PYTHON, SQL, BUNDLE = 1_000_002, 2_000_001, 2_000_002, 4_000_001
NOW, PAST = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
SITI = {
    "first_name": "Siti",
    "last_name": "Rahma",
    "email": "siti+lunas@example.com",
    "skip_custom_fields_validation": True,
}
TARGET = "https://sekolah.id/webhooks/thinkific"

type Json = dict[str, Any]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    state = State(tmp_path_factory.mktemp("thinkific"))
    state.prepare()
    started = simulators.start_thinkific(state, SITE)
    started.wait()
    yield started.url
    started.service.stop()


@pytest.fixture
def client(url: str) -> PythonClient:
    """Start with the seeded site."""
    requests.post(f"{url}/_sim/reset", timeout=TIMEOUT).raise_for_status()
    opening = {"url": url, "subdomain": SITE.subdomain, "apiKey": SITE.api_key}
    return PythonClient("pypi_thinkific", opening)


def items(client: PythonClient, call: str, **given: Any) -> list[Json]:
    """Return the items of a list."""
    found: list[Json] = client.call(call, given)["items"]
    return found


def test_a_user_is_created_found_changed_and_deleted(client: PythonClient) -> None:
    made = client.call("users.create_user", {"values": SITI})
    assert items(client, "users.list", email=SITI["email"]) == [made]
    changed = {"id": made["id"], "values": {"external_source": "lunas"}}
    assert client.call("users.update_user", changed) == {}
    read = client.call("users.retrieve_user", {"id": made["id"]})
    assert (read["full_name"], read["external_source"]) == ("Siti Rahma", "lunas")
    assert client.call("users.delete_user", {"id": made["id"]}) == {}
    assert client.call("users.retrieve_user", {"id": made["id"]}) == {"refused": 404}


def test_a_second_account_of_an_address_is_refused(client: PythonClient) -> None:
    client.call("users.create_user", {"values": SITI})
    assert client.call("users.create_user", {"values": SITI}) == {"refused": 422}


def test_users_are_read_page_by_page(client: PythonClient) -> None:
    first = client.call("users.list", {"page": 1, "limit": 1})
    following = first["meta"]["pagination"]["next_page"]
    second = client.call("users.list", {"page": following, "limit": 1})
    assert following == 2
    assert first["items"][0]["id"] != second["items"][0]["id"]


def test_courses_and_products_name_each_other(client: PythonClient) -> None:
    courses = {item["id"]: item["product_id"] for item in items(client, "courses.list")}
    products = items(client, "products.list")
    sold = {
        item["productable_id"]: item["id"] for item in products if item["id"] in courses.values()
    }
    assert sold == courses != {}
    one = client.call("courses.retrieve_course", {"id": PYTHON})
    assert (
        client.call("products.retrieve_product", {"id": one["product_id"]})["name"] == one["name"]
    )
    assert client.call("bundles.retrieve_bundle", {"id": BUNDLE})["course_ids"]


def test_an_enrollment_is_created_found_and_ended(client: PythonClient) -> None:
    terms = {"user_id": LEARNER, "course_id": PYTHON, "activated_at": NOW}
    made = client.call("enrollments.create_enrollment", {"values": terms})
    assert (made["is_free_trial"], made["expired"]) == (False, False)
    asked = {"user_id": LEARNER, "course_id": PYTHON}
    assert [item["id"] for item in items(client, "enrollments.list", **asked)] == [made["id"]]
    ended = {"id": made["id"], "values": {"activated_at": NOW, "expiry_date": PAST}}
    assert client.call("enrollments.update_enrollment", ended) == {}
    read = client.call("enrollments.retrieve_enrollment", {"id": made["id"]})
    assert (read["expired"], read["is_free_trial"]) == (True, False)
    assert items(client, "enrollments.list", user_id=LEARNER, expired=True) == [read]


def test_an_enrollment_without_a_start_is_a_trial(client: PythonClient) -> None:
    terms = {"user_id": LEARNER, "course_id": PYTHON}
    assert client.call("enrollments.create_enrollment", {"values": terms})["is_free_trial"]


def test_an_enrollment_in_an_unknown_course_is_refused_as_unprocessable(
    client: PythonClient,
) -> None:
    terms = {"user_id": LEARNER, "course_id": 1, "activated_at": NOW}
    refused = client.call("enrollments.create_enrollment", {"values": terms})
    assert refused == {"refused": 422}


def test_a_filter_that_is_false_is_not_sent(client: PythonClient) -> None:
    """The client drops it, so a filter for what has not expired returns everything."""
    for course_id, expiry in ((PYTHON, {}), (SQL, {"expiry_date": PAST})):
        terms = {"user_id": LEARNER, "course_id": course_id, "activated_at": NOW, **expiry}
        client.call("enrollments.create_enrollment", {"values": terms})
    found = items(client, "enrollments.list", user_id=LEARNER, expired=False)
    assert sorted(item["expired"] for item in found) == [False, True]


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("bundles.create_enrollment_in_bundle", {"values": {"user_id": LEARNER}}),
        ("bundles.update_enrollments_in_bundle", {"values": {"user_id": LEARNER}}),
        ("bundles.get_enrollments_in_bundle", {}),
        ("bundles.retrieve_courses_in_bundle", {"id": BUNDLE}),
        ("products.retrieve_product_related", {"id": 3_000_001}),
    ],
)
def test_calls_by_a_wrong_path_are_refused_and_enroll_no_one(
    client: PythonClient, call: str, given: Json
) -> None:
    """The client enrolls at a bundle's courses, and writes the other paths as ``v1bundles/…``.

    A slash is missing, so that is no path of the API.
    """
    bundle = {} if "id" in given else {"bundle_id": BUNDLE}
    assert client.call(call, {**bundle, **given}) == {"refused": 404}
    assert items(client, "enrollments.list", user_id=LEARNER) == []


def test_a_webhook_is_registered_by_the_key_as_a_bearer(client: PythonClient) -> None:
    wanted = {"topic": "enrollment.completed", "target_url": TARGET}
    made = client.call("webhooks.create_webhook", {"values": wanted})
    assert (made["status"], made["target_url"]) == ("active", TARGET)
    assert items(client, "webhooks.list") == [made]
    assert client.call("webhooks.delete_webhook", {"id": made["id"]}) == {}
    assert items(client, "webhooks.list") == []


@pytest.mark.parametrize("call", ["courses.list", "webhooks.list"])
def test_another_key_has_no_access(client: PythonClient, call: str) -> None:
    stranger = PythonClient(client.driver, {**client.opening, "apiKey": "x" * 32})
    assert stranger.call(call, {}) == {"refused": 401}
