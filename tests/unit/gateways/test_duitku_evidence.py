"""Evidence of a callback: nothing that may be personal, and little of it."""

import hashlib
import json
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lunas.domain.callback_evidence import CallbackEvidence, Signature
from lunas.gateways.duitku.evidence import KEPT, MAX_NAMES, MAX_READ, UNREADABLE, reduced
from lunas.storage.callbacks import Callbacks
from lunas.storage.table import Table
from tests.support.builders import NOW

FORM = "application/x-www-form-urlencoded"
MARK = "\N{LOCK}"
"""Part of every value that must not be kept, and of nothing else."""
PERSONAL = (
    "customerName", "spUserHash", "merchantUserId", "additionalParam", "productDetail",
    "productDetails", "email", "phoneNumber", "signature", "cardName", "maskedNumber", "tokenId",
    "merchantCustomerId", "bankRespMsg", "issuerCode", "neverSeenBefore",
)  # fmt: skip
RIGHT = {"merchantOrderId": "pay1", "amount": "49000", "merchantCode": "DS12345"}


def keep(body: bytes, media_type: str = FORM) -> CallbackEvidence:
    return reduced(body, media_type, at=NOW, lifetime=timedelta(days=400), correlation_id="r1")


def keep_form(*pairs: tuple[str, str]) -> CallbackEvidence:
    return keep(urlencode([*RIGHT.items(), *pairs]).encode())


class Client:
    """Takes the request of one write."""

    def update_item(self, **request: Any) -> None:
        self.request = request


def update_of(evidence: CallbackEvidence) -> dict[str, Any]:
    """Return the request that writes evidence."""
    client = Client()
    Callbacks(Table(cast("Any", client), "lunas")).keep(evidence)
    return client.request


def written(evidence: CallbackEvidence) -> str:
    """Return what is written to the table, as text."""
    return json.dumps(update_of(evidence), default=str, ensure_ascii=False)


def size(value: Any) -> int:
    """Return the bytes of names and values in DynamoDB's notation."""
    if isinstance(value, dict):
        return sum(len(str(name).encode()) + 1 + size(each) for name, each in value.items())
    if isinstance(value, list):
        return sum(map(size, value))
    return len(str(value).encode())


def stored(evidence: CallbackEvidence) -> int:
    """Return about how many bytes the item has, with the overhead of the notation."""
    request = update_of(evidence)
    return size(request["Key"]) + size(request["ExpressionAttributeValues"])


NAMES = st.one_of(st.sampled_from([*KEPT, *PERSONAL]), st.text(max_size=40))
SECRETS = st.builds(lambda text: f"{MARK}{text}", st.text(max_size=30))


@pytest.mark.parametrize("name", PERSONAL)
def test_a_personal_field_is_kept_by_name_and_length_only(name: str) -> None:
    kept = keep_form((name, "Budi Santoso"))
    assert kept.others == {name: 12}
    assert "Budi" not in written(kept)
    assert kept.fields == RIGHT


@given(st.dictionaries(NAMES, SECRETS, max_size=60), st.booleans())
def test_no_value_outside_the_list_is_kept(fields: dict[str, str], doubled: bool) -> None:
    secret = [pair for pair in fields.items() if pair[0] not in KEPT]
    kept = keep_form(*secret, *(secret if doubled else []))
    named = {name for name, _ in secret if MARK in name}
    assert MARK not in written(kept)
    assert kept.fields == RIGHT
    assert len(kept.others) + kept.unnamed == len(secret)
    assert not named & kept.others.keys()


@given(st.lists(st.tuples(NAMES, st.text(max_size=3000)), max_size=90), st.booleans())
def test_evidence_is_small_for_any_callback(pairs: list[tuple[str, str]], wide: bool) -> None:
    wider = [(name, value + "\N{LOCK}" * 3000 * wide) for name, value in pairs]
    body = urlencode([*wider, *RIGHT.items()], errors="replace").encode()
    kept = reduced(body, "x" * 9000, at=NOW, lifetime=timedelta(days=3650), correlation_id="r" * 36)
    assert stored(kept) < 4096


def test_the_largest_evidence_there_can_be_is_small() -> None:
    full = [(name, "\N{LOCK}" * 250) for name in KEPT]
    more = [(f"{number:a>32}", "x") for number in range(100 - len(KEPT))]
    kept = keep(urlencode([*full, *more]).encode(), "\N{LOCK}" * 900)
    assert (set(kept.fields), len(kept.others)) == (set(KEPT), MAX_NAMES)
    assert kept.unnamed
    assert 2048 < stored(kept) < 4096


@given(st.binary(max_size=300))
def test_any_body_is_kept_by_its_digest_and_length(body: bytes) -> None:
    kept = keep(body)
    assert (kept.digest, kept.length) == (hashlib.sha256(body).hexdigest(), len(body))
    assert kept.digest.startswith(kept.short)
    assert len(kept.short) == 16


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"Budi Santoso",
        b"Budi=0812",
        b'{"customerName": "Budi", "amount": "1"}',
        b"customerName=Budi&phone=0812",
        b"merchantOrderId=pay1&customerName=Bud%ff",
        b"merchantOrderId=pay1" + b"&x=1" * 200,
        b"merchantOrderId=pay1&x=" + b"a" * MAX_READ,
    ],
    ids=[
        "empty", "not a text", "text", "pair", "json", "no field of Duitku's", "bad escape",
        "too many fields", "too long",
    ],
)  # fmt: skip
def test_a_body_that_is_not_a_callback_is_kept_as_digest_length_and_type(body: bytes) -> None:
    kept = keep(body, "text/plain")
    assert (kept.fields, kept.others, kept.unnamed) == ({}, {}, 0)
    assert (kept.order_id, kept.media_type) == (UNREADABLE, "text/plain")
    assert "Budi" not in written(kept)


@pytest.mark.parametrize("name", ["budi@example.com", "Budi Santoso", "081234", "a" * 33, "", "é"])
def test_an_invalid_name_is_counted_and_not_kept(name: str) -> None:
    kept = keep_form((name, "x"), ("customerName", "Budi"))
    assert (kept.others, kept.unnamed) == ({"customerName": 4}, 1)


def test_a_doubled_field_keeps_its_first_value_and_the_length_of_the_second() -> None:
    kept = keep_form(("amount", "49000"), ("amount", "1"))
    assert (kept.fields, kept.others) == (RIGHT, {"amount": 6})


def test_a_value_that_is_cut_shows_its_length() -> None:
    kept = keep_form(("reference", "R" * 65), ("resultCode", "0" * 64))
    assert kept.fields["reference"] == "R" * 64
    assert kept.fields["resultCode"] == "0" * 64
    assert kept.others == {"reference": 65}


@pytest.mark.parametrize("order", ["", None])
def test_a_callback_without_an_order_is_kept_with_its_other_fields(order: str | None) -> None:
    fields = {"amount": "1"} | ({} if order is None else {"merchantOrderId": order})
    kept = keep(urlencode(fields).encode())
    assert (kept.order_id, kept.fields["amount"]) == (UNREADABLE, "1")


def test_an_order_id_is_cut_to_what_duitku_allows() -> None:
    assert keep(urlencode({"merchantOrderId": "p" * 5000}).encode()).order_id == "p" * 50


def test_evidence_has_its_time_its_end_and_an_unchecked_signature() -> None:
    kept = keep_form()
    assert (kept.at, kept.until) == (NOW, NOW + timedelta(days=400))
    assert (kept.signature, kept.correlation_id) == (Signature.UNCHECKED, "r1")
