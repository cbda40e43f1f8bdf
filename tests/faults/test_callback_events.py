"""Callbacks as AWS hands them to the function, with what no client can send.

API Gateway and the Function URL mark by a flag whether the body is Base64, join doubled headers
with commas, and leave out what is empty. A flag that is wrong must never make another callback
out of the one that was signed.
"""

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from local.cloud import Stack
from tests.faults.forgeries.requests import FORM, Target
from tests.faults.forgeries.targets import target, with_another_learner
from tests.faults.forgeries.traces import traces
from tests.support.cloud import Cloud
from tests.support.providers import Thinkific

type Event = dict[str, Any]


def event(body: str | None, *, flag: object, media_type: str = FORM) -> Event:
    """Write an event of payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "headers": {"content-type": media_type},
        "requestContext": {"http": {"method": "POST", "path": "/"}, "requestId": "forged"},
        "isBase64Encoded": flag,
        **({} if body is None else {"body": body}),
    }


def plain(aim: Target) -> str:
    return urlencode(aim.right)


def encoded(aim: Target) -> str:
    return base64.b64encode(plain(aim).encode()).decode()


def trimmed(whole: Event, *names: str) -> Event:
    """Leave parts of an event out."""
    return {name: whole[name] for name in whole if name not in names}


WRONG: dict[str, tuple[int, Callable[[Target], Event]]] = {
    "plain, marked as Base64": (400, lambda aim: event(plain(aim), flag=True)),
    "Base64, marked as plain": (400, lambda aim: event(encoded(aim), flag=False)),
    "Base64, without a mark": (
        400,
        lambda aim: trimmed(event(encoded(aim), flag=False), "isBase64Encoded"),
    ),
    "Base64 of Base64": (
        400,
        lambda aim: event(base64.b64encode(encoded(aim).encode()).decode(), flag=True),
    ),
    "Base64 with a line break": (400, lambda aim: event(f"{encoded(aim)}\n", flag=True)),
    "Base64 cut short": (400, lambda aim: event(encoded(aim).rstrip("=")[:-1], flag=True)),
    "Base64 for addresses": (400, lambda _: event("_-_-", flag=True)),
    "Base64 of a megabyte": (
        413,
        lambda _: event(base64.b64encode(b"x" * 1_000_000).decode(), flag=True),
    ),
    "a megabyte": (413, lambda _: event("x" * 1_000_000, flag=False)),
    "half a surrogate": (400, lambda aim: event(f"{plain(aim)}&x=\ud800", flag=False)),
    "no body": (400, lambda _: event(None, flag=False)),
    "null for a body": (400, lambda _: {**event("", flag=False), "body": None}),
    "no headers": (415, lambda aim: trimmed(event(plain(aim), flag=False), "headers")),
    "null for headers": (415, lambda aim: {**event(plain(aim), flag=False), "headers": None}),
    "the type twice": (
        415,
        lambda aim: event(plain(aim), flag=False, media_type=f"{FORM},{FORM}"),
    ),
    "two types joined": (
        415,
        lambda aim: event(plain(aim), flag=False, media_type=f"application/json,{FORM}"),
    ),
}

RIGHT: dict[str, Callable[[Target], Event]] = {
    "plain": lambda aim: event(plain(aim), flag=False),
    "Base64": lambda aim: event(encoded(aim), flag=True),
    "with a character set": lambda aim: event(
        plain(aim), flag=False, media_type=f"{FORM}; charset=utf-8"
    ),
    "type in upper case": lambda aim: event(plain(aim), flag=False, media_type=FORM.upper()),
}


@pytest.fixture(scope="module")
def cloud(stack: Stack) -> Cloud:
    return Cloud(stack)


@pytest.fixture(scope="module")
def aim(stack: Stack) -> Target:
    """Set the orders up once: none of the wrong events may change them."""
    return target(stack)


@pytest.fixture
def _untouched(aim: Target, cloud: Cloud, thinkific: Thinkific) -> Iterator[None]:
    """Compare everything that a callback could move, before and after."""
    before = traces(aim, cloud, thinkific)
    yield
    assert traces(aim, cloud, thinkific) == before


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize(("status", "write"), WRONG.values(), ids=WRONG.keys())
def test_an_event_with_a_wrong_flag_or_header_is_refused_and_changes_nothing(
    status: int, write: Callable[[Target], Event], aim: Target, cloud: Cloud
) -> None:
    answer = cloud.invoke("DuitkuWebhookFunction", write(aim))

    assert answer["statusCode"] == status
    assert json.loads(answer["body"])["status"] == status
    assert not [each for each in aim.secrets if each in json.dumps(answer)]


@pytest.mark.parametrize("write", RIGHT.values(), ids=RIGHT.keys())
def test_a_right_event_changes_the_order(
    write: Callable[[Target], Event], aim: Target, cloud: Cloud
) -> None:
    aim = with_another_learner(aim)

    assert cloud.invoke("DuitkuWebhookFunction", write(aim))["statusCode"] == 200

    assert aim.learner.payment(aim.paid["id"])["status"] in {"APPROVED", "COMPLETED"}
