"""Manual payments, approval and looking payments up, through the handlers."""

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from lunas.bootstrap import payment_services
from lunas.storage.catalog import Catalog
from tests.integration.layer import purchases
from tests.integration.layer.purchases import PROOF, approve, submitted
from tests.support.api_requests import request, service_headers, service_token, user_token
from tests.support.builders import course
from tests.support.functions import call, invoke
from tests.support.logs import Logged

pytestmark = pytest.mark.usefixtures("catalog")
GET, HISTORY = "GET /payments/{id}", "GET /payments/{id}/history"


def show(payment_id: str, token: str | None = None, **more: Any) -> tuple[int, Any]:
    return call("payments", GET, f"/payments/{payment_id}", token=token, **more)


def history(payment_id: str) -> list[tuple[str, str]]:
    """Return actor and target of each event, as the owner reads them."""
    path = f"/payments/{payment_id}/history"
    _, body = call("payments", HISTORY, path, token=user_token())
    return [(each["actor"], each["to"]) for each in body["items"]]


def test_a_manual_payment_is_a_201_with_the_status_paid() -> None:
    payment = submitted()
    assert (payment["status"], payment["method"], payment["amount"]) == ("PAID", "MANUAL", 49_000)
    assert (payment["proofLink"], payment["courseIds"]) == (PROOF, ["c1"])
    assert history(payment["id"]) == [("user:u1", "PAID")]


@pytest.mark.parametrize(
    "changes",
    [
        {"paymentType": "DIKE"},
        {"paymentType": "VIP"},
        {"proofLink": "http://proof.example"},
        {"proofLink": None},
        {"courseId": None},
        {"courseId": "c404"},
    ],
    ids=str,
)
def test_a_submission_that_breaks_a_rule_is_a_422(changes: dict[str, str | None]) -> None:
    body = {"packageId": "p1", "courseId": "c1", "paymentType": "UMUM", "proofLink": PROOF}
    status, problem = call("payments", "POST /payments", body=body | changes, token=user_token())
    assert (status, len(problem["errors"])) == (422, 1)


HALF = "\ud83d"
"""Half of an emoji, as a JSON escape can write it."""


def test_half_an_emoji_in_a_link_is_a_422_that_names_it() -> None:
    body = {"packageId": "p1", "courseId": "c1", "paymentType": "UMUM", "proofLink": PROOF + HALF}
    status, problem = call("payments", "POST /payments", body=body, token=user_token())
    assert (status, [each["field"] for each in problem["errors"]]) == (422, ["proofLink"])


def test_half_an_emoji_in_a_reason_leaves_the_payment_as_it_is() -> None:
    payment_id = submitted()["id"]
    status, problem = call(
        "approve_payment",
        "PATCH /payments/{id}/reject",
        f"/payments/{payment_id}/reject",
        body={"reason": f"No transfer {HALF}"},
        token=user_token("a1", role="ADMIN"),
    )
    assert (status, [each["field"] for each in problem["errors"]]) == (422, ["reason"])
    assert show(payment_id, user_token())[1]["status"] == "PAID"


def test_the_learner_approved_by_an_admin_cannot_buy_the_course_again() -> None:
    approve(submitted()["id"])
    body = {"packageId": "p1", "courseId": "c1", "paymentType": "UMUM", "proofLink": PROOF}
    status, problem = call("payments", "POST /payments", body=body, token=user_token())
    assert (status, problem["type"]) == (409, "urn:lunas:problem:already-enrolled")


def test_only_owner_admin_and_service_see_a_payment() -> None:
    payment_id = submitted()["id"]
    assert show(payment_id, user_token("u1"))[0] == 200
    assert show(payment_id, user_token("a1", "ADMIN"))[0] == 200
    assert show(payment_id, headers=service_headers(service_token()))[0] == 200
    assert show(payment_id, user_token("u2"))[0] in {403, 404}
    assert show(payment_id)[0] == 401
    unscoped = service_headers(service_token(scope="enrollments:read"))
    assert show(payment_id, headers=unscoped)[0] == 403


@pytest.mark.parametrize("service", ["crm", "u1"])
def test_a_service_sees_no_personal_data_even_under_a_users_name(service: str) -> None:
    headers = service_headers(service_token(sub=service))
    _, shown = show(submitted()["id"], headers=headers)
    assert "customer" not in shown
    assert "proofLink" not in shown
    assert shown["userId"] == "u1"


