"""Puts the simulator together: all three hosts of Duitku and the admin routes on one server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.middleware import Middleware

from local.simulators.duitku import admin, pages, pop, v2
from local.simulators.duitku.checks import RefusedError
from local.simulators.duitku.errors import refusal
from local.simulators.duitku.gateway import Gateway
from local.simulators.duitku.settings import Settings
from local.simulators.duitku.traffic import TrafficMiddleware
from local.simulators.faults import FaultMiddleware


def create_app(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """Make the application; ``transport`` replaces the network for callbacks in tests."""
    gateway = Gateway(settings, transport)
    routes = [*v2.ROUTES, *pop.ROUTES, *pages.ROUTES]
    app = Starlette(
        routes=[*routes, *admin.ROUTES],
        middleware=[
            Middleware(TrafficMiddleware, traffic=gateway.traffic, routes=routes),
            Middleware(FaultMiddleware, plan=gateway.faults, routes=routes),
        ],
        exception_handlers={
            RefusedError: refusal,
            ValidationError: admin.bad_request,
            admin.BodyError: admin.bad_request,
        },
        lifespan=_lifespan,
    )
    app.state.gateway = gateway
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    yield
    await app.state.gateway.sender.close()
