"""The receiver of the simulated Thinkific's webhooks, and how a test registers it."""

import json
from collections.abc import Iterator
from typing import Any

import httpx

from tests.support.thinkific_site import CREDENTIALS

V2 = "/api/v2"
TARGET = "https://hooks.lunas.test/webhooks/thinkific"
BEARER_KEY = {"Authorization": f"Bearer {CREDENTIALS['X-Auth-API-Key']}"}


class Receiver:
    """Receives webhooks: keeps the events and answers 200, or as it is set to."""

    def __init__(self) -> None:
        self.received: list[httpx.Request] = []
        self.answers: Iterator[httpx.Response | httpx.TransportError] = iter(())

    def receive(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        answer = next(self.answers, httpx.Response(200))
        if isinstance(answer, httpx.TransportError):
            raise answer
        return answer

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return the bodies that arrived, oldest first."""
        return [json.loads(request.content) for request in self.received]

    @property
    def actions(self) -> list[str]:
        """Return the actions of the events that arrived, oldest first."""
        return [event["action"] for event in self.events]


async def register(
    site: httpx.AsyncClient,
    *topics: str,
    headers: dict[str, str] | None = None,
    target: str = TARGET,
) -> list[dict[str, Any]]:
    """Register the target for each topic and return the webhooks."""
    return [await _registered(site, topic, headers or BEARER_KEY, target) for topic in topics]


async def _registered(
    site: httpx.AsyncClient, topic: str, headers: dict[str, str], target: str
) -> dict[str, Any]:
    body = {"topic": topic, "target_url": target}
    answer = await site.post(f"{V2}/webhooks", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.json()
    return webhook


async def settled(site: httpx.AsyncClient) -> None:
    """Wait until no event is being sent."""
    answer = await site.post("/_sim/wait", json={"seconds": 10})
    assert answer.json() == {"idle": True}


async def deliveries(site: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Return every attempt to send, oldest first."""
    attempts: list[dict[str, Any]] = (await site.get("/_sim/deliveries")).json()["items"]
    return attempts


async def set_fault(site: httpx.AsyncClient, **fault: Any) -> None:
    """Queue a fault of webhooks."""
    answer = await site.post("/_sim/webhook-faults", json=fault)
    assert answer.status_code == 200, answer.text


async def advance(site: httpx.AsyncClient, enrollment: dict[str, Any], percentage: float) -> None:
    """Let the learner of an enrollment make progress."""
    body = {"enrollmentId": enrollment["id"], "percentage": percentage}
    answer = await site.post("/_sim/progress", json=body)
    assert answer.status_code == 200, answer.text
