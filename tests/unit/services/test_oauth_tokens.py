"""Access tokens: one worker renews, and only a refusal by Thinkific ends the grant."""

from dataclasses import replace
from datetime import timedelta

import pytest

from lunas.domain.errors import ConfigurationError, DeliveryDelayed, GrantRefused
from lunas.domain.sites import Connection, Grant, Tokens
from lunas.services.oauth_tokens import (
    LOOK_EVERY,
    LOOKS,
    NEXT_TRY,
    NOT_CONNECTED,
    SHORTEST,
    YOUNG,
    OAuthTokenService,
)
from tests.support.builders import NOW
from tests.support.interruptions import Interruption, interrupt
from tests.unit.services.fakes import FakeClock
from tests.unit.services.oauth_fakes import DAY, FakeOAuth, FakeSites

GRANT = Grant(
    connection=Connection(
        subdomain="shop",
        actor="admin:a1",
        connected_at=NOW,
        renewed_at=NOW,
        expires_at=NOW + DAY,
        revision=1,
    ),
    tokens=Tokens(access_token="at-1", refresh_token="rt-1"),
)
DUE, OVER = DAY - timedelta(minutes=30), DAY + timedelta(minutes=1)


class Worker:
    """A worker that needs a token, with the failures that it reported."""

    def __init__(self, grants: FakeSites, oauth: FakeOAuth, clock: FakeClock) -> None:
        self.grants, self.oauth, self.clock = grants, oauth, clock
        self.losses: list[str] = []
        self.delays: list[str] = []
        self.slept = 0.0
        self.while_asleep: list[Interruption] = []
        self.left = 60.0
        self.service = OAuthTokenService(
            sites=grants,
            authorization=oauth,
            subdomain="shop",
            now=clock,
            seconds_left=lambda: self.left,
            sleep=self.sleep,
            on_lost=self.losses.append,
            on_delay=self.delays.append,
        )

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        interrupt(self.while_asleep)

    @property
    def token(self) -> str:
        return self.service.current().tokens.access_token

    def other(self) -> "Worker":
        """Return a worker beside this one."""
        return Worker(self.grants, self.oauth, self.clock)


@pytest.fixture
def worker() -> Worker:
    return Worker(FakeSites(GRANT), FakeOAuth(), FakeClock())


def delayed(worker: Worker) -> DeliveryDelayed:
    """Return the delay of a worker that gets no token."""
    with pytest.raises(DeliveryDelayed) as raised:
        worker.service.current()
    return raised.value


def test_a_valid_token_is_used_without_a_call(worker: Worker) -> None:
    assert worker.token == "at-1"
    assert (worker.oauth.refreshes, worker.grants.locks) == (0, 0)


@pytest.mark.parametrize("age", [DUE, OVER])
def test_a_token_that_is_due_is_renewed_and_stored(worker: Worker, age: timedelta) -> None:
    worker.clock.forward(age)
    assert worker.token == "at-2"
    assert worker.grants.grant
    assert worker.grants.grant.tokens == Tokens(access_token="at-2", refresh_token="rt-2")
    assert worker.grants.grant.connection.expires_at == worker.clock.now + DAY
    assert worker.grants.grant.connection.connected_at == NOW
    assert worker.token == "at-2"
    assert worker.oauth.refreshes == 1


def test_the_old_refresh_token_is_kept_when_the_server_issues_no_new_one(worker: Worker) -> None:
    worker.oauth.gives_refresh_token = False
    worker.clock.forward(DUE)
    assert worker.token == "at-2"
    assert worker.grants.grant
    assert worker.grants.grant.tokens.refresh_token == "rt-1"


def test_new_tokens_are_stored_before_they_are_used(worker: Worker) -> None:
    worker.clock.forward(DUE)
    worker.grants.before_renew.append(RuntimeError("crash"))
    with pytest.raises(RuntimeError):
        worker.service.current()


def test_while_one_worker_renews_the_others_use_the_old_token(worker: Worker) -> None:
    worker.clock.forward(DUE)
    seen: list[str] = []
    worker.oauth.after.append(lambda: seen.append(worker.other().token))
    assert worker.token == "at-2"
    assert seen == ["at-1"]
    assert worker.oauth.refreshes == 1


def test_when_the_old_token_has_expired_the_others_wait_for_the_new_one(worker: Worker) -> None:
    worker.clock.forward(OVER)
    assert worker.grants.lock(GRANT.connection, worker.clock.now)
    other = worker.other()
    newer = replace(GRANT.connection, revision=2, expires_at=worker.clock.now + DAY)
    tokens = Tokens(access_token="at-9", refresh_token="rt-9")
    other.while_asleep += [lambda: None, lambda: worker.grants.write(newer, tokens)]
    assert other.token == "at-9"
    assert other.slept == 2 * LOOK_EVERY
    assert other.oauth.refreshes == 0


