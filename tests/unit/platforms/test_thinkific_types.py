"""Every field of Thinkific's responses with a wrong type leads to an error of our own.

No write follows such a response, and no value of it counts as missing.
"""

from collections.abc import Callable
from typing import Any

import pytest

from lunas.domain.errors import DeliveryDelayed
from lunas.domain.sale_reports import Sold
from lunas.platforms.thinkific.events import Event, Unreadable, parse_event, report_of
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.oauth import ThinkificOAuth
from lunas.platforms.thinkific.platform import Thinkific
from lunas.platforms.thinkific.webhooks import ThinkificWebhooks, WebhooksApi, bearing
from tests.support.builders import EMAIL
from tests.support.http_stub import Reply, StubLimiter, StubProvider
from tests.unit.platforms import test_thinkific_events as events
from tests.unit.platforms.test_thinkific_client import LEARNER, NOW, SITE, UNTIL, enrolled, page
from tests.unit.platforms.test_thinkific_oauth import ANSWER, APP

type Call = Callable[[StubProvider], object]
type Case = tuple[Call, Callable[[Any], list[Reply]]]
"""A call, and its responses with a value in one field of one of them."""

HUGE = "9" * 5_000
NO_ID: list[Any] = [[], [7], {}, {"id": 7}, "", "x", "7 ", "\u0667", HUGE, True, 1.5, -1, 1e999]
NO_TEXT: list[Any] = [[], ["a"], {}, {"a": 1}, True, False, 0, 7, 1.5]
NO_FLAG: list[Any] = [[], {}, "", "x", "true", 0, 1, 1.5]
NO_OBJECT: list[Any] = [[], [1], "", "x", True, 0, 1.5]
NO_IDS: list[Any] = [
    "7",
    7,
    {},
    True,
    1.5,
    [None],
    ["x"],
    [[7]],
    [{"id": 7}],
    [True],
    [1.5],
    [HUGE],
]
NO_PAGE: list[Any] = [[], [2], {}, "x", "2 ", HUGE, True, False, 1.5, 1e999]
NO_CURSOR: list[Any] = [[], ["a"], {}, {"a": 1}, True, False, 1.5]


def api(provider: StubProvider) -> ThinkificApi:
    return ThinkificApi(SITE, StubLimiter(), session=provider.session)


def find(provider: StubProvider) -> object:
    return Thinkific(api(provider)).find_user(EMAIL)


def create(provider: StubProvider) -> object:
    return Thinkific(api(provider)).create_user(LEARNER)


def enroll(provider: StubProvider) -> object:
    return Thinkific(api(provider)).enroll("7", "9", NOW, UNTIL, given={UNTIL})


def revoke(provider: StubProvider) -> object:
    Thinkific(api(provider)).revoke("7", "9", NOW)
    return None


def access(provider: StubProvider) -> object:
    return Thinkific(api(provider)).access("7", NOW)


def bundle_courses(provider: StubProvider) -> object:
    return Thinkific(api(provider)).bundle_courses("4")


def courses(provider: StubProvider) -> object:
    return list(Thinkific(api(provider)).courses())


def bundles(provider: StubProvider) -> object:
    return list(Thinkific(api(provider)).bundles())


def product_of_course(provider: StubProvider) -> object:
    return Thinkific(api(provider), 100).product(Sold(None, "9"))


def product_of_bundle(provider: StubProvider) -> object:
    return Thinkific(api(provider), 100).product(Sold("4", None))


def changed(provider: StubProvider) -> object:
    return Thinkific(api(provider)).changed(NOW, 1)


def webhooks(provider: StubProvider) -> object:
    site = WebhooksApi(bearing(SITE), StubLimiter(), session=provider.session)
    return list(ThinkificWebhooks(site).webhooks())


def refresh(provider: StubProvider) -> object:
    return ThinkificOAuth(APP, provider.session).refresh("shop", "rt-1")


def in_item(made: dict[str, Any], name: str) -> Callable[[Any], list[Reply]]:
    """Answer with a list of one item that holds the value."""
    return lambda value: [page({**made, name: value})]


