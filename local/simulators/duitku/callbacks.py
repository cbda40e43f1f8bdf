"""Delivery of callbacks: a form POST, sent again until the answer is 200, five times at most.

Source: ``docs/reference/duitku.md``, Callback delivery. Redirects are not followed and no other
2xx counts.
"""

import asyncio

import httpx

from local.simulators.clock import SimulatedClock
from local.simulators.duitku.messages import callback_form
from local.simulators.duitku.orders import Attempt, Order
from local.simulators.duitku.settings import CallbackPlan, Settings

_FORM = {"content-type": "application/x-www-form-urlencoded"}
_FRESH = httpx.Limits(max_connections=None, max_keepalive_connections=0)


class CallbackSender:
    """Sends callbacks in the background and writes every attempt into the order."""

    def __init__(
        self, clock: SimulatedClock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._clock = clock
        self._client = httpx.AsyncClient(transport=transport, trust_env=False, limits=_FRESH)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, order: Order, plan: CallbackPlan, settings: Settings) -> asyncio.Task[None]:
        """Begin the deliveries that ``plan`` asks for; the task ends with the last of them."""
        body = callback_form(order, plan, settings, self._clock.now())
        task = asyncio.create_task(self._send(order, body, plan, settings))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def idle(self, seconds: float) -> bool:
        """Wait up to ``seconds`` for all deliveries to end; say whether they did."""
        if not self._tasks:
            return True
        _, unfinished = await asyncio.wait(set(self._tasks), timeout=seconds)
        return not unfinished

    async def stop(self) -> None:
        """Break off every delivery under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Break off the deliveries and close the connections."""
        await self.stop()
        await self._client.aclose()

    async def _send(self, order: Order, body: str, plan: CallbackPlan, settings: Settings) -> None:
        await asyncio.sleep(plan.delay)
        url = plan.url or order.text("callbackUrl")
        at_once = plan.times if plan.parallel else 1
        for _ in range(plan.times // at_once):
            await asyncio.gather(
                *(self._deliver(order, url, body, settings) for _ in range(at_once))
            )

    async def _deliver(self, order: Order, url: str, body: str, settings: Settings) -> None:
        order.deliveries += 1
        delivery = order.deliveries
        for number in range(1, settings.callback_attempts + 1):
            if number > 1:
                await asyncio.sleep(settings.retry_spacing)
            at = self._clock.now()
            status, answer, error = await self._post(url, body, settings.callback_timeout)
            order.attempts.append(Attempt(at, delivery, number, url, body, status, answer, error))
            if status == httpx.codes.OK:
                return
        order.merchant_emails.append(self._clock.now())

    async def _post(
        self, url: str, body: str, timeout: float
    ) -> tuple[int | None, str, str | None]:
        try:
            answer = await self._client.post(url, content=body, headers=_FORM, timeout=timeout)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return None, "", f"{type(error).__name__}: {error}"
        return answer.status_code, answer.text, None
