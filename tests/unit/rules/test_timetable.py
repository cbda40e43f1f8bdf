"""When Duitku is asked about a payment again."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lunas.rules.payments import Act, Status, Step, check_after, take
from lunas.rules.timetable import CLOSING, next_check
from tests.unit.builders import LIFETIME, NOW, manual, payment

minutes = st.integers(min_value=0, max_value=60 * 24 * 30)


def schedule_of(lifetime: timedelta) -> list[timedelta]:
    """List the checks of a payment from its opening to the last one, as time since opening."""
    moment, found = NOW, []
    while (following := next_check(NOW, NOW + lifetime, moment)) is not None:
        found.append(following - NOW)
        moment = following
    return found


def test_the_questions_grow_rare_and_end() -> None:
    day = timedelta(days=1)
    minutes_after = [15, 45, 120, 360, 720]
    open_checks = [timedelta(minutes=each) for each in minutes_after]

    late = [day + timedelta(days=each) for each in (1, 3, 7)]
    assert schedule_of(day) == [*open_checks, day + CLOSING, *late]


@given(minutes, minutes)
def test_the_next_question_always_lies_ahead(lifetime: int, passed: int) -> None:
    now = NOW + timedelta(minutes=passed)
    following = next_check(NOW, NOW + timedelta(minutes=lifetime), now)
    assert following is None or following > now


def test_a_short_invoice_is_not_asked_about_beyond_its_time_but_for_the_closing() -> None:
    assert schedule_of(timedelta(minutes=30))[:2] == [timedelta(minutes=15), timedelta(minutes=45)]


def test_nothing_is_asked_about_a_manual_or_settled_payment() -> None:
    assert check_after(manual(), NOW) is None
    assert check_after(payment(Status.APPROVED), NOW) is None


def test_a_failed_payment_stays_due_for_a_late_success() -> None:
    failed, _ = take(payment(), Step.FAIL, Act("duitku:callback", NOW))
    assert failed.check_at == NOW + timedelta(minutes=15)


def test_a_confirmed_payment_is_never_asked_about_again() -> None:
    open_payment = payment(check_at=NOW + LIFETIME)
    confirmed, _ = take(open_payment, Step.CONFIRM, Act("duitku:callback", NOW))
    assert confirmed.check_at is None