def in_object(made: dict[str, Any], name: str, *before: Reply) -> Callable[[Any], list[Reply]]:
    """Answer with an object that holds the value, after other answers."""
    return lambda value: [*before, Reply(body={**made, name: value})]


USER: dict[str, Any] = {"id": 7, "email": EMAIL}
COURSE: dict[str, Any] = {"id": 9, "name": "One", "product_id": 90}
PRODUCT: dict[str, Any] = {"id": 40, "productable_type": "Bundle", "productable_id": 4}
BUNDLE: dict[str, Any] = {"id": 4, "name": "All", "course_ids": [9]}
HOOK = {"id": "h1", "topic": "t", "target_url": "https://lunas.test/", "status": "active"}
PAGED: dict[str, Any] = {"items": [], "meta": {"pagination": {"next_page": None}}}

CASES: list[tuple[str, Case, list[Any]]] = [
    ("user id", (find, in_item(USER, "id")), [None, *NO_ID]),
    ("user email", (find, in_item(USER, "email")), NO_TEXT),
    ("new user id", (create, in_object({}, "id")), [None, *NO_ID]),
    ("enrollment id", (enroll, in_item(enrolled(), "id")), [None, *NO_ID]),
    ("enrollment user_id", (enroll, in_item(enrolled(), "user_id")), NO_ID),
    ("enrollment course_id", (enroll, in_item(enrolled(), "course_id")), NO_ID),
    ("enrollment activated_at", (enroll, in_item(enrolled(), "activated_at")), NO_TEXT),
    ("enrollment expired", (enroll, in_item(enrolled(), "expired")), NO_FLAG),
    ("enrollment is_free_trial", (enroll, in_item(enrolled(), "is_free_trial")), NO_FLAG),
    ("enrollment expiry_date", (enroll, in_item(enrolled(), "expiry_date")), NO_TEXT),
    ("end of access", (revoke, in_item(enrolled(), "expired")), NO_FLAG),
    ("compared user_id", (access, in_item(enrolled(), "user_id")), NO_ID),
    ("compared course_id", (access, in_item(enrolled(), "course_id")), [None, *NO_ID]),
    ("compared expiry_date", (access, in_item(enrolled(), "expiry_date")), NO_TEXT),
    ("compared expired", (access, in_item(enrolled(), "expired")), NO_FLAG),
    ("items", (enroll, in_object(PAGED, "items")), [None, {}, "", "x", True, 1.5, [None], [[]]]),
    ("meta", (enroll, in_object(PAGED, "meta")), NO_OBJECT),
    (
        "pagination",
        (enroll, lambda value: [Reply(body={"items": [], "meta": {"pagination": value}})]),
        NO_OBJECT,
    ),
    ("next_page", (enroll, lambda value: [page(next_page=value)]), NO_PAGE),
    ("course id", (courses, in_item(COURSE, "id")), [None, *NO_ID]),
    ("course name", (courses, in_item(COURSE, "name")), NO_TEXT),
    ("productable_type", (bundles, in_item(PRODUCT, "productable_type")), NO_TEXT),
    ("productable_id", (bundles, in_item(PRODUCT, "productable_id")), [None, *NO_ID]),
    ("bundle name", (bundles, in_object(BUNDLE, "name", page(PRODUCT))), NO_TEXT),
    ("bundle course_ids", (bundles, in_object(BUNDLE, "course_ids", page(PRODUCT))), NO_IDS),
    ("course_ids", (bundle_courses, in_object(BUNDLE, "course_ids")), NO_IDS),
    ("product_id", (product_of_course, in_object(COURSE, "product_id")), NO_ID),
    ("sold productable_type", (product_of_bundle, in_item(PRODUCT, "productable_type")), NO_TEXT),
    (
        "sold productable_id",
        (product_of_bundle, in_item(PRODUCT, "productable_id")),
        [None, *NO_ID],
    ),
    ("product id", (product_of_bundle, in_item(PRODUCT, "id")), [None, *NO_ID]),
    ("changes' next_page", (changed, lambda value: [page(next_page=value)]), NO_PAGE),
    ("webhook id", (webhooks, in_item(HOOK, "id")), [None, "", *NO_CURSOR]),
    ("webhook topic", (webhooks, in_item(HOOK, "topic")), NO_TEXT),
    ("webhook target_url", (webhooks, in_item(HOOK, "target_url")), NO_TEXT),
    ("webhook status", (webhooks, in_item(HOOK, "status")), NO_TEXT),
    ("webhooks' meta", (webhooks, in_object(PAGED, "meta")), NO_OBJECT),
    (
        "webhooks' page",
        (webhooks, lambda value: [Reply(body={"items": [], "meta": {"page": value}})]),
        NO_OBJECT,
    ),
    (
        "webhooks' next_page",
        (
            webhooks,
            lambda value: [Reply(body={"items": [], "meta": {"page": {"next_page": value}}})],
        ),
        NO_CURSOR,
    ),
    ("access_token", (refresh, in_object(ANSWER, "access_token")), [None, "", *NO_TEXT]),
    ("refresh_token", (refresh, in_object(ANSWER, "refresh_token")), NO_TEXT),
    ("gid", (refresh, in_object(ANSWER, "gid")), NO_CURSOR),
]


