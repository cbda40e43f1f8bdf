"""What the simulated Duitku does with an order, apart from HTTP."""

import asyncio
from typing import Any

import httpx
from starlette.requests import Request

from local.simulators.clock import SimulatedClock
from local.simulators.duitku.callbacks import CallbackSender
from local.simulators.duitku.channels import CHANNELS, Channel
from local.simulators.duitku.checks import Body, RefusedError
from local.simulators.duitku.orders import Order, Product, SaleReportRepository, State, new_order
from local.simulators.duitku.settings import CallbackPlan, Changes, Endpoint, Settings, overlay
from local.simulators.duitku.traffic import StatusBlock, Traffic
from local.simulators.faults import FaultPlan

DEFAULT_CHANNEL = CHANNELS["SP"]

type Asked = CallbackPlan | bool | None


class Gateway:
    """The state of one running simulator and the steps that change it."""

    def __init__(
        self, settings: Settings, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._initial = settings
        self.settings = settings
        self.clock = SimulatedClock()
        self.faults = FaultPlan()
        self.orders = SaleReportRepository()
        self.traffic = Traffic()
        self.block = StatusBlock()
        self.sender = CallbackSender(self.clock, transport)

    async def reset(self) -> None:
        """Go back to the state right after the start."""
        await self.sender.stop()
        self.settings = self._initial
        for part in (self.faults, self.orders, self.traffic, self.block):
            part.clear()
        self.clock.reset()

    def change(self, given: Changes) -> None:
        """Change settings by their JSON names; a new status limit starts counting from zero."""
        changed = self.settings.changed(given)
        if changed.status_limit != self.settings.status_limit:
            self.block.clear()
        self.settings = changed

    def open_order(
        self, product: Product, body: Body, channel: Channel | None, base_url: str
    ) -> Order:
        """Make an order, on its channel when the request named one."""
        now = self.clock.now()
        order = new_order(product, body, self.settings.merchant_code, base_url, now)
        if channel is not None:
            order.choose(channel, now)
        return self.orders.add(order)

    def visible(self, merchant_order_id: str, product: Product) -> Order | None:
        """Return an order as the status call of ``product`` sees it, or None."""
        return self._shown(self.orders.find(merchant_order_id, self._known_to(product)))

    def visible_reference(self, reference: str, product: Product) -> Order | None:
        """Return an order as :meth:`visible` does, by Duitku's reference."""
        order = self.orders.by_reference(reference)
        known = order is not None and self._known_to(product) in {None, order.product}
        return self._shown(order) if known else None

    def _known_to(self, product: Product) -> Product | None:
        return None if self.settings.share_orders else product

    def _shown(self, order: Order | None) -> Order | None:
        return None if order is None or order.channel is None else order

    def answer(self, endpoint: Endpoint, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the 200 answer of an endpoint with the changes of the settings laid over it."""
        return overlay(fields, self.settings.answers.get(endpoint, {}))

    def status_code(self, order: Order) -> str:
        """Return the code that Check Transaction shows for an order now."""
        return order.code(self.clock.now(), self.settings.status_lag)

    def choose(self, order: Order, channel: Channel) -> None:
        """Put an order on the channel that the buyer picked."""
        order.choose(channel, self.clock.now())

    async def pay(self, order: Order, asked: Asked = None) -> None:
        """Pay an order, whatever its state was, and send the callback."""
        if order.channel is None:
            self.choose(order, DEFAULT_CHANNEL)
        order.state, order.paid_at = State.PAID, self.clock.now()
        await self._call_back(order, asked, usual=self.settings.callback_enabled)

    async def close(self, order: Order, state: State, asked: Asked = None) -> None:
        """End an order without payment; a callback goes out only when asked for or set."""
        if state is State.FAILED and order.channel is None:
            self.choose(order, DEFAULT_CHANNEL)
        order.state, order.paid_at = state, None
        expired = state is State.EXPIRED
        code = self.settings.expiry_callback if expired else self.settings.failure_callback
        await self._call_back(order, asked, usual=code is not None)

    async def expire_due(self) -> None:
        """Expire every order whose time is over on the simulated clock."""
        for order in self.orders.expire_due(self.clock.now()):
            await self.close(order, State.EXPIRED)

    async def send(self, order: Order, plan: CallbackPlan) -> None:
        """Start the deliveries of one plan, and wait for their end when the plan asks for it."""
        task = self.sender.start(order, plan, self.settings)
        if plan.wait:
            await asyncio.wait({task})

    async def _call_back(self, order: Order, asked: Asked, *, usual: bool) -> None:
        if isinstance(asked, CallbackPlan):
            await self.send(order, asked)
        elif asked or (asked is None and usual):
            await self.send(order, self.settings.callback)


async def gateway_of(request: Request) -> Gateway:
    """Return the gateway that serves a request, with the due orders expired."""
    gateway: Gateway = request.app.state.gateway
    await gateway.expire_due()
    return gateway


def known_order(gateway: Gateway, merchant_order_id: str) -> Order:
    """Return an order by the merchant's id, or refuse with 404."""
    order = gateway.orders.find(merchant_order_id)
    if order is None:
        raise RefusedError(404, "order not found")
    return order
