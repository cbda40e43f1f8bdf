"""The stack that end-to-end and fault tests share: started once, stopped at the end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cloud import Options, Stack, running_stack
from tests.peers import Duitku, Thinkific
from tests.people import People

ROOT = Path(__file__).resolve().parent.parent
STATE = Path(os.environ.get("LUNAS_TEST_STATE") or ROOT / ".local" / "test")
"""Folder of the stack; another one lets two runs of the tests go on side by side."""
FAST = Options(parameters={"ThinkificRequestsPerMinute": "60000"})
"""Most tests are not about Thinkific's limit, and are not to wait for their turns."""


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Run the whole system as template.yaml says, with both simulators."""
    with running_stack(STATE, FAST) as running:
        yield running


@pytest.fixture
def people(stack: Stack) -> People:
    """Learners, admins and services whom no other test knows."""
    return People(stack)


@pytest.fixture
def duitku(stack: Stack) -> Iterator[Duitku]:
    """Duitku's side, without faults afterwards."""
    peer = Duitku(stack)
    yield peer
    peer.calm()


@pytest.fixture
def thinkific(stack: Stack) -> Iterator[Thinkific]:
    """Thinkific's side without its rate limit, as the stack is without ours (FAST)."""
    peer = Thinkific(stack)
    peer.set(rateLimit=100_000)
    yield peer
    peer.calm()
