"""Requests that are no callback, by what is wrong with them, with the status of the refusal."""

import json
import uuid
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from tests.faults.forgeries.requests import (
    FORM,
    TYPE,
    CallbackRequest,
    Target,
    Write,
    altered,
    as_type,
    digest,
    doubled,
    form,
    hmac_of,
    raw,
    resigned,
    signed_by,
    with_bytes,
    without,
)
from tests.support.providers import sign

CALLBACK = ("merchantCode", "amount", "merchantOrderId")
"""The fields that the signature of a callback covers, in their order."""
OTHER_MERCHANT = "DS99999"
MEGABYTE = 1_000_000


def _of_other_merchant(target: Target) -> CallbackRequest:
    """Replay what Duitku sent to another merchant, signed with that merchant's key."""
    fields = {**target.right, "merchantCode": OTHER_MERCHANT}
    text = "".join(fields[name] for name in CALLBACK)
    return form({**fields, "signature": sign(text, "key-of-the-other-merchant")}.items())


def _shortened(target: Target) -> CallbackRequest:
    right = target.right
    moved = {"amount": right["amount"][:-1], "merchantOrderId": f"0{right['merchantOrderId']}"}
    return form({**right, **moved}.items())


def _lengthened(target: Target) -> CallbackRequest:
    right = target.right
    moved = {"amount": f"{right['amount']}p", "merchantOrderId": right["merchantOrderId"][1:]}
    return form({**right, **moved}.items())


def _merchant_lengthened(target: Target) -> CallbackRequest:
    right = target.right
    moved = {"merchantCode": f"{right['merchantCode']}4", "amount": right["amount"][1:]}
    return form({**right, **moved}.items())


def _for_other_order(target: Target) -> CallbackRequest:
    """Send the id of the paid order with the signature of the order that is done."""
    done = target.duitku.form(target.done)
    return form({**done, "merchantOrderId": target.paid["id"]}.items())


def _with_other_signature(target: Target) -> CallbackRequest:
    return form({**target.right, "signature": target.duitku.form(target.done)["signature"]}.items())


def _flipped(target: Target) -> CallbackRequest:
    signature = target.right["signature"]
    other = "0" if signature[-1] != "0" else "1"
    return form({**target.right, "signature": signature[:-1] + other}.items())


def _written(change: Callable[[str], str]) -> Write:
    """Write the right signature in another way."""
    return signed_by(lambda _, fields: change(fields["signature"]))


def _multipart(target: Target) -> CallbackRequest:
    border = uuid.uuid4().hex
    parts = "".join(
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in target.right.items()
    )
    kind = f"multipart/form-data; boundary={border}"
    return CallbackRequest(f"{parts}--{border}--\r\n".encode(), ((TYPE, kind),))


def _json(media_type: str) -> Write:
    return lambda target: CallbackRequest(json.dumps(target.right).encode(), ((TYPE, media_type),))


def _in_query(target: Target) -> CallbackRequest:
    return CallbackRequest(b"", query=urlencode(target.right))


SIGNED_FIELD_ALTERED: Mapping[str, Write] = {
    "amount raised": altered(amount="49001"),
    "amount lowered": altered(amount="10000"),
    "amount with decimals": altered(amount="49000.00"),
    "amount with a zero in front": altered(amount="049000"),
    "unknown order": altered(merchantOrderId=f"pay{uuid.uuid4().hex}"),
    "order with a space": lambda target: form(
        {**target.right, "merchantOrderId": f"{target.paid['id']} "}.items()
    ),
    "order with a zero byte": lambda target: form(
        {**target.right, "merchantOrderId": f"{target.paid['id']}\0"}.items()
    ),
    "order in upper case": lambda target: form(
        {**target.right, "merchantOrderId": target.paid["id"].upper()}.items()
    ),
    "another merchant": altered(merchantCode=OTHER_MERCHANT),
    "merchant in lower case": lambda target: form(
        {**target.right, "merchantCode": target.right["merchantCode"].lower()}.items()
    ),
    "digit moved from amount to order": _shortened,
    "digit moved from amount to merchant": _merchant_lengthened,
}

