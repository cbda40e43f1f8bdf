"""Reads and verifies a callback (docs/reference/duitku.md, Callback).

Only merchant code, amount and order id are signed. Every other field is a hint, which anyone on
the way could have written, and nothing is decided by it. The sender's address, which API Gateway
and the Function URL name, is checked as well; headers such as X-Forwarded-For are not read, since
the sender can write anything in them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import parse_qsl

from lunas.domain.callback_evidence import CallbackEvidence, Signature
from lunas.domain.errors import ConfigurationError, Forbidden, MalformedInput
from lunas.domain.gateway_status import whole_rupiah
from lunas.gateways.base import Reading, VerifiedCallback
from lunas.gateways.duitku import signatures

MAX_FIELDS = 100
"""Fields of one form; Duitku sends about thirty."""
AMOUNT = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,2})?")
"""An amount as Duitku writes it. With any other character, amount and order id could be split at
another place under the same signature."""
REQUIRED = ("merchantCode", "amount", "merchantOrderId", "signature")
EVIDENCE = ("resultCode", "reference", "paymentCode", "publisherOrderId", "settlementDate")
"""Unsigned fields kept as evidence; none of them is personal data."""
MAX_EVIDENCE = 255
SUCCESS = "00"
"""resultCode of a callback for a paid order."""


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
        """Return the amount in whole rupiah, or None if it is not a whole number."""
        return whole_rupiah(self.amount)


def form_fields(body: bytes) -> list[tuple[str, str]]:
    """Read the fields of a form in their order; raises MalformedInput if it is not a form."""
    try:
        return parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise MalformedInput("the body is not a form of UTF-8 fields") from error


def parse_callback(body: bytes) -> Callback:
    """Read a form; raises MalformedInput if it is not one, or lacks or repeats a field."""
    pairs = form_fields(body)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedInput("a field occurs twice in the form")
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


def verified(callback: Callback, evidence: CallbackEvidence) -> VerifiedCallback:
    """Return the fields of a callback whose signature is valid."""
    code = callback.evidence.get("resultCode", "")
    return VerifiedCallback(
        order_id=callback.order_id,
        amount=callback.amount,
        rupiah=callback.rupiah,
        hints=callback.evidence,
        evidence=evidence,
        code=code,
        claims_success=code == SUCCESS,
        shifted=_shifted(callback),
    )


def _shifted(callback: Callback) -> Reading | None:
    """Return order id and amount if the amount's last digits were moved to the order id.

    The signature covers both without a separator, so it still matches. No order id of Lunas starts
    with a digit, so the digits can be recognised and moved back.
    """
    ours = callback.order_id.lstrip("0123456789")
    digits = callback.order_id.removesuffix(ours)
    return Reading(ours, callback.amount + digits) if digits and ours else None


@dataclass(frozen=True, slots=True)
class Verifier:
    """Checks that a callback was signed with Lunas' key and is for Lunas' merchant code."""

    merchant_code: str
    api_key: str
    legacy: bool = False

    def check(self, callback: Callback) -> Signature:
        """Return whether a signature is valid; one of the legacy scheme only if it is allowed."""
        if not self.api_key:
            raise ConfigurationError("Duitku's API key is empty: anyone could sign with it")
        signed = (callback.merchant_code, callback.amount, callback.order_id, self.api_key)
        if signatures.same_signature(callback.signature, signatures.callback_signature(*signed)):
            return Signature.VALID
        if self.legacy and signatures.same_signature(
            callback.signature, signatures.legacy_callback_signature(*signed)
        ):
            return Signature.VALID_LEGACY
        return Signature.DIFFERS

    def verify(self, callback: Callback) -> Signature:
        """Return the scheme of a valid signature.

        Raises Forbidden for any other signature and for another merchant's callback.
        """
        found = self.check(callback)
        if found not in {Signature.VALID, Signature.VALID_LEGACY}:
            raise Forbidden("the signature does not match")
        if callback.merchant_code != self.merchant_code:
            raise Forbidden("the callback is for another merchant")
        return found


SETTING = "DUITKU_ADDRESSES"
"""Environment variable: comma-separated addresses or networks; empty allows every address."""


def check_sender(allowed: str | None, sender: str) -> None:
    """Raise Forbidden for any other sender, ConfigurationError for an invalid list.

    The signature is checked before. A refused callback was signed with Lunas' key, so either Duitku
    has new addresses or someone else has the key, and the reason may name the address.
    """
    if allowed and not _admits(allowed, sender):
        raise Forbidden(f"valid signature, but sent from {sender or 'nowhere'}")


def _admits(allowed: str, sender: str) -> bool:
    try:
        networks = [ip_network(each.strip()) for each in allowed.split(",")]
    except ValueError:
        raise ConfigurationError(
            f"{SETTING} is not a list of addresses: see template.yaml"
        ) from None
    try:
        return any(ip_address(sender) in network for network in networks)
    except ValueError:
        return False
