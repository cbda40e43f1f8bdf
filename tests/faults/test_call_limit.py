"""All workers together stay under Thinkific's limit, and nothing is lost while they wait.

These tests give the stack the template's own rate limit, and the simulator the limits of the real
site: 120 calls a minute, ten at once.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from local.cloud import Stack
from local.cloud.addresses import change_environment
from local.cloud.aws import Aws
from lunas.clock import epoch_milliseconds
from lunas.domain.errors import NoPermit
from lunas.domain.rate_limit import BURST, RateLimit
from lunas.storage import keys
from lunas.storage.rate_limits import SharedCalls
from lunas.storage.table import Table
from tests.support import template
from tests.support.figures import Figures
from tests.support.length import by_length, only_long
from tests.support.providers import Thinkific
from tests.support.users import Person, Users, eventually

LEARNERS = by_length(16, 16, 200)
"""Learners who buy three courses each, eight calls; 200 of them take 15 minutes."""
COURSES = ("python-dasar", "literasi-data", "analisis-sql")
CALLS = LEARNERS * (2 + 2 * len(COURSES))
A_MINUTE, AT_ONCE = 120, 10
RATE_LIMIT = "THINKIFIC_REQUESTS_PER_MINUTE"
DELIVERY = "DeliverEnrollmentFunction"


def client(stack: Stack, service: Any) -> Any:
    return boto3.client(
        service,
        endpoint_url=stack.aws_endpoint_url,
        region_name=stack.region,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=50),
    )


@pytest.fixture
def _real_rate_limit(stack: Stack) -> Iterator[None]:
    """Give deliveries the template's default rate limit."""
    aws = Aws(stack.aws_endpoint_url, stack.region)
    pages = aws.functions.get_paginator("list_functions").paginate()
    (name,) = (
        each["FunctionName"]
        for page in pages
        for each in page["Functions"]
        if DELIVERY in each["FunctionName"]
    )
    usual = aws.functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    real = str(template.parameters()["ThinkificRequestsPerMinute"]["Default"])
    change_environment(aws, name, {**usual, RATE_LIMIT: real})
    yield
    change_environment(aws, name, usual)


@pytest.fixture
def real_thinkific(thinkific: Thinkific) -> Iterator[Thinkific]:
    """Give Thinkific the limits of the real site, in a minute that has seen no call yet."""
    thinkific.do("clock", {"seconds": 61})
    thinkific.set(rateLimit=A_MINUTE, concurrencyLimit=AT_ONCE)
    yield thinkific
    thinkific.set(concurrencyLimit=None)


def dead_letters(stack: Stack) -> int:
    name = "ApproximateNumberOfMessages"
    answer = client(stack, "sqs").get_queue_attributes(
        QueueUrl=stack.dead_letter_queue_url, AttributeNames=[name]
    )
    return int(answer["Attributes"][name])


def buy(users: Users, package: str) -> tuple[Person, str]:
    """Buy a package and have it approved; return the learner and the payment's id."""
    learner = users.learner()
    payment = learner.submit(package)
    assert users.admin().approve(payment["id"]).status_code == 200
    return learner, payment["id"]


@only_long
@pytest.mark.usefixtures("_real_rate_limit")
def test_a_backlog_meets_no_limit_and_loses_nothing(
    stack: Stack, users: Users, real_thinkific: Thinkific, figures: Figures
) -> None:
    package = users.admin().put_package(*COURSES, kind="BUNDLE")
    limited, dead = real_thinkific.limited(), dead_letters(stack)
    before = real_thinkific.see("requests")["calls"]

    bought = [buy(users, package) for _ in range(LEARNERS)]
    for learner, payment_id in bought:
        learner.wait_for(payment_id, "COMPLETED")

    calls = real_thinkific.see("requests")["calls"] - before
    figures.note(
        f"{LEARNERS} new learners x {len(COURSES)} courses on the real clock: {calls} calls to "
        f"Thinkific, {calls / LEARNERS / len(COURSES):.2f} for an enrollment, "
        f"{real_thinkific.limited() - limited} of them 429"
    )
    assert CALLS > A_MINUTE, "no backlog: the limit was never near"
    assert calls <= CALLS, "more than four for a learner's first course and two for each other"
    assert real_thinkific.limited() == limited
    assert dead_letters(stack) == dead
    for learner, _ in bought:
        assert len(real_thinkific.users(learner.email)) == 1
        assert len(real_thinkific.enrollments(learner.email)) == len(COURSES)
        for enrollment in learner.enrollments():
            assert enrollment["delivery"]["attempts"] == 1, "waiting was taken for a failure"


def test_callers_that_ask_at_once_get_permits_of_their_own(stack: Stack) -> None:
    callers, rounds, rate_limit = 20, 5, RateLimit.per_minute(110)
    table = Table(client(stack, "dynamodb"), stack.table_name)
    calls = SharedCalls(table, "THINKIFIC", "site-of-many", rate_limit)
    start, barrier = epoch_milliseconds(), Barrier(callers)

    def ask(_: int) -> list[int]:
        barrier.wait()
        return [calls.reserve(epoch_milliseconds(), start + 10**6) for _ in range(rounds)]

    with ThreadPoolExecutor(callers) as pool:
        given_out = list(pool.map(ask, range(callers)))

    permits = sorted(permit for own in given_out for permit in own)
    assert len(permits) == callers * rounds
    assert all(own == sorted(own) for own in given_out)
    spans = [last - first for first, last in zip(permits, permits[BURST:], strict=False)]
    assert min(spans) >= rate_limit.interval
    item = table.get(keys.call_limit("THINKIFIC", "site-of-many"))
    assert item
    # No permit was overwritten: the limiter is busy for exactly as long as all of them take.
    first = int(item["busyUntil"]) - callers * rounds * rate_limit.interval
    assert first in permits[:BURST]


def test_all_callers_rest_once_one_has_to(stack: Stack) -> None:
    callers, rate_limit = 10, RateLimit.per_minute(110)
    table = Table(client(stack, "dynamodb"), stack.table_name)
    calls = SharedCalls(table, "THINKIFIC", "site-that-rests", rate_limit)
    start, barrier = epoch_milliseconds(), Barrier(callers)
    rested = start + 60_000

    def ask(caller: int) -> list[int]:
        barrier.wait()
        if caller == 0:
            calls.rest_until(rested)
        found = []
        for _ in range(6):
            try:
                found.append(calls.reserve(epoch_milliseconds(), start + 10_000))
            except NoPermit:
                continue
        return found

    with ThreadPoolExecutor(callers) as pool:
        own, *_ = pool.map(ask, range(callers))

    assert own == [], "the caller that has to rest got a permit"
    assert calls.reserve(epoch_milliseconds(), rested + 10**6) >= rested


def workers(stack: Stack) -> int:
    """Count the processes that run deliveries on this stack."""
    state = str(stack.logs.parent.parent)
    commands = (each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"]))
    texts = (" ".join(command) for command in commands)
    return sum(DELIVERY in text and state in text for text in texts)


def test_learners_are_enrolled_side_by_side(
    stack: Stack, users: Users, thinkific: Thinkific
) -> None:
    thinkific.fault("listUsers", "slow", seconds=3, times=3)
    bought = [buy(users, "bundle-data") for _ in range(3)]
    eventually(lambda: workers(stack), lambda found: found > 1)
    for learner, payment_id in bought:
        learner.wait_for(payment_id, "COMPLETED")
