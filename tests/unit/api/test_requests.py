"""Request bodies: which values are accepted, and which field is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from lunas.api.requests import CourseBody, CustomerBody, InitiateBody, PackageBody, SubmitBody
from lunas.domain.users import Customer, PaymentType

CUSTOMER = {"firstName": "Budi", "lastName": "Santoso", "email": "budi@example.com"}
SUBMIT = {"packageId": "p1", "paymentType": "UMUM", "proofLink": "https://proof.example/1"}
PACKAGE: dict[str, Any] = {
    "kind": "ENTRY",
    "name": "Entry",
    "prices": {"UMUM": 49_000},
    "courseIds": ["c1"],
}


def accepted(value: str) -> bool:
    """Return whether a proof link is accepted."""
    try:
        SubmitBody.model_validate({**SUBMIT, "proofLink": value})
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    "link", ["https://a.example", "https://a.example:8443/x?y=1#z", "https://[::1]/x"]
)
def test_a_complete_https_url_is_accepted(link: str) -> None:
    assert accepted(link)


@pytest.mark.parametrize(
    "link",
    [
        "", "x", "http://a.example", "ftp://a.example", "//a.example", "https://", "https:///x",
        "javascript:alert(1)", "data:text/html,x", "https:a.example", "HTTPS://", "https://a b",
        "https://a.\nexample", "https://a.example\\@evil", "https://user@evil.example",
        "https://user:pw@evil.example", "https://[::1", "https://a.example:99999",
        "https://a.example/\x00", "http://localhost/x", f"https://a.example/{'x' * 2048}",
    ],
)  # fmt: skip
def test_any_other_url_is_refused(link: str) -> None:
    assert not accepted(link)


@pytest.mark.parametrize("url", ["http://localhost:3000/back", "http://127.0.0.1/back"])
def test_the_buyer_may_return_to_a_local_page(url: str) -> None:
    body = InitiateBody.model_validate({"packageId": "p1", "returnUrl": url})
    assert body.return_url == url


@pytest.mark.parametrize(
    "url", ["http://shop.example", "http://localhost.evil.example", "http://[::1]/"]
)
def test_any_other_page_to_return_to_needs_https(url: str) -> None:
    with pytest.raises(ValidationError):
        InitiateBody.model_validate({"packageId": "p1", "returnUrl": url})


def test_a_price_in_the_body_is_ignored() -> None:
    body = InitiateBody.model_validate({"packageId": "p1", "amount": 1, "price": 1, "userId": "x"})
    assert set(body.model_dump(exclude_none=True)) == {"package_id"}


def test_a_customer_is_read_and_trimmed() -> None:
    body = CustomerBody.model_validate(
        {**CUSTOMER, "firstName": "  Budi ", "phone": "+62 (21) 555-1234"}
    )
    assert body.to_rules() == Customer("Budi", "Santoso", "budi@example.com", "+62215551234")


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "budi"}, {"email": "a@b"}, {"email": "a@@b.co"}, {"email": "a b@c.co"},
        {"email": "a@b.co,c@d.co"}, {"email": "a@b\n.co"}, {"email": "<a@b.co>"}, {"email": ""},
        {"email": f"{'a' * 46}@b.co"}, {"firstName": "  ", "lastName": ""},
        {"firstName": "x" * 101}, {"phone": "12"}, {"phone": "call me"}, {"phone": "1" * 30},
    ],
    ids=str,
)  # fmt: skip
def test_a_customer_that_duitku_would_refuse_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CustomerBody.model_validate({**CUSTOMER, **changes})


def test_a_phone_number_needs_digits() -> None:
    with pytest.raises(ValidationError):
        CustomerBody.model_validate({**CUSTOMER, "phone": "( ) - ( )"})


@pytest.mark.parametrize("price", [9_999, 0, -1, 49_000.5, "49000", True, 10**10, None])
def test_a_price_is_a_whole_number_within_duitkus_limits(price: object) -> None:
    prices = {"UMUM": 49_000, "DIKE": price}
    if price is None:
        body = PackageBody.model_validate({**PACKAGE, "prices": prices})
        assert body.prices.to_rules() == {PaymentType.UMUM: 49_000}
        return
    with pytest.raises(ValidationError):
        PackageBody.model_validate({**PACKAGE, "prices": prices})


@pytest.mark.parametrize(("count", "valid"), [(0, False), (1, True), (90, True), (91, False)])
def test_a_package_has_one_to_ninety_courses(count: int, valid: bool) -> None:
    given = {**PACKAGE, "courseIds": [f"c{number}" for number in range(count)]}
    if valid:
        assert len(PackageBody.model_validate(given).course_ids) == count
        return
    with pytest.raises(ValidationError):
        PackageBody.model_validate(given)


@pytest.mark.parametrize(
    "changes",
    [{"quota": -1}, {"quota": 1.5}, {"quota": "3"}, {"thinkificCourseId": 0}, {"name": " "},
     {"thinkificCourseId": "7"}, {"thinkificCourseId": 2**53}],
    ids=str,
)  # fmt: skip
def test_a_course_with_invalid_values_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CourseBody.model_validate({"name": "Course", **changes})
