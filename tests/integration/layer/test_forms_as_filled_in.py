"""Forms as users fill them in: usable values are accepted, others are named by field."""

from typing import Any

import pytest

from lunas.storage.payments import Payments
from tests.integration.layer import providers
from tests.support.api_requests import user_token
from tests.support.functions import call
from tests.support.http_stub import Reply, StubProvider

pytestmark = pytest.mark.usefixtures("catalog")
INITIATE, SUBMIT = "POST /payments/initiate", "POST /payments"
WANTED = {"packageId": "p1", "courseId": "c1"}
PROOF = {**WANTED, "paymentType": "UMUM", "proofLink": "https://proof.example/1"}
BUDI = {"firstName": "Budi", "lastName": "Santoso", "email": "budi@shop.example"}
ZERO_WIDTH, NO_BREAK, EMBED, POP, BOM, SOFT = (
    "\u200b", "\u00a0", "\u202a", "\u202c", "\ufeff", "\u00ad",
)  # fmt: skip
UNWORKABLE = [
    "budi", "budi@kampus", "budi@", "@kampus.id", "bu di@kampus.id", "budi@kam pus.id",
    "budi@@kampus.id", "budi..s@kampus.id", ".budi@kampus.id", "budi.@kampus.id",
    "budi@.kampus.id", "budi@kampus..id", "budi@kampus.id.", "budi@-kampus.id",
    "budi@kampus-.id", "budi@10.0.0.1", "budi@[10.0.0.1]", "budi@kampus.1", "budi,s@kampus.id",
    "b@kampus.id,c@kampus.id", "<budi@kampus.id>", "b\u00fcdi@kampus.id", '"b d"@kampus.id',
    "budi@kampus_a.id", "budi@kampus.i", "b" * 65 + "@kampus.id", "b@" + "k" * 64 + ".id",
    "b@" + ".".join(["k" * 60] * 5) + ".id", "budi@kam\npus.id",
]  # fmt: skip
"""Values that Thinkific or Duitku would refuse after the payment."""


def initiate(
    monkeypatch: pytest.MonkeyPatch, body: Any = None, **claims: Any
) -> tuple[int, Any, StubProvider]:
    """Open a payment with the fields of a form beside the course."""
    provider = providers.answers(monkeypatch, "initiate_payment", providers.invoice())
    wanted = {**WANTED, **(body or {})}
    status, content = call("initiate_payment", INITIATE, body=wanted, token=user_token(**claims))
    return status, content, provider


def submit(body: Any = None, **claims: Any) -> tuple[int, Any]:
    """Send the proof of a transfer."""
    return call("payments", SUBMIT, body={**PROOF, **(body or {})}, token=user_token(**claims))


def fields(problem: Any) -> list[str]:
    return [each["field"] for each in problem["errors"]]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"firstName": "Budi"}, {"firstName": "Budi"}),
        ({"firstName": "Budi", "lastName": " "}, {"firstName": "Budi"}),
        ({"firstName": "Budi", "lastName": None}, {"firstName": "Budi"}),
        ({"firstName": "", "lastName": "Budi"}, {"firstName": "Budi"}),
        ({"lastName": "Budi"}, {"firstName": "Budi"}),
        ({"firstName": "Siti Nur Haliza", "lastName": ""},
         {"firstName": "Siti Nur", "lastName": "Haliza"}),
        ({"firstName": NO_BREAK, "lastName": "Siti Haliza"},
         {"firstName": "Siti", "lastName": "Haliza"}),
        ({"firstName": f" Bu{SOFT}di {ZERO_WIDTH}", "lastName": f"{BOM}San{NO_BREAK} toso"},
         {"firstName": "Budi", "lastName": "San toso"}),
        ({"firstName": "Bu\u0000di\u0007", "lastName": "\u009bSan\u000btoso\u007f"},
         {"firstName": "Budi", "lastName": "San toso"}),
        ({"firstName": "\u0000\u001f", "lastName": "Budi"}, {"firstName": "Budi"}),
        ({"firstName": "x" * 60, "lastName": "y" * 60},
         {"firstName": "x" * 60, "lastName": "y" * 60}),
    ],
    ids=str,
)  # fmt: skip
def test_a_name_is_taken_as_written_in_the_form(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], shown: dict[str, str]
) -> None:
    customer = {"email": "budi@shop.example", **given}
    status, payment, provider = initiate(monkeypatch, {"customer": customer})
    assert (status, payment["customer"]) == (201, {**shown, "email": "budi@shop.example"})
    sent = provider.asked[0].body
    assert sent["customerDetail"]["firstName"] == shown["firstName"][:50]
    assert sent["customerVaName"] == " ".join(shown.values())[:20].strip()


