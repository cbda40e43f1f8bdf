"""A refresh token is used once: of twenty workers at once, one refreshes, and all succeed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import requests

from local.cloud import Stack
from local.cloud.aws import Aws
from local.cloud.deploy import STACK, outputs
from lunas.aws import clients
from lunas.domain.errors import DeliveryDelayed
from lunas.domain.times import to_iso
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.settings import credentials, site_of
from lunas.services.oauth_tokens import NOT_CONNECTED
from lunas.storage import keys
from lunas.storage.expressions import Change
from lunas.storage.sites import LOCK, connected_site
from lunas.storage.table import Table
from tests.integration.api.conftest import forget
from tests.support.http_stub import StubLimiter
from tests.support.installing import Installer
from tests.support.providers import Thinkific
from tests.support.users import TIMEOUT, Users

WORKERS = 20
ENOUGH = 60_000
"""Milliseconds that an invocation of a worker has left."""
DUE, OVER = timedelta(minutes=10), timedelta(minutes=-1)
"""From now to the end of a token that is renewed early, or of one that has ended."""


@pytest.fixture
def connected(
    stack: Stack, users: Users, thinkific: Thinkific, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Table]:
    """Connect the site, and set the environment of a function."""
    installer = Installer(users.admin())
    installer.connect()
    made = outputs(Aws(stack.aws_endpoint_url, stack.region))
    settings = {
        "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "POWERTOOLS_SERVICE_NAME": STACK,
        "TABLE_NAME": stack.table_name,
        "TOKEN_KEY": made["TokenKeyArn"],
        "THINKIFIC_SECRET_ID": made["ThinkificSecretId"],
        "THINKIFIC_API_URL": str(stack.thinkific_url),
        "THINKIFIC_OAUTH_URL": str(stack.thinkific_url),
        "THINKIFIC_SUBDOMAIN": stack.thinkific.subdomain,
        "THINKIFIC_AUTHENTICATION": "oauth",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    forget()
    # Clients are made once per process, and a process of Lambda's has one thread.
    clients.kms()
    yield Table.from_environment()
    thinkific.set(refreshVoidsAccess=False)
    installer.disconnect()
    thinkific.do("uninstall")
    forget()


def age(table: Table, left: timedelta) -> None:
    """Make the token a day old, so that it ends in ``left``."""
    end = datetime.now(UTC) + left
    renewed = end - timedelta(days=1)
    change = Change({"expiresAt": to_iso(end), "renewedAt": to_iso(renewed)})
    assert table.update(keys.oauth_grant(), change)


def at_once[T](work: Callable[[], T]) -> list[T | Exception]:
    """Have all workers do the same at once; return the result or the error of each."""
    barrier = Barrier(WORKERS)

    def run(_worker: int) -> T | Exception:
        barrier.wait()
        try:
            return work()
        except Exception as error:  # noqa: BLE001  (returned to the test)
            return error

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, range(WORKERS)))


def read_courses() -> str:
    """Call Thinkific as a delivery does; return the token that was accepted."""
    table = Table.from_environment()
    site = site_of(table, ENOUGH)
    # The rate limit has tests of its own.
    ThinkificApi(site, StubLimiter()).get("/courses", {"limit": 1})
    return site.credentials.bearer()


def is_accepted(thinkific: Thinkific, token: str) -> bool:
    """Return whether Thinkific accepts a token."""
    url = f"{thinkific.url}/api/public/v1/courses"
    return requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=TIMEOUT).ok


def refreshes(thinkific: Thinkific) -> int:
    (grant,) = thinkific.see("grants")["items"]
    return int(grant["refreshes"])


def shown(thinkific: Thinkific) -> dict[str, Any]:
    (grant,) = thinkific.see("grants")["items"]
    return dict(grant)


@pytest.mark.parametrize("voids", [False, True], ids=["old token lasts", "old token is void"])
@pytest.mark.parametrize("left", [DUE, OVER], ids=["due", "over"])
def test_twenty_workers_refresh_once_and_all_succeed(
    connected: Table, thinkific: Thinkific, left: timedelta, *, voids: bool
) -> None:
    thinkific.set(refreshVoidsAccess=voids)
    age(connected, left)

    found = at_once(read_courses)

    assert [each for each in found if isinstance(each, Exception)] == []
    assert refreshes(thinkific) == 1
    tokens = {str(each) for each in found}
    assert shown(thinkific)["accessToken"] in tokens
    # A worker that reads before the renewal may go on with the token that is about to end.
    assert len(tokens) == 1 or left is DUE
    assert all(is_accepted(thinkific, token) for token in tokens if not voids)
    assert {str(each) for each in at_once(read_courses)} == {shown(thinkific)["accessToken"]}
    assert refreshes(thinkific) == 1


def test_twenty_workers_leave_a_fresh_token_alone(connected: Table, thinkific: Thinkific) -> None:
    found = at_once(read_courses)

    assert len({str(each) for each in found}) == 1
    assert refreshes(thinkific) == 0
    assert connected_site(connected)


def test_a_worker_that_died_holding_the_lock_is_waited_for_and_then_replaced(
    connected: Table, thinkific: Thinkific
) -> None:
    age(connected, OVER)
    end = datetime.now(UTC) + timedelta(seconds=3)
    dead = Change({"lockedBy": "dead", "lockedUntil": to_iso(end)})
    assert connected.update(keys.oauth_grant(), dead)

    with pytest.raises(DeliveryDelayed, match="is being renewed"):
        read_courses()
    assert refreshes(thinkific) == 0
    found = at_once(read_courses)

    assert [each for each in found if isinstance(each, Exception)] == []
    assert refreshes(thinkific) == 1


def test_losing_the_new_tokens_disconnects_the_site_and_the_status_shows_it(
    connected: Table, thinkific: Thinkific, users: Users
) -> None:
    used = shown(thinkific)["refreshToken"]
    stack = users.stack
    lost = requests.post(
        f"{thinkific.url}/oauth2/token",
        json={"grant_type": "refresh_token", "refresh_token": used},
        auth=(stack.thinkific.client_id, stack.thinkific.client_secret),
        timeout=TIMEOUT,
    )
    assert lost.ok
    age(connected, OVER)

    found = at_once(read_courses)

    delays = [each.retry_after for each in found if isinstance(each, DeliveryDelayed)]
    assert delays == [NOT_CONNECTED] * WORKERS
    status = Installer(users.admin()).status()
    assert (status["connected"], status["refused"]) == (False, True)
    Installer(users.admin()).connect()
    assert is_accepted(thinkific, credentials(connected, ENOUGH).bearer())


def test_the_lock_lasts_longer_than_a_call_to_thinkific() -> None:
    from lunas.platforms.thinkific.http import TIMEOUT as CALL  # noqa: PLC0415

    assert sum(CALL) * 2 < LOCK.total_seconds()