def test_a_worker_that_waited_long_enough_reschedules(worker: Worker) -> None:
    worker.clock.forward(OVER)
    assert worker.grants.lock(GRANT.connection, worker.clock.now)
    error = delayed(worker)
    assert error.retry_after == NEXT_TRY
    assert worker.slept == LOOKS * LOOK_EVERY


def test_the_lock_of_a_dead_worker_expires(worker: Worker) -> None:
    worker.clock.forward(OVER)
    worker.oauth.before.append(RuntimeError("the worker died"))
    with pytest.raises(RuntimeError):
        worker.service.current()
    delayed(worker)
    worker.clock.forward(timedelta(seconds=30))
    assert worker.token == "at-2"


def test_a_worker_with_little_time_left_does_not_renew(worker: Worker) -> None:
    """It could be stopped between Thinkific's response and the write, and lose the token."""
    worker.clock.forward(DUE)
    worker.left = SHORTEST - 0.1
    assert worker.token == "at-1"
    worker.clock.forward(OVER - DUE)
    assert delayed(worker).retry_after == NEXT_TRY
    assert (worker.oauth.refreshes, worker.grants.locks) == (0, 0)
    worker.left = SHORTEST
    assert worker.token == "at-2"


def test_while_thinkific_does_not_answer_the_old_token_is_used(worker: Worker) -> None:
    worker.clock.forward(DUE)
    worker.oauth.before.append(DeliveryDelayed("no answer"))
    assert worker.token == "at-1"
    assert worker.delays == ["no answer"]
    assert worker.token == "at-1"
    assert worker.grants.locks == 1
    worker.clock.forward(timedelta(seconds=30))
    assert worker.token == "at-2"


def test_without_an_answer_an_expired_token_delays_the_delivery(worker: Worker) -> None:
    worker.clock.forward(OVER)
    worker.oauth.before.append(DeliveryDelayed("no answer"))
    assert delayed(worker).retry_after == NEXT_TRY
    assert worker.losses == []


def test_a_wrong_client_secret_does_not_refuse_the_grant(worker: Worker) -> None:
    worker.clock.forward(OVER)
    worker.oauth.before.append(ConfigurationError("clientSecret"))
    assert delayed(worker).retry_after == NEXT_TRY
    assert worker.delays == ["clientSecret"]
    assert worker.grants.grant == GRANT


def test_a_refused_renewal_is_reported_once_while_the_token_stays_in_use(
    worker: Worker,
) -> None:
    worker.clock.forward(DUE)
    worker.oauth.refresh_token = "another"
    assert worker.token == "at-1"
    assert worker.losses == ["the OAuth server answered 400"]
    assert worker.grants.grant
    assert worker.grants.grant.connection.refused
    worker.clock.forward(timedelta(minutes=29))
    assert (worker.token, worker.other().token) == ("at-1", "at-1")
    assert (len(worker.losses), worker.grants.locks) == (1, 1)


def test_a_token_that_expires_after_a_refused_renewal_delays_until_a_reconnect(
    worker: Worker,
) -> None:
    worker.clock.forward(DUE)
    worker.oauth.refresh_token = "another"
    assert worker.token == "at-1"
    worker.clock.forward(OVER - DUE)
    assert delayed(worker).retry_after == NOT_CONNECTED
    assert worker.grants.locks == 1


def test_a_refusal_after_the_token_expired_delays(worker: Worker) -> None:
    worker.clock.forward(OVER)
    worker.oauth.refresh_token = "another"
    assert delayed(worker).retry_after == NOT_CONNECTED
    assert worker.losses


def test_a_crash_between_response_and_write_ends_in_a_reported_refusal(worker: Worker) -> None:
    worker.clock.forward(DUE)
    worker.grants.before_renew.append(RuntimeError("crash"))
    with pytest.raises(RuntimeError):
        worker.service.current()
    assert worker.token == "at-1", "until the lock expires, the others go on"
    worker.clock.forward(timedelta(seconds=30))
    assert worker.token == "at-1", "and until it expires, the old token is used"
    assert worker.losses


def test_a_refusal_is_ignored_when_another_worker_renewed_meanwhile(worker: Worker) -> None:
    worker.clock.forward(DUE)
    newer = replace(GRANT.connection, revision=2, expires_at=worker.clock.now + DAY)
    tokens = Tokens(access_token="at-9", refresh_token="rt-9")

    def renewed_by_other() -> None:
        worker.grants.write(newer, tokens)
        raise GrantRefused("used")

    worker.oauth.before.append(renewed_by_other)
    assert worker.token == "at-9"
    assert worker.losses == []


