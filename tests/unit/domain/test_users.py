"""Learner and customer of a payment, from the token and the request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.errors import InvalidInput
from lunas.domain.texts import line
from lunas.domain.users import (
    Caller,
    Customer,
    Role,
    check_invoiceable,
    customer_of,
    learner_of,
    name_parts,
    own_address,
    split_name,
)
from tests.support.builders import USER_CALLER

OTHER = Customer("Citra", "Lain", "citra@example.com", "0812")
NAMELESS = Caller("u1", Role.USER, email="budi@example.com")
BARE = Caller("u1", Role.USER)


def test_the_learner_comes_from_the_token_not_from_the_invoice() -> None:
    learner = learner_of(USER_CALLER, OTHER)
    assert (learner.first_name, learner.last_name) == ("Budi", "Santoso")
    assert learner.email == "budi@example.com"


def test_values_missing_in_the_token_come_from_the_customer() -> None:
    learner = learner_of(NAMELESS, OTHER)
    assert (learner.first_name, learner.email) == ("Citra", "budi@example.com")
    assert learner_of(BARE, OTHER).email == "citra@example.com"


def test_a_blank_name_counts_as_none() -> None:
    assert learner_of(Caller("u1", Role.USER, name="  "), OTHER).first_name == "Citra"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        (("Budi", ""), ("Budi", "")),
        (("", "Budi"), ("Budi", "")),
        ((" Siti  Nur Haliza ", ""), ("Siti Nur", "Haliza")),
        (("\u200b", "Siti Haliza"), ("Siti", "Haliza")),
        (("Siti Nur", "Haliza Ayu"), ("Siti Nur", "Haliza Ayu")),
        (("", "\ufeff"), ("", "")),
    ],
)
def test_a_name_may_be_given_in_one_field(name: tuple[str, str], parts: tuple[str, str]) -> None:
    assert name_parts(*name) == parts


def test_a_name_of_one_word_is_first_and_last_name() -> None:
    learner = learner_of(BARE, Customer("Budi", "", "budi@example.com"))
    assert (learner.first_name, learner.last_name) == ("Budi", "Budi")


def test_an_overlong_name_is_cut() -> None:
    learner = learner_of(Caller("u1", Role.USER, email="a@b.co", name=f"{'x' * 400} y"), OTHER)
    assert (learner.first_name, learner.last_name) == ("x" * 100, "y")


@pytest.mark.parametrize("address", [None, " ", "\u200b", "budi@kampus", "budi"])
def test_a_token_with_an_unusable_address_is_refused(address: str | None) -> None:
    with pytest.raises(InvalidInput) as raised:
        own_address(Caller("u1", Role.USER, email=address))
    assert [each.field for each in raised.value.errors] == ["email"]
    assert "budi" not in str(raised.value)
    assert ("carries none" in str(raised.value)) is not bool(address and "b" in address)


def test_spaces_around_an_address_are_dropped() -> None:
    assert learner_of(Caller("u1", Role.USER, email=" a@b.co "), OTHER).email == "a@b.co"


def test_the_invoice_goes_to_the_named_customer() -> None:
    assert customer_of(USER_CALLER, OTHER) == OTHER


def test_without_a_customer_the_invoice_names_the_user_of_the_token() -> None:
    assert customer_of(USER_CALLER, None) == Customer("Budi", "Santoso", "budi@example.com")


def test_without_a_name_the_customer_is_named_by_the_address() -> None:
    assert customer_of(NAMELESS, None) == Customer("budi", "", "budi@example.com")


def test_a_purchase_without_customer_and_address_is_refused() -> None:
    with pytest.raises(InvalidInput):
        customer_of(BARE, None)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Budi", ("Budi", "Budi")),
        ("Budi Santoso", ("Budi", "Santoso")),
        ("  Siti   Nur\tHaliza ", ("Siti Nur", "Haliza")),
    ],
)
def test_a_name_is_split_at_its_last_space(name: str, parts: tuple[str, str]) -> None:
    assert split_name(name) == parts


@given(st.text().filter(lambda text: bool(line(text))))
def test_neither_part_of_a_name_is_ever_empty(name: str) -> None:
    first, last = split_name(name)
    assert first.strip()
    assert last.strip()


@pytest.mark.parametrize(("length", "taken"), [(50, True), (51, False)])
def test_an_address_must_fit_on_an_invoice(length: int, taken: bool) -> None:
    customer = Customer("Budi", "S", "b" * (length - 12) + "@example.com")
    assert len(customer.email) == length
    if taken:
        check_invoiceable(customer)
        return
    with pytest.raises(InvalidInput) as raised:
        check_invoiceable(customer)
    assert customer.email not in str(raised.value)


def test_an_actor_names_role_and_id() -> None:
    assert Caller("a1", Role.ADMIN).actor == "admin:a1"