SIGNATURE_OF_SOMETHING_ELSE: Mapping[str, Write] = {
    "zeros": altered(signature="0" * 64),
    "last digit flipped": _flipped,
    "upper case": _written(str.upper),
    "first half": _written(lambda text: text[:32]),
    "one digit more": _written(lambda text: f"{text}0"),
    "space in front": _written(lambda text: f" {text}"),
    "zero byte behind": _written(lambda text: f"{text}\0"),
    "not ASCII": altered(signature="é" * 64),
    "signature of another order": _with_other_signature,
    "order put under another's signature": _for_other_order,
    "another merchant, their key": _of_other_merchant,
    "another merchant, our key": resigned(merchantCode=OTHER_MERCHANT),
    "empty key": signed_by(lambda _, fields: sign("".join(fields[each] for each in CALLBACK), "")),
    "key of the tokens": signed_by(
        lambda target, fields: sign(
            "".join(fields[each] for each in CALLBACK), target.stack.jwt_secret
        )
    ),
    "signature of a status request": signed_by(hmac_of("merchantCode", "merchantOrderId")),
    "signature of an inquiry": signed_by(hmac_of("merchantCode", "merchantOrderId", "amount")),
    "legacy MD5": signed_by(digest("md5", *CALLBACK)),
    "legacy MD5 of an inquiry": signed_by(
        digest("md5", "merchantCode", "merchantOrderId", "amount")
    ),
    "SHA-256 without HMAC": signed_by(digest("sha256", *CALLBACK)),
}

FORM_UNREADABLE: Mapping[str, Write] = {
    "empty body": raw(b""),
    "no merchant": without("merchantCode"),
    "no amount": without("amount"),
    "no order": without("merchantOrderId"),
    "no signature": without("signature"),
    "empty merchant": altered(merchantCode=""),
    "empty amount": altered(amount=""),
    "empty order": altered(merchantOrderId=""),
    "empty signature": altered(signature=""),
    "letter moved from order to amount": _lengthened,
    "amount of 13 digits, signed": resigned(amount="1" * 13),
    "negative amount, signed": resigned(amount="-49000"),
    "amount with an exponent, signed": resigned(amount="4.9e4"),
    "amount with a space, signed": resigned(amount="49 000"),
    "amount in words, signed": resigned(amount="x"),
    "amount in other digits, signed": resigned(amount="٤٩٠٠٠"),
    "amount twice": doubled("amount"),
    "amount twice, differing": doubled("amount", "10000"),
    "order twice": doubled("merchantOrderId"),
    "order twice, differing": doubled("merchantOrderId", "pay0"),
    "merchant twice": doubled("merchantCode"),
    "signature twice": doubled("signature"),
    "signature twice, one empty": doubled("signature", ""),
    "unsigned field twice": doubled("resultCode", "01"),
    "amount twice, once percent-encoded": with_bytes(b"&%61mount=10000"),
    "101 fields": with_bytes(b"".join(b"&x%d=1" % number for number in range(101))),
    "not UTF-8": with_bytes(b"&x=\xff\xfe"),
    "percent-encoded, not UTF-8": with_bytes(b"&x=%ff%fe"),
    "half a character": with_bytes(b"&x=\xc3"),
    "UTF-16": lambda target: CallbackRequest(urlencode(target.right).encode("utf-16")),
    "JSON declared as a form": _json(FORM),
    "fields in the query": _in_query,
}

TOO_LARGE: Mapping[str, Write] = {
    "a field of 64 KiB": with_bytes(b"&x=" + b"a" * 65_536),
    "a signature of 64 KiB": altered(signature="0" * 65_536),
    "an order of 64 KiB": altered(merchantOrderId="p" * 65_536),
    "1 MB behind": with_bytes(b"&x=" + b"a" * MEGABYTE),
    "1 MB of nothing": raw(b"\0" * MEGABYTE),
    "1 MB of ampersands": raw(b"&" * MEGABYTE),
}

OTHER_TYPE: Mapping[str, Write] = {
    "JSON": _json("application/json"),
    "JSON named as text": _json("text/plain"),
    "multipart": _multipart,
    "no type": as_type(),
    "empty type": as_type(""),
    "form named as JSON": as_type("application/json"),
    "form named as text": as_type("text/plain"),
    "form named as bytes": as_type("application/octet-stream"),
    "form in a parameter only": as_type(f"text/plain; {FORM}"),
    "two types, none a form": as_type("text/plain", "application/json"),
}

REFUSED: Mapping[int, Mapping[str, Write]] = {
    400: FORM_UNREADABLE,
    403: {**SIGNED_FIELD_ALTERED, **SIGNATURE_OF_SOMETHING_ELSE},
    413: TOO_LARGE,
    415: OTHER_TYPE,
}
"""By the status of the refusal."""
