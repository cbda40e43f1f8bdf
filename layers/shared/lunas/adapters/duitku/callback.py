"""Reading and verifying a callback (docs/duitku.md, Callback).

Only merchant code, amount and order id are signed. Everything else that a callback carries is
a hint that anybody on the way could have written, and nothing is decided by it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from lunas.adapters.duitku import signatures
from lunas.rules.errors import Forbidden, MalformedInput, Misconfigured
from lunas.rules.gateway import whole_rupiah

MAX_FIELDS = 100
"""Fields of one form; Duitku sends about thirty."""
AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,2})?")
"""An amount as Duitku writes it; with anything else in it, amount and order id could be split
at another place under the same signature."""
REQUIRED = ("merchantCode", "amount", "merchantOrderId", "signature")
EVIDENCE = ("resultCode", "reference", "paymentCode", "publisherOrderId", "settlementDate")
"""Unsigned fields kept for a person to look at; none of them is personal data."""
MAX_EVIDENCE = 255


@dataclass(frozen=True, slots=True)
class Callback:
    """A form that Duitku posted; ``amount`` stays as received, since it is signed that way."""

    merchant_code: str
    amount: str
    order_id: str
    signature: str
    evidence: Mapping[str, str]

    @property
    def rupiah(self) -> int | None:
        """Return the amount in whole rupiah, or None when it is not a whole number."""
        return whole_rupiah(self.amount)


def parse_callback(body: bytes) -> Callback:
    """Read a form body; raises MalformedInput when it is not one, or lacks or doubles a field."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            max_num_fields=MAX_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise MalformedInput("the body is not a form of UTF-8 fields") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedInput("a field stands twice in the form")
    if missing := [name for name in REQUIRED if not fields.get(name)]:
        raise MalformedInput(f"missing in the form: {', '.join(missing)}")
    if not AMOUNT.fullmatch(fields["amount"]):
        raise MalformedInput("the amount is not a number of rupiah")
    return Callback(
        merchant_code=fields["merchantCode"],
        amount=fields["amount"],
        order_id=fields["merchantOrderId"],
        signature=fields["signature"],
        evidence={name: fields[name][:MAX_EVIDENCE] for name in EVIDENCE if fields.get(name)},
    )


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks that a callback was signed with our key and is meant for us."""

    merchant_code: str
    api_key: str
    legacy: bool = False

    def verify(self, callback: Callback) -> bool:
        """Accept a callback, or raise Forbidden; tell whether only the legacy scheme fits."""
        if not self.api_key:
            raise Misconfigured("Duitku's API key is empty: anybody could sign with it")
        signed = (callback.merchant_code, callback.amount, callback.order_id, self.api_key)
        current = signatures.same_signature(
            callback.signature, signatures.callback_signature(*signed)
        )
        legacy = self.legacy and signatures.same_signature(
            callback.signature, signatures.legacy_callback_signature(*signed)
        )
        if not current and not legacy:
            raise Forbidden("the signature does not fit")
        if callback.merchant_code != self.merchant_code:
            raise Forbidden("the callback is for another merchant")
        return not current
