"""A proof that is sent twice is one payment: money that came once must not be approved twice."""

from typing import Any

import pytest

from lunas.storage.catalog import Catalog
from tests.integration.layer import providers
from tests.integration.layer.purchases import PROOF, approve
from tests.support.api_requests import user_token
from tests.support.builders import course, package
from tests.support.functions import call

pytestmark = pytest.mark.usefixtures("catalog")
ROUTE = "POST /payments"


def send(
    sub: str = "u1", *, key: str | None = None, package: str = "p1", **changes: Any
) -> tuple[int, Any]:
    """Send the proof of a transfer."""
    body = {"packageId": package, "courseId": "c1", "paymentType": "UMUM", "proofLink": PROOF}
    headers = None if key is None else {"idempotency-key": key}
    asked = {**body, **changes}
    return call("payments", ROUTE, body=asked, token=user_token(sub), headers=headers)


def reject(payment_id: str) -> int:
    path = f"/payments/{payment_id}/reject"
    body, token = {"reason": "no such transfer"}, user_token("a1", "ADMIN")
    return call("approve_payment", "PATCH /payments/{id}/reject", path, body=body, token=token)[0]


def test_the_same_purchase_again_returns_the_waiting_payment() -> None:
    status, first = send()
    again, second = send(proofLink="https://proof.example/2")
    assert (status, again) == (201, 200)
    assert second == first
    assert second["proofLink"] == PROOF


def test_once_it_is_rejected_the_learner_can_send_another_proof() -> None:
    _, first = send()
    assert reject(first["id"]) == 200
    status, second = send(proofLink="https://proof.example/2")
    assert (status, second["status"], second["proofLink"]) == (
        201,
        "PAID",
        "https://proof.example/2",
    )
    assert second["id"] != first["id"]
    assert send()[1]["id"] == second["id"]


def test_once_it_is_approved_there_is_nothing_to_buy() -> None:
    _, first = send()
    assert approve(first["id"])[0] == 200
    status, problem = send()
    assert (status, problem["type"]) == (409, "urn:lunas:problem:already-enrolled")


def test_once_it_is_refunded_it_can_be_bought_again() -> None:
    _, first = send()
    approve(first["id"])
    path = f"/payments/{first['id']}/refund"
    body, token = {"reason": "cancelled"}, user_token("a1", "ADMIN")
    assert (
        call("refund_payment", "POST /payments/{id}/refund", path, body=body, token=token)[0] == 200
    )
    status, second = send()
    assert (status, second["id"] != first["id"]) == (201, True)


def test_another_course_another_package_and_another_learner_are_other_purchases(
    catalog: Catalog,
) -> None:
    catalog.put_package(package(id="p2"))
    answers = [send(), send(courseId="c2"), send(package="b1", courseId=None), send("u2")]
    answers.append(send(package="p2"))
    assert [status for status, _ in answers] == [201] * 5
    assert len({payment["id"] for _, payment in answers}) == 5


def test_a_payment_open_at_duitku_is_another_way_to_pay(monkeypatch: pytest.MonkeyPatch) -> None:
    providers.answers(monkeypatch, "initiate_payment", providers.invoice())
    wanted = {"packageId": "p1", "courseId": "c1"}
    _, open_one = call(
        "initiate_payment", "POST /payments/initiate", body=wanted, token=user_token()
    )
    status, sent = send()
    assert (status, sent["id"] != open_one["id"]) == (201, True)
    assert send()[1]["id"] == sent["id"]


def test_a_waiting_payment_is_found_although_its_course_is_full(catalog: Catalog) -> None:
    _, first = send()
    catalog.put_course(course("c1", quota=0))
    assert send() == (200, first)
    assert send("u2")[0] == 409


@pytest.mark.parametrize(
    ("changes", "status"),
    [({"paymentType": "DIKE"}, 422), ({"proofLink": "http://x.example"}, 422)],
    ids=str,
)
def test_an_invalid_form_is_refused_the_second_time_too(
    changes: dict[str, str], status: int
) -> None:
    assert send()[0] == 201
    assert send(**changes)[0] == status


def test_the_same_key_does_the_same_thing_once() -> None:
    status, first = send(key="k1")
    assert (status, first["status"]) == (201, "PAID")
    assert send(key="k1") == (201, first)
    assert send(key="k2") == (200, first)
    reject(first["id"])
    # The payment as it is now: a key names the form that was sent, not the purchase.
    status, again = send(key="k1")
    assert (status, again["id"], again["status"]) == (201, first["id"], "REJECTED")
    status, fresh = send(key="k3")
    assert (status, fresh["id"] != first["id"]) == (201, True)


def test_the_same_key_with_another_form_is_refused() -> None:
    send(key="k1")
    status, problem = send(key="k1", courseId="c2")
    assert (status, problem["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_a_key_of_one_route_does_not_apply_to_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    providers.answers(monkeypatch, "initiate_payment", providers.invoice())
    _, sent = send(key="k1")
    status, opened_one = call(
        "initiate_payment",
        "POST /payments/initiate",
        body={"packageId": "p1", "courseId": "c2"},
        token=user_token(),
        headers={"idempotency-key": "k1"},
    )
    assert (status, opened_one["id"] != sent["id"]) == (201, True)


def test_the_key_of_another_learner_is_another_key() -> None:
    (_, mine), (status, theirs) = send(key="k1"), send("u2", key="k1", courseId="c2")
    assert (status, theirs["userId"], mine["userId"]) == (201, "u2", "u1")


def test_a_key_has_255_characters_at_most() -> None:
    status, problem = send(key="k" * 256)
    assert (status, problem["errors"][0]["field"]) == (422, "idempotency-key")
    assert send(key="k" * 255)[0] == 201


@pytest.mark.parametrize("blank", ["", " ", "\t", "\u200b"], ids=repr)
def test_a_blank_key_counts_as_omitted(blank: str) -> None:
    (first, one), (again, same), (other, two) = (
        send(key=blank), send(key=blank), send(key=blank, courseId="c2"),
    )  # fmt: skip
    assert (first, again, other) == (201, 200, 201)
    assert one == same
    assert two["id"] != one["id"]
