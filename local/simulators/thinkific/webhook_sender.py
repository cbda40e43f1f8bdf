"""Delivery of webhooks: a JSON POST, sent again until the answer is 200.

Thinkific is reported to try 14 times more within 16 hours; here the waits are short. Redirects are
not followed and no other 2xx counts. Every attempt is kept for tests to look at.
"""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime

import httpx

from local.simulators.clock import SimulatedClock
from local.simulators.thinkific.events import envelope
from local.simulators.thinkific.records import Event, Webhook
from local.simulators.thinkific.sending_plans import SendingPlan
from local.simulators.thinkific.settings import SimulatorSettings
from local.simulators.thinkific.site import Site
from local.simulators.thinkific.webhook_signatures import signature

AT_ONCE = 50
"""POSTs in flight at most, so that a flood of events does not become a flood of connections."""

_FRESH = httpx.Limits(max_connections=None, max_keepalive_connections=0)


@dataclass(frozen=True)
class Parcel:
    """One event on its way to one webhook, with everything as it was when it happened."""

    event_id: str
    webhook_id: str
    topic: str
    url: str
    body: bytes
    headers: dict[str, str]
    plan: SendingPlan
    settings: SimulatorSettings


@dataclass(frozen=True)
class Attempt:
    """One POST: ``number`` counts from 1, ``copy`` numbers the doubles; status or error is None."""

    at: datetime
    parcel: Parcel
    copy: int
    number: int
    status: int | None
    answer: str
    error: str | None


@dataclass
class _Held:
    """A parcel that waits until so many others have been tried."""

    parcel: Parcel
    behind: int


def parcel(
    site: Site,
    event: Event,
    webhook: Webhook,
    key: str,
    plan: SendingPlan,
    settings: SimulatorSettings,
) -> Parcel:
    """Pack an event for a webhook; the signature is over the very bytes that are sent."""
    topic = plan.as_topic or event.topic
    content = envelope(site, event, topic, plan.payload)
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    headers = {
        "content-type": "application/json",
        "x-thinkific-topic": topic,
        "x-thinkific-subdomain": site.subdomain,
    }
    signed = signature(body, key, plan.signature)
    if signed is not None:
        headers["x-thinkific-hmac-sha256"] = signed
    return Parcel(event.id, webhook.id, topic, webhook.target_url, body, headers, plan, settings)


class WebhookSender:
    """Sends parcels in the background, in no promised order, and keeps every attempt."""

    def __init__(
        self, clock: SimulatedClock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self.attempts: list[Attempt] = []
        self._clock = clock
        self._client = httpx.AsyncClient(transport=transport, trust_env=False, limits=_FRESH)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: list[_Held] = []

    def send(self, parcel: Parcel) -> None:
        """Begin to send a parcel, or hold it back by its plan."""
        if parcel.plan.behind:
            self._held.append(_Held(parcel, parcel.plan.behind))
        else:
            self._begin(parcel)

    async def idle(self, seconds: float) -> bool:
        """Wait up to ``seconds`` until nothing is on its way; return whether that came true."""
        try:
            async with asyncio.timeout(seconds):
                while self._tasks:
                    await asyncio.wait(set(self._tasks))
        except TimeoutError:
            return False
        return True

    def clear(self) -> None:
        """Break off every sending and forget what was sent and held back."""
        for task in self._tasks:
            task.cancel()
        self._held.clear()
        self.attempts.clear()

    async def close(self) -> None:
        """Break off every sending and close the connections."""
        self.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.aclose()

    def _begin(self, parcel: Parcel) -> None:
        task = asyncio.create_task(self._send(parcel))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, parcel: Parcel) -> None:
        await asyncio.sleep(parcel.plan.delay)
        copies = range(1, parcel.plan.copies + 1)
        await asyncio.gather(*(self._deliver(parcel, copy) for copy in copies))

    async def _deliver(self, parcel: Parcel, copy: int) -> None:
        for number in range(1, parcel.settings.webhook_retries + 2):
            await asyncio.sleep((number - 1) * parcel.settings.webhook_retry_spacing)
            async with self._slots:
                attempt = await self._attempt(parcel, copy, number)
            self.attempts.append(attempt)
            if number == 1:
                self._let_go()
            if attempt.status == httpx.codes.OK:
                return

    async def _attempt(self, parcel: Parcel, copy: int, number: int) -> Attempt:
        at, timeout = self._clock.now(), parcel.settings.webhook_timeout
        ends = asyncio.get_running_loop().time() + timeout
        try:
            answer = await self._client.post(
                parcel.url, content=parcel.body, headers=parcel.headers, timeout=timeout
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return Attempt(at, parcel, copy, number, None, "", f"{type(error).__name__}: {error}")
        # On a busy machine an answer may be there before its time-out is noticed.
        if asyncio.get_running_loop().time() > ends:
            return Attempt(at, parcel, copy, number, None, "", "the answer came too late")
        return Attempt(at, parcel, copy, number, answer.status_code, answer.text, None)

    def _let_go(self) -> None:
        """Count one more tried parcel for those that are held back, and send those now due."""
        for held in self._held:
            held.behind -= 1
        due = [held.parcel for held in self._held if held.behind <= 0]
        self._held = [held for held in self._held if held.behind > 0]
        for parcel in due:
            self._begin(parcel)