def test_a_learner_of_one_word_has_both_names_that_thinkific_wants(
    monkeypatch: pytest.MonkeyPatch, payments: Payments
) -> None:
    customer = {"firstName": "Budi", "lastName": "", "email": "budi@shop.example"}
    status, shown, _ = initiate(monkeypatch, {"customer": customer}, name=None, email=None)
    kept = payments.get(shown["id"])
    assert status == 201
    assert kept
    assert (kept.learner.first_name, kept.learner.last_name) == ("Budi", "Budi")


@pytest.mark.parametrize(
    "blank",
    [
        {"customer": {"firstName": "", "lastName": " ", "email": "", "phone": ""}},
        {"customer": {"firstName": None, "lastName": ZERO_WIDTH, "email": NO_BREAK}},
        {"customer": {}},
        {"customer": ""},
        {"customer": None},
        {"paymentMethod": ""},
        {"paymentMethod": "  "},
        {"returnUrl": ""},
        {"returnUrl": ZERO_WIDTH},
        {"customer": {**BUDI, "email": "u1@example.com", "phone": " "}},
    ],
    ids=str,
)
def test_a_blank_optional_field_counts_as_omitted(
    monkeypatch: pytest.MonkeyPatch, blank: dict[str, Any]
) -> None:
    status, payment, provider = initiate(monkeypatch, blank)
    assert (status, payment["gateway"]["reference"]) == (201, "R1")
    assert payment["customer"] == {**BUDI, "email": "u1@example.com"}
    assert provider.asked[0].path.endswith("createInvoice")
    assert provider.asked[0].body["returnUrl"] == "https://shop.test/back"


@pytest.mark.parametrize("blank", ["", "  ", ZERO_WIDTH, None])
def test_a_bundle_is_bought_by_a_form_with_a_blank_course(
    monkeypatch: pytest.MonkeyPatch, blank: str | None
) -> None:
    bundle = {"packageId": "b1", "courseId": blank}
    assert initiate(monkeypatch, bundle)[0] == 201
    assert submit(bundle, sub="u2")[0] == 201


def test_invisible_characters_and_spaces_around_ids_are_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    status, payment, provider = initiate(
        monkeypatch,
        {"packageId": f" p1{ZERO_WIDTH}", "courseId": f"{BOM}c1 ", "paymentMethod": " bc "},
    )
    assert (status, payment["packageId"], payment["courseId"]) == (201, "p1", "c1")
    assert provider.asked[0].body["paymentMethod"] == "BC"
    assert submit({"packageId": "p1 ", "courseId": "c1\u200e", "paymentType": " UMUM"})[0] == 201


