"""What a test or a developer can set: the account, and how the simulated Duitku behaves.

All of it is JSON in camelCase at the admin routes, and plain fields in Python.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from local.simulators.bodies import JsonModel
from local.simulators.duitku.signatures import Mode

type Endpoint = Literal[
    "paymentMethods", "inquiry", "createInvoice", "transactionStatus", "popTransactionStatus"
]
type SignatureChoice = Literal["valid", "bad", "empty", "missing", "legacy", "original"]
type ClosingCode = Literal["01", "02"]
type ReusedIds = Literal["new_order", "refuse"]
type Changes = dict[str, Any]


def overlay(fields: Mapping[str, Any], changes: Changes) -> dict[str, Any]:
    """Return ``fields`` with ``changes`` laid over them; a change to None drops the field."""
    merged = {**fields, **changes}
    return {name: value for name, value in merged.items() if value is not None}


class CallbackPlan(JsonModel):
    """How one callback is sent: what differs from the honest one, how often, and when.

    ``fields`` are laid over the honest form fields (None drops one). ``signature`` is how the
    result is signed: ``valid`` over the changed fields, ``original`` as before the change (a
    tampered message), ``legacy`` with MD5, or ``bad``, ``empty``, ``missing``. ``times``
    deliveries go out one after the other, or at once when ``parallel``; ``delay`` is in real
    seconds. ``wait`` holds the request that caused the callback until all deliveries ended.
    """

    fields: Changes = Field(default_factory=dict)
    signature: SignatureChoice = "valid"
    times: int = Field(default=1, ge=1, le=200)
    parallel: bool = False
    delay: float = Field(default=0.0, ge=0)
    url: str | None = None
    wait: bool = False


class StatusLimit(JsonModel):
    """The block of Check Transaction: after ``calls`` answers, refuse for ``seconds``.

    Duitku announces a block of about an hour but neither the limit nor the answer, hence all are
    settings. ``calls`` of None means no limit; the seconds are those of the simulated clock.
    """

    calls: int | None = Field(default=None, ge=0)
    seconds: float = 3600.0
    status: int = 429
    body: str = "Too many requests"
    content_type: str = "text/plain"


class Settings(JsonModel):
    """The account and every setting. Durations are seconds, amounts whole rupiah.

    ``answers`` lays changes over the 200 answers of an endpoint, by route name. ``status_lag``
    (simulated seconds) is how long a paid order still shows as pending. ``expiry_callback`` and
    ``failure_callback`` are the result codes of callbacks for unpaid ends; None sends none.
    ``invoice_seconds`` (real) is how long the creation of an invoice takes. ``strict_numbers``
    refuses amounts and minutes that come as text, ``accept_form`` off refuses a form at Check
    Transaction; the real service takes both. ``reused_ids`` is what becomes of an order id that
    was used before: an order of its own, as there, or a refusal.
    """

    merchant_code: str = Field(min_length=1)
    api_key: str = Field(min_length=1)
    signature_mode: Mode = "hmac"
    callback_enabled: bool = True
    callback: CallbackPlan = CallbackPlan()
    callback_attempts: int = Field(default=5, ge=1)
    callback_timeout: float = Field(default=30.0, gt=0)
    retry_spacing: float = Field(default=1.0, ge=0)
    expiry_callback: ClosingCode | None = None
    failure_callback: ClosingCode | None = None
    share_orders: bool = False
    accept_form: bool = True
    strict_numbers: bool = False
    reused_ids: ReusedIds = "new_order"
    timestamp_skew: float = Field(default=300.0, ge=0)
    minimum_amount: int = 10_000
    maximum_amount: int = 50_000_000
    closed_channels: list[str] = Field(default_factory=list)
    failing_channels: list[str] = Field(default_factory=list)
    invoice_seconds: float = Field(default=0.0, ge=0)
    status_lag: float = Field(default=0.0, ge=0)
    status_limit: StatusLimit = StatusLimit()
    answers: dict[Endpoint, Changes] = Field(default_factory=dict)
