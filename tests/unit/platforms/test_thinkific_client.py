"""Finding, creating and enrolling at Thinkific: read first, and read again after a failure."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from lunas.domain.catalog_mapping import SiteCourse
from lunas.domain.errors import DeliveryDelayed, DeliveryError, DeliveryImpossible, NoPermit
from lunas.domain.users import Learner
from lunas.platforms.thinkific.client import STILL_WRITING
from lunas.platforms.thinkific.credentials import ApiKey
from lunas.platforms.thinkific.http import Rejected, ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.platform import Thinkific
from lunas.platforms.thinkific.webhooks import ThinkificWebhooks, WebhooksApi, bearing
from tests.support.builders import EMAIL
from tests.support.http_stub import Reply, StubLimiter, StubProvider

NOW = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
A_MINUTE_AGO = "2026-11-22T03:03:05Z"
LEARNER = Learner("Budi", "Santoso", EMAIL)
SITE = ThinkificSite("https://thinkific.test", ApiKey("shop", "secret-key"))
BASE = "/api/public/v1"
TAKEN = Reply(422, {"errors": {"email": ["has already been taken"]}})
EMPTY: dict[str, Any] = {"items": [], "meta": {"pagination": {"next_page": None}}}
LIMITED = Reply(429, "slow down", {"RateLimit-Reset": "30"})


def enrolled(**changes: Any) -> dict[str, Any]:
    """Build an active enrollment of user 7 in course 9."""
    made = {
        "id": 500,
        "user_id": 7,
        "course_id": 9,
        "activated_at": "2026-01-01T00:00:00Z",
        "expired": False,
        "is_free_trial": False,
    }
    return {**made, **changes}


TRIAL = enrolled(activated_at=None, is_free_trial=True)
EXPIRED = enrolled(expired=True)


def page(*items: dict[str, Any], next_page: object = None) -> Reply:
    return Reply(body={"items": list(items), "meta": {"pagination": {"next_page": next_page}}})


class FewPermits(StubLimiter):
    """Gives a number of permits, then none."""

    def __init__(self, permits: int) -> None:
        super().__init__()
        self._left = permits

    def acquire(self) -> None:
        """Take one of the remaining permits."""
        if self.permits == self._left:
            raise NoPermit("later", 30)
        super().acquire()


def api(provider: StubProvider) -> ThinkificApi:
    return ThinkificApi(SITE, StubLimiter(), session=provider.session)


def thinkific(provider: StubProvider) -> Thinkific:
    return Thinkific(api(provider))


def webhooks(provider: StubProvider) -> ThinkificWebhooks:
    return ThinkificWebhooks(WebhooksApi(bearing(SITE), StubLimiter(), session=provider.session))


def enroll(*answers: Reply | Exception) -> tuple[StubProvider, str]:
    provider = StubProvider(*answers)
    return provider, thinkific(provider).enroll("7", "9", NOW, None)


def test_a_new_enrollment_is_active_at_once() -> None:
    provider, platform_enrollment_id = enroll(page(), Reply(201, enrolled()))
    assert platform_enrollment_id == "500"
    assert provider.calls == [f"GET {BASE}/enrollments", f"POST {BASE}/enrollments"]
    assert provider.asked[1].body == {"user_id": 7, "course_id": 9, "activated_at": A_MINUTE_AGO}


def test_an_active_enrollment_is_not_changed() -> None:
    provider, platform_enrollment_id = enroll(page(enrolled(id=321)))
    assert platform_enrollment_id == "321"
    assert len(provider.asked) == 1


@pytest.mark.parametrize("stored", [TRIAL, EXPIRED], ids=["trial", "expired"])
def test_a_trial_or_expired_enrollment_is_upgraded_and_read_back(stored: dict[str, Any]) -> None:
    provider, platform_enrollment_id = enroll(page(stored), Reply(204), Reply(body=enrolled()))
    assert platform_enrollment_id == "500"
    assert provider.calls[1:] == [f"PUT {BASE}/enrollments/500", f"GET {BASE}/enrollments/500"]
    assert provider.asked[1].body == {"activated_at": A_MINUTE_AGO}


def test_an_upgrade_moves_an_existing_expiry_to_the_far_future() -> None:
    expired = enrolled(expired=True, expiry_date="2026-02-01T00:00:00Z")
    provider, _ = enroll(page(expired), Reply(204), Reply(body=enrolled()))
    assert provider.asked[1].body["activated_at"] == A_MINUTE_AGO
    assert provider.asked[1].body["expiry_date"] > "2120-"


def test_an_upgrade_that_does_not_show_yet_delays() -> None:
    with pytest.raises(DeliveryDelayed):
        enroll(page(EXPIRED), Reply(204), Reply(body=EXPIRED))


def test_an_enrollment_created_as_a_trial_is_upgraded() -> None:
    provider, _ = enroll(page(), Reply(201, TRIAL), Reply(204), Reply(body=enrolled()))
    assert provider.calls[2] == f"PUT {BASE}/enrollments/500"


FAILED_POSTS = [
    requests.ReadTimeout("slow"),
    requests.ConnectionError("dropped"),
    Reply(500, "<html>"),
    Reply(520, "<html>"),
    Reply(422, {"errors": ["User is already enrolled"]}),
    Reply(409, {"error": "conflict"}),
    Reply(400, {"error": "bad"}),
    Reply(201, "no json"),
]


@pytest.mark.parametrize("failure", FAILED_POSTS, ids=str)
def test_after_a_failed_post_the_enrollment_is_looked_up(
    failure: Reply | Exception,
) -> None:
    provider, platform_enrollment_id = enroll(page(), failure, page(enrolled(id=77)))
    assert platform_enrollment_id == "77"
    assert [call.split()[0] for call in provider.calls] == ["GET", "POST", "GET"]


@pytest.mark.parametrize("failure", FAILED_POSTS, ids=str)
def test_a_failed_post_without_an_enrollment_is_an_error(failure: Reply | Exception) -> None:
    with pytest.raises(DeliveryError):
        enroll(page(), failure, page())


@pytest.mark.parametrize(
    ("failure", "lookup", "delay"),
    [
        (requests.ReadTimeout(), page(), STILL_WRITING),
        (requests.ConnectionError(), Reply(503), STILL_WRITING),
        (Reply(504), LIMITED, STILL_WRITING),
        (Reply(524, "<html>"), page(), STILL_WRITING),
        (Reply(500), page(), None),
        (Reply(503), page(), None),
    ],
)
def test_after_a_post_that_may_be_in_progress_the_delay_is_long(
    failure: Reply | Exception, lookup: Reply, delay: float | None
) -> None:
    """A second POST meanwhile would leave two enrollments."""
    with pytest.raises(DeliveryDelayed) as raised:
        enroll(page(), failure, lookup)
    assert raised.value.retry_after == delay


def test_a_trial_left_by_a_failed_post_is_upgraded() -> None:
    answers = (page(), requests.ReadTimeout("x"), page(TRIAL), Reply(204), Reply(body=enrolled()))
    provider, _ = enroll(*answers)
    assert provider.calls[3] == f"PUT {BASE}/enrollments/500"


@pytest.mark.parametrize("reply", [LIMITED, Reply(401), Reply(403)], ids=str)
def test_after_a_rate_limit_or_a_refused_key_no_lookup_is_made(reply: Reply) -> None:
    provider = StubProvider(page(), reply)
    with pytest.raises(DeliveryDelayed) as raised:
        thinkific(provider).enroll("7", "9", NOW, None)
    assert raised.value.retry_after
    assert len(provider.asked) == 2


@pytest.mark.parametrize("permits", range(4))
def test_without_a_permit_the_delivery_ends_before_the_call(permits: int) -> None:
    """Whichever call it is, the calls before it are made and none after it."""
    provider = StubProvider(page(), Reply(500), page(TRIAL), Reply(204), Reply(body=enrolled()))
    limiter = FewPermits(permits)
    with pytest.raises(NoPermit):
        Thinkific(ThinkificApi(SITE, limiter, session=provider.session)).enroll("7", "9", NOW, None)
    assert len(provider.asked) == permits


def test_an_unknown_course_is_impossible_to_deliver() -> None:
    unknown = Reply(422, {"errors": ["Course could not be found."]})
    with pytest.raises(DeliveryImpossible):
        enroll(page(), unknown, page())


@pytest.mark.parametrize(
    "foreign",
    [enrolled(id=1, user_id=8), enrolled(id=1, course_id=8), enrolled(id=1, user_id=None)],
    ids=str,
)
def test_enrollments_of_others_are_ignored(foreign: dict[str, Any]) -> None:
    provider, platform_enrollment_id = enroll(page(foreign), Reply(201, enrolled()))
    assert (platform_enrollment_id, len(provider.asked)) == ("500", 2)


def test_ids_may_come_as_text() -> None:
    _, platform_enrollment_id = enroll(page(enrolled(id="500", user_id="7", course_id="9")))
    assert platform_enrollment_id == "500"


def test_of_several_enrollments_the_active_one_counts_else_the_newest() -> None:
    _, active = enroll(page(enrolled(id=3), enrolled(id=9, expired=True)))
    assert active == "3"
    provider, _ = enroll(
        page(enrolled(id=9, expired=True), enrolled(id=10, expired=True)),
        Reply(204),
        Reply(body=enrolled(id=10)),
    )
    assert provider.calls[1] == f"PUT {BASE}/enrollments/10"


def test_an_enrollment_is_found_on_a_later_page() -> None:
    provider, platform_enrollment_id = enroll(
        page(enrolled(id=1, user_id=8), next_page=2), page(enrolled(id=2))
    )
    assert platform_enrollment_id == "2"
    assert [each.query["page"] for each in provider.asked] == [["1"], ["2"]]
    assert {each.query["limit"][0] for each in provider.asked} == {"250"}
    assert provider.asked[0].query["query[user_id]"] == ["7"]
    assert provider.asked[0].query["query[course_id]"] == ["9"]


def test_a_short_page_is_not_the_last() -> None:
    _, platform_enrollment_id = enroll(page(next_page=2), page(next_page=3), page(enrolled(id=4)))
    assert platform_enrollment_id == "4"


@pytest.mark.parametrize("none", [0, None, "0", ""])
def test_no_next_page_is_the_end_of_a_list(none: object) -> None:
    provider = StubProvider(page({"id": "1", "name": "One"}, next_page=none))
    assert [each.id for each in Thinkific(api(provider)).courses()] == ["1"]
    provider, platform_enrollment_id = enroll(page(enrolled(id=2), next_page=none))
    assert platform_enrollment_id == "2"
    assert len(provider.asked) == 1


def test_the_next_page_may_come_as_text() -> None:
    _, platform_enrollment_id = enroll(page(next_page="2"), page(enrolled(id=2)))
    assert platform_enrollment_id == "2"


@pytest.mark.parametrize("following", [1, "1", -1])
def test_a_list_that_does_not_advance_is_an_error_at_once(following: object) -> None:
    provider = StubProvider(*[page(next_page=following)] * 500)
    with pytest.raises(DeliveryDelayed, match=f"names page {following} after page 1"):
        thinkific(provider).enroll("7", "9", NOW, None)
    assert len(provider.asked) == 1


def test_a_list_that_repeats_a_page_is_an_error_at_once() -> None:
    same = [page(enrolled(user_id=8), next_page=number) for number in range(2, 500)]
    provider = StubProvider(*same)
    with pytest.raises(DeliveryDelayed, match="same page again"):
        thinkific(provider).enroll("7", "9", NOW, None)
    assert len(provider.asked) == 2


def test_a_list_without_an_end_is_impossible_to_read() -> None:
    with pytest.raises(DeliveryImpossible):
        enroll(*[page(next_page=number) for number in range(2, 500)])


@pytest.mark.parametrize("none", [0, "0", None, ""])
def test_no_cursor_is_the_end_of_the_list_of_webhooks(none: object) -> None:
    provider = StubProvider(Reply(body={"items": [], "meta": {"page": {"next_page": none}}}))
    assert list(webhooks(provider).webhooks()) == []
    assert len(provider.asked) == 1


def test_a_repeated_cursor_is_an_error_at_once() -> None:
    cursors = ["a", "b", "a"] * 100
    answers = [{"items": [], "meta": {"page": {"next_page": each}}} for each in cursors]
    provider = StubProvider(*[Reply(body=each) for each in answers])
    with pytest.raises(DeliveryDelayed, match="same page again"):
        list(webhooks(provider).webhooks())
    assert len(provider.asked) == 3


def test_page_0_is_the_end_of_changes_too() -> None:
    provider = StubProvider(page(enrolled(percentage_completed="0.5"), next_page=0))
    assert Thinkific(api(provider)).changed(NOW, 1).next_page is None


@pytest.mark.parametrize("body", [{}, {"items": None}, {"items": {}}, {"items": "none"}], ids=str)
def test_a_response_without_a_list_is_an_error(body: dict[str, Any]) -> None:
    with pytest.raises(DeliveryDelayed):
        enroll(Reply(body=body))


@pytest.mark.parametrize("body", [{"items": []}, {"items": [], "meta": None}], ids=str)
def test_a_response_without_pages_is_an_empty_list(body: dict[str, Any]) -> None:
    assert thinkific(StubProvider(Reply(body=body))).find_user(EMAIL) is None


def test_an_account_is_found_regardless_of_case() -> None:
    provider = StubProvider(page({"id": 7, "email": EMAIL.upper()}))
    assert thinkific(provider).find_user(EMAIL) == "7"


def test_an_address_with_capitals_is_searched_in_lower_case_and_as_typed() -> None:
    low, typed = page({"id": 7, "email": EMAIL}), page({"id": 8, "email": EMAIL.upper()})
    provider = StubProvider(low, page(), typed, page(), page())
    assert thinkific(provider).find_user(EMAIL.upper()) == "7"
    assert thinkific(provider).find_user(EMAIL.upper()) == "8"
    assert thinkific(provider).find_user(EMAIL.upper()) is None
    asked = [each.query["query[email]"] for each in provider.asked]
    assert asked == [[EMAIL], [EMAIL], [EMAIL.upper()], [EMAIL], [EMAIL.upper()]]


def test_a_new_account_has_its_address_in_lower_case() -> None:
    provider = StubProvider(Reply(201, {"id": 42}))
    assert thinkific(provider).create_user(Learner("Budi", "Santoso", EMAIL.upper())) == "42"
    assert provider.asked[0].body["email"] == EMAIL


@pytest.mark.parametrize("email", ["other@example.com", f"x{EMAIL}", None, ""])
def test_an_account_of_another_address_is_ignored(email: str | None) -> None:
    provider = StubProvider(page({"id": 7, "email": email}))
    assert thinkific(provider).find_user(EMAIL) is None


def test_an_account_is_found_on_a_later_page() -> None:
    first = page({"id": 1, "email": "other@example.com"}, next_page=2)
    assert thinkific(StubProvider(first, page({"id": "7", "email": EMAIL}))).find_user(EMAIL) == "7"


def test_a_plus_in_an_address_is_escaped() -> None:
    provider = StubProvider(page())
    thinkific(provider).find_user("budi+kursus@example.com")
    assert "budi%2Bkursus%40example.com" in provider.asked[0].url
    assert provider.asked[0].query["query[email]"] == ["budi+kursus@example.com"]


def test_a_new_account_has_no_password_and_gets_a_welcome_email() -> None:
    provider = StubProvider(Reply(201, {"id": 42}))
    assert thinkific(provider).create_user(LEARNER) == "42"
    assert provider.asked[0].body == {
        "first_name": "Budi",
        "last_name": "Santoso",
        "email": EMAIL,
        "skip_custom_fields_validation": True,
        "send_welcome_email": True,
    }


@pytest.mark.parametrize(
    "errors",
    [
        {"email": ["has already been taken"]},
        {"email": "Has already been TAKEN"},
        {"Email": ["is odd", "is TAKEN"]},
        {"base": ["Email has already been taken"]},
        ["Email has already been taken"],
        ["First name can't be blank", "email address has already been Taken"],
        "EMAIL has already been taken",
        [{"email": ["has already been taken"]}],
        [{"field": "email", "message": "has already been taken"}],
        [{"message": "Email has already been taken"}],
        ["Validation failed: Email has already been taken"],
        ["User email has already been taken"],
        ["First name can't be blank; Email has already been taken"],
        ["Email rock-and-roll@example.com has already been taken"],
        ["Email rock.and.roll@example.com has already been taken"],
        "Last name is too short, Email has already been taken",
        "Last name is too short and email has already been taken",
        "User with this email has already been taken",
        "A user with this e-mail address already exists",
        ["Email is already in use"],
        {"user": {"email": ["has already been taken"]}},
        {"user.email": ["has already been taken"]},
        {"email": [{"error": "taken", "value": EMAIL}]},
        {"email": {"message": "has already been taken"}},
        {"name": ["can't be blank"], "email": ["has already been taken"]},
        {"emailAddress": "has already been registered"},
        [{"code": "EMAIL_TAKEN"}],
        [{"field": "user.email", "message": "has already been taken"}],
        [{"field": "user[email]", "code": "taken"}],
        [{"field": {"name": "email"}, "messages": ["has already been taken"]}],
        [{"source": {"pointer": "/data/attributes/email"}, "detail": "has already been taken"}],
        *(
            [{naming: "email", "message": "has already been taken"}]
            for naming in (
                "key",
                "path",
                "name",
                "field_name",
                "fieldName",
                "attribute",
                "property",
            )
        ),
        [{"path": ["user", "email"], "message": "has already been taken"}],
        [{"field": "name", "message": "is short"}, {"field": "email", "message": "is taken"}],
    ],
    ids=str,
)
def test_a_taken_address_means_that_the_account_exists(errors: object) -> None:
    for body in ({"errors": errors}, {"error": errors}, {"errors": None, "error": errors}, errors):
        provider = StubProvider(Reply(422, body), page({"id": 7, "email": EMAIL}))
        assert thinkific(provider).create_user(LEARNER) == "7"


@pytest.mark.parametrize(
    "body",
    [
        {"message": "Email has already been taken"},
        {"status": 422, "title": "Invalid", "detail": "Email has already been taken"},
        {"email": ["has already been taken"]},
        {"field": "email", "message": "has already been taken"},
        {"data": None, "errors": [{"path": ["email"], "message": "taken"}]},
        b'"Email has already been taken"',
        b"Email has already been taken",
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_taken_address_is_read_from_any_body(status: int, body: object) -> None:
    provider = StubProvider(Reply(status, body), page({"id": 7, "email": EMAIL}))
    assert thinkific(provider).create_user(LEARNER) == "7"


def test_a_taken_address_whose_account_does_not_show_yet_delays() -> None:
    with pytest.raises(DeliveryDelayed):
        thinkific(StubProvider(TAKEN, page())).create_user(LEARNER)


@pytest.mark.parametrize(
    "errors",
    [
        {"last_name": ["can't be blank"]},
        {"email": ["is invalid"]},
        ["nonsense"],
        {},
        ["Affiliate code has already been taken"],
        {"affiliate_code": ["has already been taken"], "email": ["is invalid"]},
        ["Email is invalid", "Affiliate code has already been taken"],
        "Email is invalid; Affiliate code has already been taken",
        [{"field": "affiliate_code", "message": "has already been taken"}],
        [{"field": "email", "message": "is mistaken"}],
        "Validation failed: Email is invalid, Affiliate code has already been taken",
        "Email is invalid and affiliate code has already been taken",
        ["Email is invalid. Affiliate code has already been taken"],
        [{"field": "email", "message": "is invalid"}, {"field": "code", "message": "is taken"}],
        [{"source": {"pointer": "/data/attributes/code"}, "detail": "has already been taken"}],
        [{"name": "affiliate_code", "code": "taken"}, {"name": "email", "code": "invalid"}],
        {"email": ["does not exist"]},
        {"email": None},
        [None, 7, True],
    ],
    ids=str,
)
def test_other_rejected_values_do_not_mean_a_taken_address(errors: object) -> None:
    for body in ({"errors": errors}, errors):
        provider = StubProvider(Reply(422, body))
        with pytest.raises(Rejected):
            thinkific(provider).create_user(LEARNER)
        assert len(provider.asked) == 1


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"last_name": ["can't be blank"]}, "last_name"),
        ({"message": "no"}, "no field named"),
        (["no"], "no field named"),
        ({}, "no field named"),
        (b"<html>Email</html>", "no field named"),
        ([[[[[[[[[[[["deep"]]]]]]]]]]]], "no field named"),
    ],
)
def test_a_rejection_names_its_fields_only(body: object, named: str) -> None:
    with pytest.raises(Rejected, match=rf"^Thinkific answered 422: {named}$"):
        thinkific(StubProvider(Reply(422, body))).create_user(LEARNER)


def test_an_error_body_of_any_depth_is_read_or_ignored() -> None:
    deep = b"[" * 5_000 + b'"Email has already been taken"' + b"]" * 5_000
    with pytest.raises(Rejected):
        thinkific(StubProvider(Reply(422, deep), page())).create_user(LEARNER)


FAILURES = [
    requests.ReadTimeout(EMAIL),
    requests.ConnectionError(f"Max retries exceeded with url: /users?query={EMAIL}"),
    requests.exceptions.InvalidURL(EMAIL),
    Reply(400, {"error": EMAIL}),
    Reply(401, {"error": EMAIL}),
    Reply(404, {"error": EMAIL}),
    Reply(422, {"errors": {"email": [f"{EMAIL} is invalid"]}}),
    Reply(422, {"errors": [f"{EMAIL} is invalid"]}),
    Reply(429, EMAIL),
    Reply(500, EMAIL),
    Reply(302, EMAIL, {"Location": f"https://x.test/{EMAIL}"}),
    Reply(200, EMAIL),
]


@pytest.mark.parametrize(
    "failure", FAILURES, ids=lambda reply: str(reply).replace(EMAIL, "address")
)
@pytest.mark.parametrize("call", ["find", "create"])
def test_no_error_carries_the_learners_address(failure: Reply | Exception, call: str) -> None:
    client = thinkific(StubProvider(failure))
    with pytest.raises(DeliveryError) as raised:
        client.find_user(EMAIL) if call == "find" else client.create_user(LEARNER)
    assert EMAIL not in f"{raised.value} {raised.value!r}"
    assert raised.value.__cause__ is None


def test_every_call_has_key_site_client_and_a_timeout() -> None:
    provider = StubProvider(page())
    thinkific(provider).find_user(EMAIL)
    (asked,) = provider.asked
    assert asked.headers["X-Auth-API-Key"] == "secret-key"
    assert asked.headers["X-Auth-Subdomain"] == "shop"
    assert asked.headers["User-Agent"].startswith("Lunas")
    connect, read = asked.timeout
    assert 0 < connect < read < 10


def test_courses_are_listed_from_all_pages() -> None:
    provider = StubProvider(
        page({"id": "1", "name": "One"}, next_page=2), page({"id": 2, "name": "Two"})
    )
    records = Thinkific(ThinkificApi(SITE, StubLimiter(), session=provider.session))
    assert list(records.courses()) == [SiteCourse("1", "One"), SiteCourse("2", "Two")]


@pytest.mark.parametrize("body", [{}, {"id": None}, {"name": "no id"}, {"id": "abc"}], ids=str)
def test_an_answer_without_an_id_is_a_delivery_error(body: dict[str, Any]) -> None:
    with pytest.raises(DeliveryError):
        thinkific(StubProvider(Reply(201, body))).create_user(LEARNER)


def test_a_list_item_that_is_not_an_object_is_a_delivery_error() -> None:
    with pytest.raises(DeliveryError):
        thinkific(StubProvider(Reply(body={"items": ["text"]}))).find_user(EMAIL)


@pytest.mark.parametrize("expiry", [None, ""])
def test_an_upgrade_without_an_expiry_sends_none(expiry: str | None) -> None:
    provider, _ = enroll(
        page(enrolled(expired=True, expiry_date=expiry)), Reply(204), Reply(body=enrolled())
    )
    assert "expiry_date" not in provider.asked[1].body


def revoke(*answers: Reply | Exception) -> StubProvider:
    provider = StubProvider(*answers)
    thinkific(provider).revoke("7", "9", NOW)
    return provider


def test_access_is_ended_by_an_expiry_in_the_past_only() -> None:
    provider = revoke(page(enrolled()), Reply(204), Reply(body=EXPIRED))
    assert provider.calls[1:] == [f"PUT {BASE}/enrollments/500", f"GET {BASE}/enrollments/500"]
    assert provider.asked[1].body == {"expiry_date": "2026-11-21T03:04:05Z"}


@pytest.mark.parametrize("enrollments", [[], [EXPIRED], [TRIAL]], ids=["none", "expired", "trial"])
def test_an_enrollment_without_access_is_not_ended(enrollments: list[dict[str, Any]]) -> None:
    assert len(revoke(page(*enrollments)).asked) == 1


def test_every_enrollment_that_gives_access_is_ended() -> None:
    enrollments = page(enrolled(id=500), enrolled(id=501), enrolled(id=502, user_id=8))
    provider = revoke(enrollments, Reply(204), Reply(body=EXPIRED), Reply(204), Reply(body=EXPIRED))
    assert [call for call in provider.calls if call.startswith("PUT")] == [
        f"PUT {BASE}/enrollments/500",
        f"PUT {BASE}/enrollments/501",
    ]


def test_with_given_ends_only_enrollments_with_those_ends_are_ended() -> None:
    given, foreign = "2026-12-22T03:04:05Z", "2027-12-22T03:04:05Z"
    enrollments = page(
        enrolled(id=500), enrolled(id=501, expiry_date=foreign), enrolled(id=502, expiry_date=given)
    )
    provider = StubProvider(enrollments, Reply(204), Reply(body=EXPIRED))
    thinkific(provider).revoke("7", "9", NOW, given={UNTIL})
    assert [call for call in provider.calls if call.startswith("PUT")] == [
        f"PUT {BASE}/enrollments/502"
    ]


def test_an_end_that_does_not_show_yet_delays() -> None:
    with pytest.raises(DeliveryDelayed):
        revoke(page(enrolled()), Reply(204), Reply(body=enrolled()))


UNTIL = datetime(2026, 12, 22, 3, 4, 5, 678000, tzinfo=UTC)
END = "2026-12-22T03:04:05Z"


def enroll_until(*answers: Reply | Exception) -> StubProvider:
    provider = StubProvider(*answers)
    thinkific(provider).enroll("7", "9", NOW, UNTIL)
    return provider


def test_access_for_a_time_is_sent_with_its_end() -> None:
    provider = enroll_until(page(), Reply(201, enrolled(expiry_date=END)))
    assert provider.asked[1].body["expiry_date"] == END


def test_a_shorter_access_is_extended_and_keeps_its_start() -> None:
    shorter = enrolled(expiry_date="2026-12-01T00:00:00Z")
    provider = enroll_until(page(shorter), Reply(204), Reply(body=enrolled(expiry_date=END)))
    assert provider.asked[1].body == {
        "activated_at": enrolled()["activated_at"],
        "expiry_date": END,
    }


@pytest.mark.parametrize("expiry", [None, END, "2027-01-01T00:00:00Z", "2026-12-22T10:04:05+07:00"])
def test_an_access_that_lasts_as_long_is_not_changed(expiry: str | None) -> None:
    assert len(enroll_until(page(enrolled(expiry_date=expiry))).asked) == 1


@pytest.mark.parametrize("shown", ["2026-12-01T00:00:00Z", "soon", 5])
def test_an_extension_that_does_not_show_delays(shown: object) -> None:
    shorter = enrolled(expiry_date="2026-12-01T00:00:00Z")
    with pytest.raises(DeliveryDelayed):
        enroll_until(page(shorter), Reply(204), Reply(body=enrolled(expiry_date=shown)))


def test_access_without_an_end_removes_an_expiry() -> None:
    provider, _ = enroll(page(enrolled(expiry_date=END)), Reply(204), Reply(body=enrolled()))
    assert provider.asked[1].body["expiry_date"] > "2120-"


def test_a_course_of_a_bundle_that_is_not_enrolled_yet_delays() -> None:
    provider = StubProvider(page())
    with pytest.raises(DeliveryDelayed) as raised:
        thinkific(provider).enroll("7", "9", NOW, None, create=False)
    assert (len(provider.asked), raised.value.retry_after) == (1, 20)


def test_a_course_that_a_bundle_enrolled_is_used() -> None:
    provider = StubProvider(page(enrolled(id=700)))
    assert thinkific(provider).enroll("7", "9", NOW, None, create=False) == "700"


@pytest.mark.parametrize("reply", [Reply(201), Reply(202), Reply(201, {"id": 1})], ids=str)
def test_a_bundle_is_enrolled_with_its_dates(reply: Reply) -> None:
    provider = StubProvider(reply)
    thinkific(provider).enroll_in_bundle("7", "4", NOW, UNTIL)
    assert provider.calls == [f"POST {BASE}/bundles/4/enrollments"]
    dates = {"activated_at": A_MINUTE_AGO, "expiry_date": END}
    assert provider.asked[0].body == {"user_id": 7, **dates}


@pytest.mark.parametrize(
    ("reply", "courses"),
    [
        (Reply(body={"id": 4, "course_ids": [9, "10"]}), {"9", "10"}),
        (Reply(body={"id": 4}), set()),
        (Reply(404, {"error": "Record not found."}), set()),
    ],
    ids=["two", "none named", "no bundle"],
)
def test_the_courses_of_a_bundle_are_returned(reply: Reply, courses: set[str]) -> None:
    assert thinkific(StubProvider(reply)).bundle_courses("4") == courses


@pytest.mark.parametrize("end", [END, END.replace("Z", ".000Z"), END.replace("Z", ".999Z")])
def test_times_with_milliseconds_are_read_too(end: str) -> None:
    provider = enroll_until(page(enrolled(expiry_date=end)))
    assert len(provider.asked) == 1