@pytest.mark.parametrize(
    "typed",
    [
        "  budi@shop.example ", f"{NO_BREAK}budi@shop.example{ZERO_WIDTH}",
        f"{EMBED}budi@shop.example{POP}", f"bu{SOFT}di@shop.example", "budi@shop.example\u200e\n",
        f"{BOM}budi@shop\u2060.example",
    ],
)  # fmt: skip
def test_characters_around_an_address_are_dropped(
    monkeypatch: pytest.MonkeyPatch, payments: Payments, typed: str
) -> None:
    status, payment, provider = initiate(
        monkeypatch, {"customer": {**BUDI, "email": typed}}, email=typed
    )
    assert (status, payment["customer"]["email"]) == (201, "budi@shop.example")
    assert provider.asked[0].body["email"] == "budi@shop.example"
    kept = payments.get(payment["id"])
    assert kept
    assert kept.learner.email == "budi@shop.example"
    manual = payments.get(submit({"courseId": "c2"}, email=typed)[1]["id"])
    assert manual
    assert manual.learner.email == "budi@shop.example"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("0812-3456-7890", "+6281234567890"),
        ("+62 812 3456 7890", "+6281234567890"),
        ("+62 (0)812-3456-7890", "+6281234567890"),
        ("+62 0812 3456 7890", "+6281234567890"),
        ("6281234567890", "+6281234567890"),
        ("62 812 3456 7890", "+6281234567890"),
        ("0062 812 3456 7890", "+6281234567890"),
        ("812 3456 7890", "+6281234567890"),
        ("(+62) 812.3456.7890", "+6281234567890"),
        ("tel:+62812-3456-7890", "+6281234567890"),
        (f"{EMBED}+62 812\u20113456\u20117890{POP}", "+6281234567890"),
        (f"{ZERO_WIDTH}0812{NO_BREAK}3456{NO_BREAK}7890{BOM}", "+6281234567890"),
        ("\uff10\uff18\uff11\uff12-3456-7890", "+6281234567890"),
        ("\uff0b62 812 3456 7890", "+6281234567890"),
        ("0812 \u2013 3456 \u2014 7890", "+6281234567890"),
        ("0812/3456/7890", "+6281234567890"),
        ("(021) 555 1234", "+62215551234"),
        ("021-5551234", "+62215551234"),
        ("(0271) 123456", "+62271123456"),
        ("+65 9123 4567", "+6591234567"),
        ("0065 9123 4567", "+6591234567"),
        ("+1 (650) 253-0000", "+16502530000"),
        ("+44 20 7946 0958", "+442079460958"),
    ],
)  # fmt: skip
def test_a_phone_number_in_any_common_format_is_normalized(
    monkeypatch: pytest.MonkeyPatch, typed: str, kept: str
) -> None:
    status, payment, provider = initiate(monkeypatch, {"customer": {**BUDI, "phone": typed}})
    assert (status, payment.get("customer", {}).get("phone")) == (201, kept)
    sent = provider.asked[0].body
    assert sent["phoneNumber"] == sent["customerDetail"]["phoneNumber"] == kept.removeprefix("+")


@pytest.mark.parametrize(
    "typed",
    ["12", "0812", "call me", "0812-SATU-DUA", "1" * 30, "( ) - ( )", "+", "+62", "+0", "00",
     "0812 3456 7890 / 0813 1111 2222", "0000000000", "+999 1234 5678", "0812;3456", "0,5"],
)  # fmt: skip
def test_an_invalid_phone_number_is_named(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    status, problem, provider = initiate(monkeypatch, {"customer": {**BUDI, "phone": typed}})
    assert (status, fields(problem), provider.asked) == (422, ["customer.phone"], [])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Https://proof.example/a", "https://proof.example/a"),
        ("HTTPS://Proof.example/A ", "https://Proof.example/A"),
        (f" https://proof.example/a{NO_BREAK}", "https://proof.example/a"),
        (f"{ZERO_WIDTH}https://proof.example/a\n", "https://proof.example/a"),
        (f"{EMBED}https://proof.example/{SOFT}a{POP}", "https://proof.example/a"),
    ],
)
def test_a_link_is_taken_as_it_was_typed_or_pasted(
    monkeypatch: pytest.MonkeyPatch, typed: str, kept: str
) -> None:
    status, payment = submit({"proofLink": typed})
    assert (status, payment.get("proofLink")) == (201, kept)
    status, _, provider = initiate(monkeypatch, {"courseId": "c2", "returnUrl": typed})
    assert (status, provider.asked and provider.asked[0].body["returnUrl"]) == (201, kept)


@pytest.mark.parametrize("link", ["https://a b.example", "Http://proof.example", "HTTPS://", "x y"])
def test_an_invalid_link_is_named(link: str) -> None:
    status, problem = submit({"proofLink": link})
    assert (status, fields(problem)) == (422, ["proofLink"])


@pytest.mark.parametrize(
    ("customer", "named"),
    [
        ({"email": "budi@shop.example"}, ["customer.firstName"]),
        ({"firstName": " ", "lastName": "", "email": "b@c.id"}, ["customer.firstName"]),
        ({"firstName": "Budi"}, ["customer.email"]),
        ({"firstName": "Budi", "email": ZERO_WIDTH}, ["customer.email"]),
        ({"firstName": "x" * 101, "email": "b@c.id"}, ["customer.firstName"]),
        ({**BUDI, "lastName": "x" * 101}, ["customer.lastName"]),
        ({**BUDI, "firstName": 7}, ["customer.firstName"]),
        ({**BUDI, "email": "b" * 40 + "@shop.example"}, ["customer.email"]),
        ({"phone": "0812 3456 7890"}, ["customer.email", "customer.firstName"]),
    ],
    ids=str,
)
def test_missing_customer_fields_are_named(
    monkeypatch: pytest.MonkeyPatch, customer: dict[str, Any], named: list[str]
) -> None:
    status, problem, provider = initiate(monkeypatch, {"customer": customer})
    assert (status, sorted(fields(problem)), provider.asked) == (422, named, [])


