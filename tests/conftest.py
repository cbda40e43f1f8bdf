"""The stack that end-to-end and fault tests share: started once, stopped at the end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Options, Stack, running_stack
from local.cloud.build import configured_parameters
from tests.support.leaks.check import watched_stack
from tests.support.providers import Duitku, Thinkific
from tests.support.users import Users

pytest_plugins = ("tests.support.parallel", "tests.support.reporting")

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("LUNAS_TEST_STATE") or ROOT / ".local" / "test")
"""Folder of the stack; another one lets two runs of the tests go on side by side."""
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    STATE = STATE.with_name(f"{STATE.name}-{worker}")
PRODUCTION = STATE.with_name(f"{STATE.name}-production")
END_TO_END = STATE.with_name(f"{STATE.name}-e2e")
SENDERS = "127.0.0.1,203.0.113.0/24"
"""The simulator, and the addresses of the callbacks in events/."""
FAST = Options(parameters={"ThinkificRequestsPerMinute": "60000"})
"""Most tests do not concern Thinkific's rate limit, and must not wait for permits."""


SIGNING = {
    "DUITKU_MERCHANT_CODE": "DS12345",
    "DUITKU_API_KEY": "0123456789abcdef" * 2,
    "THINKIFIC_API_KEY": "0123456789abcdef" * 2,
}
"""The keys by which the callbacks and events in events/ are signed."""


def production_options() -> Options:
    """Give production's parameters, except for the architecture and Duitku's address.

    Optional features are on, so that every function runs.
    """
    given = configured_parameters("prod")
    kept = {name: given[name] for name in given if not name.startswith(("Architecture", "Duitku"))}
    return Options(
        environment=SIGNING,
        parameters={
            **kept,
            **FAST.parameters,
            "DuitkuAddresses": SENDERS,
            "ExternalOrders": "true",
        },
        iam=True,
    )


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Run the whole system of template.yaml, with both simulators.

    At the end its logs are searched for all that the tests sent: a leak fails the run.
    """
    with watched_stack(STATE, FAST, request.config) as running:
        yield running


@pytest.fixture(scope="session")
def production() -> Iterator[Stack]:
    """Run the system with samconfig.toml's configuration of production, with IAM evaluated.

    Its keys are those that the callbacks and events in events/ are signed by.
    """
    with running_stack(PRODUCTION, production_options()) as running:
        yield running


@pytest.fixture
def users(stack: Stack) -> Users:
    """Learners, admins and services whom no other test knows."""
    return Users(stack)


@pytest.fixture
def duitku(stack: Stack) -> Iterator[Duitku]:
    """Duitku's side, without faults afterwards."""
    provider = Duitku(stack)
    yield provider
    provider.calm()


@pytest.fixture
def thinkific(stack: Stack) -> Iterator[Thinkific]:
    """Thinkific's side without its rate limit, as the stack is without ours (FAST)."""
    provider = Thinkific(stack)
    provider.set(rateLimit=100_000)
    yield provider
    provider.calm()