def shown(value: object) -> str:
    return "huge" if value in (HUGE, [HUGE]) else ascii(value)


@pytest.mark.parametrize(
    ("case", "value"),
    [
        pytest.param(case, value, id=f"{name}-{shown(value)}")
        for name, case, values in CASES
        for value in values
    ],
)
def test_a_field_of_another_type_is_a_delivery_error(case: Case, value: object) -> None:
    call, answers = case
    # What would follow if the value were accepted.
    provider = StubProvider(
        *answers(value), Reply(201, enrolled()), Reply(201, enrolled()), Reply(body=enrolled())
    )
    with pytest.raises(DeliveryDelayed) as raised:
        call(provider)
    assert raised.value.__cause__ is None
    assert len(provider.asked) == len(answers(value))


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case, _ in CASES])
@pytest.mark.parametrize("body", [b"[" * 100_000, b"{" * 100_000, b"\xff", b"9" * 5_000])
def test_a_body_that_cannot_be_read_is_a_delivery_error(case: Case, body: bytes) -> None:
    with pytest.raises(DeliveryDelayed):
        case[0](StubProvider(Reply(201 if case[0] is create else 200, body)))


WITH_PROGRESS = enrolled(percentage_completed="0.5", completed_at=None)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("id", [None, *NO_ID]),
        ("user_id", [None, *NO_ID]),
        ("course_id", [None, *NO_ID]),
        ("completed_at", NO_TEXT),
    ],
)
def test_progress_with_a_field_of_another_type_is_left_out(name: str, values: list[Any]) -> None:
    enrollments = [{**WITH_PROGRESS, name: value} for value in values]
    provider = StubProvider(
        page(*enrollments, WITH_PROGRESS), *(Reply(body=each) for each in enrollments)
    )
    progress = Thinkific(api(provider))
    assert [each.percent for each in progress.changed(NOW, 1).reports] == [50]
    assert [progress.progress("500") for _ in enrollments] == [None] * len(enrollments)


@pytest.mark.parametrize("value", [[], {}, True, False, "x", "", 1e999, -1, 101, HUGE], ids=shown)
def test_an_invalid_percentage_is_ignored(value: object) -> None:
    provider = StubProvider(page({**WITH_PROGRESS, "percentage_completed": value}))
    (report,) = Thinkific(api(provider)).changed(NOW, 1).reports
    assert report.percent is None


@pytest.mark.parametrize("value", [True, 1.5, 1e999, [], ["a"], {"a": 1}], ids=str)
def test_an_event_with_an_id_of_another_type_is_unreadable(value: object) -> None:
    with pytest.raises(Unreadable):
        parse_event(events.event(id=value))


@pytest.mark.parametrize("value", NO_TEXT, ids=str)
def test_an_event_with_an_invalid_completion_time_is_unreadable(value: object) -> None:
    event = Event("71", "enrollment.progress", {**events.PAYLOAD, "completed_at": value})
    with pytest.raises(Unreadable):
        report_of(event)