def test_the_history_belongs_to_the_owner_as_well() -> None:
    path = f"/payments/{submitted()['id']}/history"
    assert call("payments", HISTORY, path, token=user_token("u2"))[0] in {403, 404}


def test_an_unknown_payment_is_a_404() -> None:
    assert show("pay404", user_token())[0] == 404
    assert approve("pay404")[0] == 404


def test_an_approval_enrolls_in_everything_that_was_bought() -> None:
    payment = submitted(package="b1", course=None)
    status, approved = approve(payment["id"])
    assert (status, approved["status"], approved["approvedBy"]) == (200, "APPROVED", "a1")
    assert history(payment["id"]) == [("user:u1", "PAID"), ("admin:a1", "APPROVED")]
    for name in ("c1", "c2"):
        route = "GET /enrollments/course/{courseId}/status"
        path = f"/enrollments/course/{name}/status"
        _, enrollment = call("enrollments", route, path, token=user_token())
        assert enrollment["status"] == "ENROLLED"


def test_an_approval_costs_two_calls_to_the_table(calls: Counter[str]) -> None:
    payment_id = submitted(package="b1", course=None)["id"]
    calls.clear()
    assert approve(payment_id)[0] == 200
    assert calls == {"GetItem": 1, "TransactWriteItems": 1}


def test_approving_again_is_a_200_with_the_same_payment(calls: Counter[str]) -> None:
    payment_id = submitted()["id"]
    _, first = approve(payment_id, sub="a1")
    calls.clear()
    status, again = approve(payment_id, sub="a2")
    assert (status, again) == (200, first)
    assert calls == {"GetItem": 1}


@pytest.mark.parametrize("body", [None, {}, {"overbook": False}, "null"])
def test_an_approval_over_the_quota_is_a_409(catalog: Catalog, body: object) -> None:
    payment_id = submitted()["id"]
    catalog.put_course(course("c1", quota=0))
    status, problem = approve(payment_id, body)
    assert (status, problem["type"]) == (409, "urn:lunas:problem:course-full")
    assert show(payment_id, user_token())[1]["status"] == "PAID"


def test_overbooking_has_to_be_requested(catalog: Catalog) -> None:
    payment_id = submitted()["id"]
    catalog.put_course(course("c1", quota=0))
    assert approve(payment_id, {"overbook": True})[1]["status"] == "APPROVED"


def test_the_holder_of_the_last_place_can_have_a_bundle_approved(catalog: Catalog) -> None:
    bundle_id = submitted(package="b1", course=None)["id"]
    catalog.put_course(course("c1", quota=1))
    assert approve(submitted()["id"])[0] == 200
    status, approved = approve(bundle_id)
    assert (status, approved["status"]) == (200, "APPROVED")


def test_a_payment_at_duitku_cannot_be_approved_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    payment_id = purchases.initiated(monkeypatch)["id"]
    status, problem = approve(payment_id)
    assert (status, problem["type"]) == (409, "urn:lunas:problem:wrong-state")


@pytest.mark.parametrize("sub", ["u1", "u2"])
def test_a_user_cannot_approve(sub: str) -> None:
    payment_id = submitted()["id"]
    path = f"/payments/{payment_id}/approve"
    route = "PATCH /payments/{id}/approve"
    assert call("approve_payment", route, path, token=user_token(sub))[0] == 403
    headers = service_headers(service_token(scope="payments:read"))
    assert call("approve_payment", route, path, headers=headers)[0] == 403
    assert show(payment_id, user_token())[1]["status"] == "PAID"


def test_an_approval_is_logged_and_counted_without_personal_data(logged: Logged) -> None:
    approve(submitted()["id"])
    assert logged.messages() == ["manual payment taken", "payment settled"]
    assert logged.metrics() == ["PaymentApproved"]
    for kept_back in ("u1@example.com", "Santoso", PROOF):
        assert kept_back not in logged.text


LISTED, OF_USER = "GET /payments", "GET /payments/user/{userId}"
STRANGE_IDS = [
    "a/b",
    "a#b",
    "a?b=c",
    "100%",
    "%2F",
    'say "hi"',
    "back\\slash",
    "a b+c",
    "{userId}",
    "me/../you",
    "\u674e\u26a1",
    "auth0|5f7c8ec7",
    "..",
]


def ids(answer: tuple[int, Any]) -> list[str]:
    status, body = answer
    assert status == 200, body
    return [each["id"] for each in body["items"]]


