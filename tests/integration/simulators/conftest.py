"""Thinkific's simulator in process, without a socket; webhooks go to a stub of the network."""

from collections.abc import AsyncIterator

import httpx
import pytest

from local.simulators.thinkific.app import create_app
from local.simulators.thinkific.settings import Account
from tests.integration.simulators.thinkific_receiver import Receiver
from tests.support.thinkific_site import CREDENTIALS, URL


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def transport(receiver: Receiver) -> httpx.ASGITransport:
    network = httpx.MockTransport(receiver.receive)
    app = create_app(Account("lunas-academy", "k" * 32, "app", "secret"), network)
    return httpx.ASGITransport(app)


@pytest.fixture
async def site(transport: httpx.ASGITransport) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=transport, base_url=URL, headers=CREDENTIALS) as client:
        yield client
