"""Registering webhooks at the simulated Thinkific."""

from typing import Any

import httpx
import pytest

from local.simulators.thinkific.seed import SECOND_API_KEY
from tests.integration.simulators.thinkific_receiver import (
    BEARER_KEY,
    TARGET,
    V2,
    register,
)
from tests.support.thinkific_install import bearer, install
from tests.support.thinkific_site import (
    CREDENTIALS,
    V1,
    caller,
    enroll,
    items,
    move_clock,
    setting,
    token,
)

HOOKS = f"{V2}/webhooks"
CREATED = "enrollment.created"

pytestmark = pytest.mark.anyio


@pytest.fixture
def hooks(transport: httpx.ASGITransport) -> httpx.AsyncClient:
    """Send the API key as a bearer token, and no other credentials."""
    return caller(transport, BEARER_KEY)


async def test_a_registration_is_answered_with_the_webhook(hooks: httpx.AsyncClient) -> None:
    (webhook,) = await register(hooks, CREATED)
    assert webhook["id"].isdecimal()
    assert (webhook["status"], webhook["topic"], webhook["target_url"]) == (
        "active",
        CREATED,
        TARGET,
    )
    times = {"created_at", "created_by", "updated_at", "updated_by"}
    assert set(webhook) == {"id", "status", "topic", "target_url", *times}
    assert (await hooks.get(f"{HOOKS}/{webhook['id']}")).json() == webhook


@pytest.mark.parametrize(
    "topic",
    ["user.created", "order.completed", "course.completed", "enrollment.updated", "", "*", None],
)
async def test_an_unknown_topic_is_a_422_with_a_text(
    hooks: httpx.AsyncClient, topic: str | None
) -> None:
    answer = await hooks.post(HOOKS, json={"topic": topic, "target_url": TARGET})
    assert (answer.status_code, answer.json()) == (422, {"errors": {"topic": "invalid format"}})


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.lunas.test/x",
        "https://localhost/x",
        "https://sub.localhost/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://example.com/x",
        "https://hooks.example.org/x",
        "https://lunas.example/x",
        "https://thinkific.com/x",
        "https://lunas.thinkific.com/x",
        "https://intranet/x",
        "https://[/x",
        "ftp://hooks.lunas.test/x",
        "",
        None,
    ],
)
async def test_a_target_off_the_public_network_is_a_422_with_a_text(
    hooks: httpx.AsyncClient, url: str | None
) -> None:
    await setting(hooks, webhookTargets="public")
    answer = await hooks.post(HOOKS, json={"topic": CREATED, "target_url": url})
    assert (answer.status_code, answer.json()) == (422, {"errors": {"url": "is not valid"}})


@pytest.mark.parametrize("url", [TARGET, "https://myexample.com/x", "https://notthinkific.com/"])
async def test_a_public_https_target_is_accepted(hooks: httpx.AsyncClient, url: str) -> None:
    await setting(hooks, webhookTargets="public")
    await register(hooks, CREATED, target=url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:4566/webhooks/thinkific", 201),
        ("https://localhost/x", 201),
        ("ftp://127.0.0.1/x", 422),
        ("http://hooks.lunas.test/x", 422),
        ("https://example.com/x", 422),
    ],
)
async def test_by_default_targets_on_this_machine_are_accepted_too(
    hooks: httpx.AsyncClient, url: str, expected: int
) -> None:
    answer = await hooks.post(HOOKS, json={"topic": CREATED, "target_url": url})
    assert answer.status_code == expected


async def test_every_wrong_field_is_named(hooks: httpx.AsyncClient) -> None:
    answer = await hooks.post(HOOKS, json={})
    assert set(answer.json()["errors"]) == {"topic", "url"}


async def test_the_same_registration_twice_creates_two_webhooks(hooks: httpx.AsyncClient) -> None:
    first, second = await register(hooks, CREATED, CREATED)
    assert first["id"] != second["id"]
    assert (await hooks.get(HOOKS)).json()["items"] == [first, second]


@pytest.mark.parametrize("sizes", [[2, 2, 1], [2, 2], [1], [0]])
async def test_lists_are_paged_by_a_cursor(hooks: httpx.AsyncClient, sizes: list[int]) -> None:
    made = await register(hooks, *[CREATED] * sum(sizes))
    pages: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        pages.append((await hooks.get(HOOKS, params={"limit": 2, "next": cursor})).json())
        cursor = pages[-1]["meta"]["page"]["next_page"]
    assert [item for page in pages for item in page["items"]] == made
    assert [page["meta"]["page"]["page_items"] for page in pages] == sizes
    assert [page["meta"]["page"]["has_next"] for page in pages] == [True] * len(sizes[1:]) + [False]
    assert {page["meta"]["page"]["total_items"] for page in pages} == {sum(sizes)}