def test_a_worker_that_lost_the_lock_does_not_report_the_grant_lost(worker: Worker) -> None:
    worker.clock.forward(DUE)

    def late() -> None:
        worker.clock.forward(timedelta(seconds=31))
        assert worker.grants.lock(GRANT.connection, worker.clock.now)
        raise GrantRefused("used")

    worker.oauth.before.append(late)
    assert worker.token == "at-1"
    assert worker.losses == []
    assert worker.grants.grant == GRANT


def test_late_tokens_undo_a_refusal(worker: Worker) -> None:
    """The lock expired, another worker was refused with the used token; then this one writes."""
    worker.clock.forward(DUE)

    def slow() -> None:
        worker.clock.forward(timedelta(seconds=31))
        other = worker.other()
        assert other.token == "at-1"
        assert other.losses

    worker.grants.before_renew.append(slow)
    assert worker.token == "at-2"
    assert worker.grants.grant
    assert not worker.grants.grant.connection.refused


def test_a_new_install_takes_precedence_over_late_tokens(worker: Worker) -> None:
    worker.clock.forward(DUE)
    tokens = Tokens(access_token="at-9", refresh_token="rt-9")
    again = replace(GRANT.connection, revision=2, expires_at=worker.clock.now + DAY)
    worker.grants.before_renew.append(lambda: worker.grants.write(again, tokens))
    assert worker.token == "at-9"


@pytest.mark.parametrize(
    "grant",
    [
        None,
        replace(GRANT, connection=replace(GRANT.connection, refused=True, expires_at=NOW)),
        replace(GRANT, connection=replace(GRANT.connection, subdomain="other")),
    ],
)
def test_without_a_usable_connection_deliveries_wait_for_a_reconnect(grant: Grant | None) -> None:
    worker = Worker(FakeSites(grant), FakeOAuth(), FakeClock())
    assert delayed(worker).retry_after == NOT_CONNECTED
    assert worker.losses == []


# ── A token that Thinkific refuses with 401 ──────────────────────────────────────────────────────


def test_a_token_that_another_worker_replaced_is_read_again(worker: Worker) -> None:
    assert worker.service.after_refusal("at-0")
    assert worker.oauth.refreshes == 0


def test_a_refused_token_is_renewed_ahead_of_time(worker: Worker) -> None:
    worker.clock.forward(YOUNG)
    assert worker.service.after_refusal("at-1")
    assert worker.token == "at-2"


def test_a_fresh_token_that_is_refused_is_not_renewed(worker: Worker) -> None:
    assert not worker.service.after_refusal("at-1")
    assert worker.oauth.refreshes == 0


def test_after_a_refusal_a_worker_waits_for_another_to_renew(worker: Worker) -> None:
    worker.clock.forward(DUE)
    assert worker.grants.lock(GRANT.connection, worker.clock.now)
    newer = replace(GRANT.connection, revision=2, expires_at=worker.clock.now + DAY)
    tokens = Tokens(access_token="at-9", refresh_token="rt-9")
    worker.while_asleep.append(lambda: worker.grants.write(newer, tokens))
    assert worker.service.after_refusal("at-1")
    assert worker.slept == LOOK_EVERY


def test_an_uninstalled_app_is_reported_when_its_token_is_refused(worker: Worker) -> None:
    worker.clock.forward(YOUNG)
    worker.oauth.refresh_token = None
    with pytest.raises(DeliveryDelayed):
        worker.service.after_refusal("at-1")
    assert worker.losses


def test_a_401_ends_a_token_that_cannot_be_renewed(worker: Worker) -> None:
    worker.clock.forward(DUE)
    worker.oauth.refresh_token = None
    assert worker.token == "at-1"
    for _ in range(2):
        with pytest.raises(DeliveryDelayed) as raised:
            worker.service.after_refusal("at-1")
        assert raised.value.retry_after == NOT_CONNECTED
    assert (worker.grants.locks, worker.slept, len(worker.losses)) == (1, 0, 1)


def test_a_worker_stops_waiting_after_a_401_when_the_renewal_is_refused(worker: Worker) -> None:
    worker.clock.forward(DUE)
    lock = worker.grants.lock(GRANT.connection, worker.clock.now)
    assert lock

    def refused() -> None:
        assert worker.grants.refuse(lock)

    worker.while_asleep.append(refused)
    with pytest.raises(DeliveryDelayed) as raised:
        worker.service.after_refusal("at-1")
    assert (raised.value.retry_after, worker.slept) == (NOT_CONNECTED, LOOK_EVERY)
