"""What Thinkific's percentages mean, and which enrollments they raise."""

from dataclasses import replace

import pytest

from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment, EnrollmentStatus
from lunas.domain.progress import (
    ProgressReport,
    advanced,
    concerned,
    enrollment_percent,
    event_percent,
    is_open,
)
from lunas.domain.texts import LONGEST_LINK, kept_link
from tests.support.builders import LATER, enrollment

LINK = "https://shop.thinkific.com/certificates/abc"
REPORT = ProgressReport(platform_enrollment_id="500", user_id="7", course_id="2000001", percent=60)
DELIVERED = Delivery(
    status=DeliveryStatus.DELIVERED, platform_user_id="7", platform_enrollment_id="500"
)


def ours(**changes: object) -> Enrollment:
    made = enrollment("c1", delivery=DELIVERED, platform_course_id="2000001", progress=40)
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        ("0", 0),
        ("0.0", 0),
        (0, 0),
        ("24.0", 24),
        ("99.99", 99),
        ("100.0", 100),
        (57, 57),
        (57.9, 57),
        # 1 may be one percent or all of it, and 0.5 half a percent or half of it.
        ("1", None),
        ("1.0", None),
        ("0.5", None),
        (0.01, None),
        # What is no percentage on any scale.
        ("100.1", None),
        ("-1", None),
        ("1e400", None),
        ("NaN", None),
        ("Infinity", None),
        ("half", None),
        ("", None),
        (None, None),
        (True, None),
        ([50], None),
    ],
)
def test_an_event_has_a_percentage_only_where_its_scale_is_clear(
    value: object, percent: int | None
) -> None:
    assert event_percent(value, completed=False) == percent


@pytest.mark.parametrize("value", ["0", "0.4", "1.0", "99", None, "half"])
def test_completion_is_100_percent_whatever_the_value(value: object) -> None:
    assert event_percent(value, completed=True) == 100
    assert enrollment_percent(value, completed=True) == 100


@pytest.mark.parametrize(
    ("value", "percent"),
    [
        ("0", 0),
        ("0.29", 29),
        (0.29, 29),
        ("0.999", 99),
        ("1.0", 100),
        (1, 100),
        ("24.0", 24),
        ("-0.1", None),
        ("101", None),
        ("half", None),
        (None, None),
    ],
)
def test_a_platform_enrollment_has_a_fraction_of_one(value: object, percent: int | None) -> None:
    assert enrollment_percent(value, completed=False) == percent


@pytest.mark.parametrize(
    ("reported", "known"), [(60, 60), (40, 40), (0, 40), (100, 100), (None, 40)]
)
def test_progress_never_goes_down(reported: int | None, known: int) -> None:
    assert advanced(ours(), replace(REPORT, percent=reported), LATER).progress == known


def test_equal_progress_leaves_the_enrollment_unchanged() -> None:
    assert advanced(ours(), replace(REPORT, percent=40), LATER) == ours()


def test_a_certificate_is_stored_even_when_the_progress_is_known() -> None:
    finished = replace(REPORT, percent=100, certificate_url=LINK)
    with_link = advanced(ours(progress=100), finished, LATER)
    assert (with_link.certificate_url, with_link.updated_at) == (LINK, LATER)
    assert advanced(with_link, replace(finished, certificate_url=None), LATER) == with_link


@pytest.mark.parametrize(
    "other",
    [
        replace(REPORT, platform_enrollment_id="501"),
        replace(REPORT, user_id="8"),
        replace(REPORT, course_id="9"),
    ],
)
def test_a_report_on_another_account_or_course_does_not_concern_us(other: ProgressReport) -> None:
    assert concerned(REPORT, [ours()]) == [ours()]
    assert concerned(other, [ours()]) == []


def test_only_an_active_enrollment_is_open_to_progress() -> None:
    assert is_open(ours())
    assert not is_open(ours(status=EnrollmentStatus.NOT_ENROLLED))


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        (LINK, LINK),
        (f"https://a.example/{'x' * (LONGEST_LINK - 18)}", ...),
        (f"https://a.example/{'x' * LONGEST_LINK}", None),
        ("http://shop.thinkific.com/certificates/abc", None),
        ("http://localhost/certificates/abc", None),
        ("javascript:alert(1)", None),
        ("https://", None),
        ("https://user@shop.thinkific.com/", None),
        ("https://shop.thinkific.com/a b", None),
        ("https://shop.thinkific.com/\u0000", None),
        ("https://shop.thinkific.com\\@evil.example/", None),
        ("https://[", None),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_only_a_plain_https_link_of_usual_length_is_kept(link: object, kept: object) -> None:
    assert kept_link(link) == (link if kept is ... else kept)