@pytest.mark.parametrize("address", UNWORKABLE)
def test_an_unusable_address_is_refused_before_payment(
    monkeypatch: pytest.MonkeyPatch, payments: Payments, address: str
) -> None:
    status, problem = submit(email=address)
    assert (status, fields(problem)) == (422, ["email"])
    assert address not in str(problem["errors"])
    status, problem, provider = initiate(monkeypatch, email=address)
    assert (status, fields(problem), provider.asked) == (422, ["email"], [])
    # The token decides about the account, whatever address the invoice has.
    status, problem, provider = initiate(monkeypatch, {"customer": BUDI}, email=address)
    assert (status, fields(problem), provider.asked) == (422, ["email"], [])
    status, problem, provider = initiate(monkeypatch, {"customer": {**BUDI, "email": address}})
    assert (status, fields(problem), provider.asked) == (422, ["customer.email"], [])
    assert payments.slot("u1", "p1", "c1").newest is None


@pytest.mark.parametrize(
    "address",
    ["b@c.id", "budi+kursus@mail.kampus.ac.id", "o'neil_x-1@sub-a.example", "B.S@KAMPUS.AC.ID",
     "123@qq.com", "a/b=c@d.museum"],
)  # fmt: skip
def test_a_usable_address_is_accepted(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert initiate(monkeypatch, email=address)[0] == 201
    status, payment = submit({"courseId": "c2"}, email=address)
    assert (status, payment["customer"]["email"]) == (201, address)


def test_the_domain_of_an_address_may_be_written_in_any_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, payment, provider = initiate(monkeypatch, email="budi@b\u00fccher.example")
    assert payment["customer"]["email"] == "budi@xn--bcher-kva.example"
    assert provider.asked[0].body["email"] == "budi@xn--bcher-kva.example"


@pytest.mark.parametrize("address", [None, "", "  ", ZERO_WIDTH])
def test_a_token_without_an_address_needs_one_from_the_form(
    monkeypatch: pytest.MonkeyPatch, payments: Payments, address: str | None
) -> None:
    status, payment, _ = initiate(monkeypatch, {"customer": BUDI}, email=address)
    kept = payments.get(payment["id"])
    assert status == 201
    assert kept
    assert kept.learner.email == "budi@shop.example"
    status, problem, _ = initiate(monkeypatch, {"courseId": "c2"}, email=address)
    assert (status, fields(problem)) == (422, ["customer"])
    # A manual payment has no customer to take it from.
    status, problem = submit(email=address)
    assert (status, fields(problem)) == (422, ["email"])
    assert "token" in problem["errors"][0]["message"]


def test_an_address_too_long_for_an_invoice_is_accepted_for_a_transfer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    long = "b" * 45 + "@kampus.example"
    assert submit(email=long)[0] == 201
    status, problem, _ = initiate(monkeypatch, {"courseId": "c2"}, email=long)
    assert (status, fields(problem)) == (422, ["customer.email"])


def test_blank_numbers_of_the_catalog_count_as_omitted() -> None:
    admin = user_token("a1", "ADMIN")
    blank = {"name": " Kelas\u00a0Satu ", "thinkificCourseId": "", "quota": " "}
    status, course = call("catalog", "PUT /courses/{id}", "/courses/c9", body=blank, token=admin)
    assert (status, course) == (200, {"id": "c9", "name": "Kelas Satu", "enrolled": 0})
    body = {
        "kind": "ENTRY ",
        "name": "Satu",
        "prices": {"DIKE": "", "UMUM": 49_000},
        "courseIds": [" c9\u200b"],
        "accessDays": "",
        "thinkificBundleId": " ",
    }
    status, package = call("catalog", "PUT /packages/{id}", "/packages/p9", body=body, token=admin)
    assert (status, package["prices"], package["courseIds"]) == (200, {"UMUM": 49_000}, ["c9"])
    assert "accessDays" not in package
    no_price = {**body, "prices": {"UMUM": " "}}
    status, problem = call(
        "catalog", "PUT /packages/{id}", "/packages/p9", body=no_price, token=admin
    )
    assert (status, fields(problem)) == (422, ["prices"])


def test_a_blank_choice_of_an_approval_counts_as_omitted() -> None:
    paid = submit()[1]["id"]
    path = f"/payments/{paid}/approve"
    status, _ = call(
        "approve_payment",
        "PATCH /payments/{id}/approve",
        path,
        body={"overbook": ""},
        token=user_token("a1", "ADMIN"),
    )
    assert status == 200


def test_a_blank_reason_counts_as_missing() -> None:
    path = f"/payments/{submit()[1]['id']}/reject"
    status, problem = call(
        "approve_payment",
        "PATCH /payments/{id}/reject",
        path,
        body={"reason": f" {ZERO_WIDTH}\n"},
        token=user_token("a1", "ADMIN"),
    )
    assert (status, fields(problem)) == (422, ["reason"])


@pytest.mark.parametrize("around", [" {} ", "\u200b{}", "\ufeff{}\u00a0", "\u0000{}"], ids=ascii)
def test_characters_around_a_query_value_are_dropped(
    monkeypatch: pytest.MonkeyPatch, around: str
) -> None:
    providers.answers(monkeypatch, "initiate_payment", Reply(200, {"paymentFee": []}))
    query = {"packageId": around.format("p1")}
    route = "GET /payments/methods"
    assert call("initiate_payment", route, query=query, token=user_token()) == (200, {"items": []})
    admin = user_token("a1", "ADMIN")
    for function, listed, values in (
        (
            "payments",
            "GET /payments",
            {"status": "PAID", "paymentType": "UMUM", "method": "MANUAL"},
        ),
        ("payments", "GET /payments", {"from": "2026-11-29", "to": "2026-11-29", "limit": "5"}),
        ("enrollments", "GET /enrollments", {"delivery": "FAILED", "courseId": "c1"}),
        ("enrollments", "GET /enrollments/my-enrollments", {"status": "ENROLLED", "limit": "5"}),
        ("anomalies", "GET /anomalies", {"status": "OPEN"}),
    ):
        typed = {name: around.format(value) for name, value in values.items()}
        assert call(function, listed, query=typed, token=admin) == (200, {"items": []})


def test_a_user_id_of_a_query_is_taken_as_it_is() -> None:
    route, path = "GET /enrollments/course/{courseId}/status", "/enrollments/course/c1/status"
    query = {"userId": " u1"}
    assert call("enrollments", route, path, query=query, token=user_token("u1"))[0] == 403
    assert call("enrollments", route, path, query=query, token=user_token(" u1"))[0] == 200


@pytest.mark.parametrize("given", ["p 1", "?", "-p1", "p" * 65])
def test_an_invalid_id_is_explained_in_words(given: str) -> None:
    answers = [
        call("initiate_payment", "GET /payments/methods", query={"packageId": given},
             token=user_token()),
        call("initiate_payment", INITIATE, body={"packageId": given}, token=user_token()),
        call("payments", SUBMIT, body={**PROOF, "packageId": given}, token=user_token()),
    ]  # fmt: skip
    for status, problem in answers:
        assert (status, fields(problem)) == (422, ["packageId"])
        message = problem["errors"][0]["message"]
        assert message.startswith("must be of 1 to 64 letters, digits")
        assert "[" not in message


def test_a_blank_id_in_a_query_counts_as_missing() -> None:
    route = "GET /payments/methods"
    status, problem = call("initiate_payment", route, query={"packageId": " "}, token=user_token())
    assert (status, fields(problem)) == (422, ["packageId"])


@pytest.mark.parametrize("channel", ["Q", "QRIS", "S-"])
def test_an_invalid_channel_is_explained_in_words(
    monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    status, problem, _ = initiate(monkeypatch, {"paymentMethod": channel})
    assert (status, fields(problem)) == (422, ["paymentMethod"])
    assert problem["errors"][0]["message"].startswith("must be two letters or digits")