async def test_a_removed_webhook_does_not_shift_the_next_page(hooks: httpx.AsyncClient) -> None:
    made = await register(hooks, *[CREATED] * 4)
    first = (await hooks.get(HOOKS, params={"limit": 2})).json()
    await hooks.delete(f"{HOOKS}/{made[0]['id']}")
    cursor = first["meta"]["page"]["next_page"]
    second = (await hooks.get(HOOKS, params={"limit": 2, "next": cursor})).json()
    assert second["items"] == made[2:]


async def test_a_page_holds_25_webhooks_by_default(hooks: httpx.AsyncClient) -> None:
    await register(hooks, *[CREATED] * 26)
    assert len((await hooks.get(HOOKS)).json()["items"]) == 25


@pytest.mark.parametrize("cursor", ["2", "é", "YWZ0ZXI6eA==", "YmVmb3JlOjE="])
async def test_an_invalid_cursor_is_refused(hooks: httpx.AsyncClient, cursor: str) -> None:
    answer = await hooks.get(HOOKS, params={"next": cursor})
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


async def test_a_put_changes_what_it_names(hooks: httpx.AsyncClient) -> None:
    (before,) = await register(hooks, CREATED)
    path = f"{HOOKS}/{before['id']}"
    await move_clock(hooks, 60)
    answer = await hooks.put(path, json={"topic": "enrollment.progress"})
    assert (answer.status_code, answer.content) == (204, b"")
    after = (await hooks.get(path)).json()
    assert after["updated_at"] > before["updated_at"]
    assert after == {**before, "topic": "enrollment.progress", "updated_at": after["updated_at"]}


@pytest.mark.parametrize("body", [{"topic": "enrollment.updated"}, {"target_url": "lunas"}])
async def test_a_put_is_checked_like_a_registration(
    hooks: httpx.AsyncClient, body: dict[str, str]
) -> None:
    (before,) = await register(hooks, CREATED)
    path = f"{HOOKS}/{before['id']}"
    assert (await hooks.put(path, json=body)).status_code == 422
    assert (await hooks.get(path)).json() == before


async def test_a_deleted_webhook_is_gone(hooks: httpx.AsyncClient) -> None:
    (webhook,) = await register(hooks, CREATED)
    path = f"{HOOKS}/{webhook['id']}"
    answer = await hooks.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for again in (
        await hooks.get(path),
        await hooks.delete(path),
        await hooks.put(path, json={"topic": CREATED}),
    ):
        assert (again.status_code, again.json()) == (404, {"error": "Record not found."})


async def test_only_a_bearer_is_accepted(
    transport: httpx.ASGITransport, site: httpx.AsyncClient
) -> None:
    statuses = {}
    for name, headers in {
        "X-Auth": CREDENTIALS,
        "none": {},
        "wrong": {"Authorization": "Bearer wrong"},
        "key": BEARER_KEY,
        "app": bearer(await install(site)),
        "token": await token(site, scopes=[]),
    }.items():
        statuses[name] = (await caller(transport, headers).get(HOOKS)).status_code
    assert statuses == {"X-Auth": 401, "none": 401, "wrong": 401} | dict.fromkeys(
        ("key", "app", "token"), 200
    )


async def test_the_admin_api_does_not_take_the_key_as_a_bearer(hooks: httpx.AsyncClient) -> None:
    assert (await hooks.get(f"{V1}/courses")).status_code == 401


async def test_a_site_sees_neither_webhooks_nor_events_of_another(
    transport: httpx.ASGITransport, site: httpx.AsyncClient
) -> None:
    (webhook,) = await register(site, CREATED)
    await enroll(site)
    (event,) = await items(site, "/_sim/events")
    other = caller(transport, {"Authorization": f"Bearer {SECOND_API_KEY}"})
    assert (await other.get(HOOKS)).json()["items"] == []
    for path in (f"{HOOKS}/{webhook['id']}", f"{V2}/events/{event['id']}"):
        assert (await other.get(path)).status_code == 404


async def test_an_event_can_be_read(hooks: httpx.AsyncClient, site: httpx.AsyncClient) -> None:
    item = await enroll(site)
    (event,) = await items(site, "/_sim/events")
    shown = (await hooks.get(f"{V2}/events/{event['id']}")).json()
    assert list(shown) == ["id", "resource", "action", "created_at", "payload"]
    assert (shown["resource"], shown["action"]) == ("enrollment", "trial")
    assert shown["payload"]["id"] == item["id"]


async def test_webhooks_share_the_rate_limit_of_the_site(
    hooks: httpx.AsyncClient, site: httpx.AsyncClient
) -> None:
    await setting(site, rateLimit=1)
    assert (await site.get(f"{V1}/courses")).status_code == 200
    assert (await hooks.get(HOOKS)).status_code == 429
