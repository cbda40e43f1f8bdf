"""Reading and verifying callbacks, mostly forged and malformed ones."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.callback_evidence import Signature
from lunas.domain.errors import Forbidden, LunasError, MalformedInput
from lunas.gateways.base import Reading
from lunas.gateways.duitku import signatures
from lunas.gateways.duitku.callbacks import Callback, Verifier, parse_callback, verified
from tests.support.builders import evidence
from tests.support.duitku_vectors import CALLBACKS, LEGACY_CALLBACKS, B, Project

FIELDS = {
    "merchantCode": B.merchant,
    "amount": B.amount,
    "merchantOrderId": B.order,
    "signature": "s" * 64,
}
VERIFIER = Verifier(B.merchant, B.key)


def form(**changes: str | None) -> bytes:
    """Write a callback; None leaves a field out."""
    kept = {name: value for name, value in {**FIELDS, **changes}.items() if value is not None}
    return urlencode(kept).encode()


def signed(of: Project, signature: str) -> Callback:
    return Callback(of.merchant, of.amount, of.order, signature, {})


def valid(**changes: str) -> Callback:
    """Build a callback of the project B with a valid signature."""
    made = signed(B._replace(**changes), "")
    signature = signatures.callback_signature(made.merchant_code, made.amount, made.order_id, B.key)
    return replace(made, signature=signature)


def test_the_four_required_fields_are_enough() -> None:
    read = parse_callback(form())
    assert (read.merchant_code, read.amount) == (B.merchant, "150000")
    assert (read.order_id, read.signature) == (B.order, "s" * 64)
    assert (read.rupiah, dict(read.evidence)) == (150_000, {})


@pytest.mark.parametrize("name", FIELDS)
@pytest.mark.parametrize("value", [None, ""])
def test_a_callback_without_a_required_field_is_malformed(name: str, value: str | None) -> None:
    with pytest.raises(MalformedInput, match=name):
        parse_callback(form(**{name: value}))


@pytest.mark.parametrize("name", [*FIELDS, "resultCode", "unknown"])
def test_a_doubled_field_is_refused_even_with_equal_values(name: str) -> None:
    body = form(resultCode="00", unknown="x")
    value = parse_value(body, name)
    with pytest.raises(MalformedInput, match="twice"):
        parse_callback(body + f"&{name}={value}".encode())


def parse_value(body: bytes, name: str) -> str:
    return next(
        part.partition("=")[2] for part in body.decode().split("&") if part.startswith(f"{name}=")
    )


def test_a_field_doubled_under_an_escaped_name_is_refused() -> None:
    with pytest.raises(MalformedInput, match="twice"):
        parse_callback(form() + b"&%61mount=1")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"&&&",
        b"\xff\xfe",
        b"merchantCode=\xe9&" + form(),
        form() + b"&x=%ff",
        form() + b"&x=%ED%A0%80",
        b'{"merchantCode": "D", "amount": "1"}',
        b"\x00" * 100,
        form() + b"".join(b"&f%d=1" % number for number in range(1000)),
        form(amount="1" * 10_000),
        b"=" * 500,
    ],
    ids=[
        "empty", "separators", "not a text", "latin-1", "bad escape", "surrogate", "json", "zeros",
        "thousand fields", "huge amount", "equal signs",
    ],
)  # fmt: skip
def test_a_body_that_is_not_a_form_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedInput):
        parse_callback(body)


@pytest.mark.parametrize("garbage", ["%", "%zz", "%2", "%%%"])
def test_invalid_escapes_are_kept_unchanged(garbage: str) -> None:
    read = parse_callback(form() + f"&paymentCode={garbage}".encode())
    assert read.evidence["paymentCode"] == garbage


def test_unknown_and_personal_fields_are_accepted_and_not_kept() -> None:
    read = parse_callback(form(customerName="Budi", merchantUserId="u1", brandNew="x"))
    assert dict(read.evidence) == {}


def test_unsigned_fields_are_kept_as_evidence_within_a_length() -> None:
    read = parse_callback(form(resultCode="00", reference="R" * 9000, paymentCode="BC"))
    assert (read.evidence["resultCode"], read.evidence["paymentCode"]) == ("00", "BC")
    assert len(read.evidence["reference"]) == 255


@pytest.mark.parametrize("amount", ["150000.00", "0150000", "150000.5", "1", "9" * 12])
def test_an_amount_is_kept_as_received(amount: str) -> None:
    assert parse_callback(form(amount=amount)).amount == amount


@pytest.mark.parametrize(
    "amount",
    [
        "abc", "-1", "+1", "\uff11", " 1", "1 ", "1\n", "1,5", "1.", ".5", "1.234", "1.5.5", "1e3",
        "1" * 13, "D1",
    ],
)  # fmt: skip
def test_an_amount_that_is_not_a_plain_number_is_malformed(amount: str) -> None:
    with pytest.raises(MalformedInput, match="amount"):
        parse_callback(form(amount=amount))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_malformed(body: bytes) -> None:
    try:
        parse_callback(body)
    except MalformedInput:
        return


@given(
    st.dictionaries(st.sampled_from([*FIELDS, "resultCode", "x"]), st.text(), max_size=6),
    st.binary(max_size=20),
)
def test_any_form_is_read_or_malformed(fields: dict[str, str], tail: bytes) -> None:
    encoded = urlencode(fields, errors="surrogatepass").encode()
    try:
        read = parse_callback(encoded + tail)
    except MalformedInput:
        return
    assert all([read.merchant_code, read.amount, read.order_id, read.signature])


@pytest.mark.parametrize(("of", "signature"), CALLBACKS)
def test_a_valid_signature_is_accepted(of: Project, signature: str) -> None:
    assert Verifier(of.merchant, of.key).verify(signed(of, signature)) is Signature.VALID


def test_decimals_are_part_of_what_is_signed() -> None:
    whole = CALLBACKS[1][1]
    with pytest.raises(Forbidden):
        VERIFIER.verify(signed(B._replace(amount="150000.00"), whole))


@pytest.mark.parametrize("name", ["amount", "order"])
def test_a_callback_altered_after_signing_is_refused(name: str) -> None:
    signature = CALLBACKS[1][1]
    altered = B._replace(**{name: f"{getattr(B, name)}0"})
    with pytest.raises(Forbidden):
        VERIFIER.verify(signed(altered, signature))


@pytest.mark.parametrize("signature", ["", " ", "0" * 64, CALLBACKS[1][1].upper(), "é", "\x00"])
def test_a_wrong_signature_is_refused(signature: str) -> None:
    with pytest.raises(Forbidden):
        VERIFIER.verify(signed(B, signature))


@pytest.mark.parametrize("legacy", [True, False])
@pytest.mark.parametrize("scheme", ["hmac", "md5"])
def test_an_empty_key_verifies_nothing(legacy: bool, scheme: str) -> None:
    sign = (
        signatures.callback_signature if scheme == "hmac" else signatures.legacy_callback_signature
    )
    forged = signed(B, sign(B.merchant, B.amount, B.order, ""))
    with pytest.raises(LunasError):
        Verifier(B.merchant, "", legacy).verify(forged)


def test_a_callback_for_another_merchant_is_refused_despite_a_valid_signature() -> None:
    with pytest.raises(Forbidden, match="merchant"):
        VERIFIER.verify(valid(merchant="DS99999"))


@pytest.mark.parametrize(("of", "signature"), LEGACY_CALLBACKS)
def test_a_legacy_signature_is_refused_unless_the_setting_allows_it(
    of: Project, signature: str
) -> None:
    with pytest.raises(Forbidden):
        Verifier(of.merchant, of.key).verify(signed(of, signature))
    allowing = Verifier(of.merchant, of.key, legacy=True)
    assert allowing.verify(signed(of, signature)) is Signature.VALID_LEGACY


def test_with_the_setting_on_the_current_scheme_is_not_called_legacy() -> None:
    assert Verifier(B.merchant, B.key, legacy=True).verify(valid()) is Signature.VALID


def test_the_result_code_is_not_signed() -> None:
    one = replace(valid(), evidence={"resultCode": "00"})
    other = replace(one, evidence={"resultCode": "01"})
    assert VERIFIER.verify(one) is VERIFIER.verify(other) is Signature.VALID


@pytest.mark.parametrize(
    ("order", "meant"),
    [
        ("00pay1", Reading("pay1", "15000000")),
        ("7pay1", Reading("pay1", "1500007")),
        ("pay1", None),
        ("pay100", None),
        ("100", None),
    ],
)
def test_only_digits_before_an_order_id_are_read_as_part_of_the_amount(
    order: str, meant: Reading | None
) -> None:
    assert verified(valid(amount="150000", order=order), evidence()).shifted == meant


@pytest.mark.parametrize("signature", ["", "0" * 64])
def test_a_wrong_signature_can_be_checked_without_an_error(signature: str) -> None:
    assert VERIFIER.check(signed(B, signature)) is Signature.DIFFERS


def test_a_valid_signature_for_another_merchant_is_checked_as_valid() -> None:
    assert VERIFIER.check(valid(merchant="DS99999")) is Signature.VALID


@pytest.mark.parametrize("signature", ["", "0" * 32, "0" * 64, "s"])
def test_a_forgery_is_refused_where_the_legacy_scheme_is_allowed_too(signature: str) -> None:
    allowing = Verifier(B.merchant, B.key, legacy=True)
    assert allowing.check(signed(B, signature)) is Signature.DIFFERS
    with pytest.raises(Forbidden):
        allowing.verify(signed(B, signature))


def test_a_field_that_is_doubled_by_an_empty_one_is_refused() -> None:
    with pytest.raises(MalformedInput, match="twice"):
        parse_callback(b"amount=&" + form())
