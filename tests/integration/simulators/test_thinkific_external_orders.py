"""External orders at the simulated Thinkific."""

from typing import Any

import httpx
import pytest

from tests.support.thinkific_site import V1, items, setting

LEARNER, COURSE, PRODUCT = 1_000_002, 2_000_001, 3_000_001
TRANSACTION = {"amount": 4_900_000, "currency": "IDR", "reference": "D1", "action": "purchase"}
ORDER = {
    "payment_provider": "Duitku",
    "user_id": LEARNER,
    "product_id": PRODUCT,
    "order_type": "one-time",
    "transaction": TRANSACTION,
}

pytestmark = pytest.mark.anyio


async def test_external_orders_are_stored_doubled_and_enroll_no_one(
    site: httpx.AsyncClient,
) -> None:
    path = f"{V1}/external_orders"
    first, second = [await site.post(path, json=ORDER) for _ in range(2)]
    assert (first.status_code, second.status_code) == (201, 201)
    order = f"{path}/{first.json()['id']}"
    refund = await site.post(f"{order}/transactions/refund", json=TRANSACTION)
    charge = await site.post(f"{order}/transactions/purchase", json=TRANSACTION)
    assert (refund.status_code, charge.status_code) == (200, 200)
    kept = await items(site, "/_sim/external-orders")
    actions = [[one["action"] for one in row["transactions"]] for row in kept]
    assert actions == [["purchase", "refund", "purchase"], ["purchase"]]
    assert await items(site, "/_sim/enrollments") == []
    assert (await site.get(order)).status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"payment_provider": ""}, "payment_provider"),
        ({"product_id": COURSE}, "product_id"),
        ({"order_type": "once"}, "order_type"),
        ({"transaction": None}, "transaction"),
        ({"transaction": {**TRANSACTION, "amount": "49000.0"}}, "amount"),
        ({"transaction": {"amount": 1}}, "currency"),
    ],
)
async def test_an_unusable_external_order_names_the_field(
    site: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await site.post(f"{V1}/external_orders", json={**ORDER, **change})
    assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


async def test_external_orders_need_a_plan_with_apps(site: httpx.AsyncClient) -> None:
    await setting(site, appsPlan=False)
    assert (await site.post(f"{V1}/external_orders", json=ORDER)).status_code == 403