@pytest.mark.parametrize("user", STRANGE_IDS)
def test_whatever_a_user_id_holds_its_user_lists_their_own_payments(user: str) -> None:
    mine, other = submitted(user)["id"], submitted("u2")["id"]
    token = user_token(user)
    assert ids(call("payments", OF_USER, "/payments/user/me", token=token)) == [mine]
    assert mine != other


@pytest.mark.parametrize("user", STRANGE_IDS)
def test_an_id_that_is_percent_encoded_in_the_path_is_decoded(user: str) -> None:
    mine = submitted(user)["id"]
    event = request(OF_USER, f"/payments/user/{user}", token=user_token("a1", role="ADMIN"))
    event["pathParameters"] = {"userId": user}
    answer = invoke("payments", event)
    assert ids((answer["statusCode"], json.loads(answer["body"]))) == [mine]


def test_me_is_only_the_caller() -> None:
    submitted("u1")
    assert ids(call("payments", OF_USER, "/payments/user/me", token=user_token("u2"))) == []


def test_users_with_a_common_id_prefix_are_separate() -> None:
    first, second = submitted("a#b")["id"], submitted("a")["id"]
    token = user_token("a1", role="ADMIN")
    assert ids(call("payments", OF_USER, "/payments/user/a", token=token)) == [second]
    assert first != second


def test_csv_holds_all_rows_whatever_the_page_limit() -> None:
    made = {str(submitted(f"u{number}")["id"]) for number in range(30)}
    headers = {"accept": "text/csv, application/json;q=0.1"}
    event = request(
        LISTED, token=user_token("a1", role="ADMIN"), headers=headers, query={"limit": "2"}
    )
    answer = invoke("payments", event)
    assert answer["body"].startswith("\ufeffid,userId,")
    rows = list(csv.DictReader(io.StringIO(answer["body"].removeprefix("\ufeff"), newline="")))
    assert {row["id"] for row in rows} == made
    assert "X-Next-Cursor" not in answer["headers"]


@pytest.mark.parametrize(("separator", "status"), [(";", 200), ("", 200), (",", 200), ("|", 422)])
def test_the_separator_is_a_comma_or_a_semicolon(separator: str, status: int) -> None:
    event = request(
        LISTED,
        token=user_token("a1", role="ADMIN"),
        headers={"accept": "text/csv"},
        query={"separator": separator},
    )
    answer = invoke("payments", event)
    assert answer["statusCode"] == status
    if status == 200:
        assert answer["body"].startswith(f"\ufeffid{separator or ';'}userId")


def test_a_day_in_jakarta_holds_the_payments_made_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make payments around the midnights of 2026-11-29 in Jakarta, which are at 17:00 UTC."""
    made = {}
    for at in ("2026-11-28T16:59:59", "2026-11-28T17:00:00", "2026-11-29T16:59:59"):
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        monkeypatch.setattr(payment_services, "now", lambda moment=moment: moment)
        made[at] = submitted(f"u{at[8:].replace(':', '')}")["id"]
    token = user_token("a1", role="ADMIN")
    day = {"from": "2026-11-29", "to": "2026-11-29"}
    found = ids(call("payments", LISTED, query=day, token=token))
    assert found == [made["2026-11-29T16:59:59"], made["2026-11-28T17:00:00"]]
    instants = {"from": "2026-11-29T00:00:00 07:00", "to": "2026-11-29T16:59:59Z"}
    found = ids(call("payments", LISTED, query=instants, token=token))
    assert found == [made["2026-11-28T17:00:00"]]
    monkeypatch.setenv("TIME_ZONE", "Asia/Jakart")
    assert ids(call("payments", LISTED, query=day, token=token)) == [
        made["2026-11-29T16:59:59"],
        made["2026-11-28T17:00:00"],
    ]


@pytest.mark.parametrize(
    "body",
    [
        r'{"\ud83d": "\ud83d"}',
        r'{"\ud83d": {"a": "\ud83d"}}',
        r'{"budi@example.com": "\ud83d"}',
        r'{"customer": {"budi@example.com": ["\ud83d"]}}',
    ],
)
def test_an_unknown_field_name_is_neither_logged_nor_answered(body: str, logged: Logged) -> None:
    answer = invoke("payments", request("POST /payments", body=body, token=user_token()))
    assert answer["statusCode"] == 422
    assert (answer["body"] + logged.text).encode()
    assert "@example.com" not in answer["body"] + logged.text
