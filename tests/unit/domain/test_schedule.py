"""When a payment is checked at Duitku again."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.payment_steps import check_after, sooner, take
from lunas.domain.payments import AuditContext, Payment, Status, Step
from lunas.domain.schedule import CLOSING, next_check
from lunas.gateways.duitku.invoices import channel_of
from tests.support.builders import LIFETIME, NOW, manual, payment

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATE = [timedelta(days=each) for each in (1, 3, 7)]
PROMPT = ("SP", "SQ", "NQ", "OV", "SA", "DA", "LF", "LA", "SL", "OL", "JP", "VC", "T1", "AT")
PATIENT = (None, "BC", "M2", "BV", "FT", "IR", "ZZ")
RUN = timedelta(minutes=2)
"""A check happens this long after it is due at the latest: a minute to the next run, and a run."""
minutes = st.integers(min_value=0, max_value=60 * 24 * 30)


def schedule_of(made: Payment) -> list[timedelta]:
    """List the checks of a payment from its opening to the last one, as time since opening."""
    moment, found = NOW, []
    while (following := check_after(made, moment)) is not None:
        found.append(following - NOW)
        moment = following
    return found


def lasting(lifetime: timedelta, channel: str | None = None) -> Payment:
    return payment(
        gateway_expires_at=NOW + lifetime, channel=channel, prompt=channel_of(channel).prompt
    )


@pytest.mark.parametrize("channel", PROMPT)
@pytest.mark.parametrize("lifetime", [10, 15, 24, 30, 60, 1440], ids=str)
def test_a_prompt_channel_is_checked_within_minutes(channel: str, lifetime: int) -> None:
    asked = schedule_of(lasting(lifetime * MINUTE, channel))
    assert {each * MINUTE for each in (3, 8, 15, 30, 60)} <= set(asked)
    assert asked[0] == 3 * MINUTE


@pytest.mark.parametrize("channel", [*PROMPT, *PATIENT])
@pytest.mark.parametrize("lifetime", [60, 720, 1440, 2000, 10_080], ids=str)
def test_on_the_first_day_money_is_found_within_an_hour(channel: str | None, lifetime: int) -> None:
    asked = [timedelta(0), *schedule_of(lasting(lifetime * MINUTE, channel))]
    payable = min(lifetime * MINUTE, DAY)
    waits = [after + RUN - before for before, after in pairwise(asked) if before < payable]
    assert max(waits) <= HOUR


@pytest.mark.parametrize("channel", PATIENT)
def test_a_patient_channel_is_checked_27_times_on_its_first_day(channel: str | None) -> None:
    asked = schedule_of(lasting(DAY, channel))
    assert sum(each <= DAY for each in asked) == 27
    assert asked[27:] == [DAY + CLOSING, *(DAY + each for each in LATE)]


def test_after_the_first_day_checks_are_six_hours_apart() -> None:
    asked = [each for each in schedule_of(lasting(7 * DAY)) if DAY + HOUR < each < 7 * DAY]
    assert {after - before for before, after in pairwise(asked)} == {6 * HOUR}


def test_after_the_expiry_there_are_a_closing_and_three_late_checks() -> None:
    asked = schedule_of(lasting(HOUR, "SP"))
    end = [HOUR + CLOSING, *(HOUR + each for each in LATE)]
    assert asked == [*(each * MINUTE for each in (3, 8, 15, 30, 60)), *end]


@given(minutes, minutes, st.booleans())
def test_the_next_check_is_always_in_the_future(lifetime: int, passed: int, prompt: bool) -> None:
    now = NOW + timedelta(minutes=passed)
    following = next_check(NOW, NOW + timedelta(minutes=lifetime), now, prompt=prompt)
    assert following is None or following > now


def test_a_manual_or_settled_payment_is_not_checked() -> None:
    assert check_after(manual(), NOW) is None
    assert check_after(payment(Status.APPROVED), NOW) is None


def test_a_failed_payment_stays_due_for_a_late_success() -> None:
    failed, _ = take(payment(), Step.FAIL, AuditContext("duitku:callback", NOW))
    assert failed.check_at == NOW + timedelta(minutes=15)


def test_a_confirmed_payment_is_never_checked_again() -> None:
    open_payment = payment(check_at=NOW + LIFETIME)
    confirmed, _ = take(open_payment, Step.CONFIRM, AuditContext("duitku:callback", NOW))
    assert confirmed.check_at is None


@pytest.mark.parametrize(("due", "after"), [(None, 1), (0, 0), (1, 1), (2, 1), (-1, -1)])
def test_an_earlier_check_is_not_delayed(due: int | None, after: int) -> None:
    made = payment(check_at=None if due is None else NOW + due * MINUTE)
    assert sooner(made, NOW + MINUTE) == NOW + after * MINUTE
