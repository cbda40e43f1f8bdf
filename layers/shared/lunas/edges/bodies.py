"""Bodies of requests, as pydantic models: camelCase in JSON, limits of both peers' APIs."""

import re
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
)
from pydantic.alias_generators import to_camel

from lunas.rules.catalogue import MAX_COURSES, PackageKind
from lunas.rules.links import check_web_address
from lunas.rules.people import Customer, PaymentType

EMAIL = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s,;<>()\"]+")
PHONE = re.compile(r"\+?(?=(?:[^0-9]*[0-9]){5})[0-9 ()-]{5,20}")


def _email(value: str) -> str:
    if not EMAIL.fullmatch(value):
        raise ValueError("must be an e-mail address")
    return value


def _phone(value: str) -> str:
    if not PHONE.fullmatch(value):
        raise ValueError("must be 5 to 20 digits, spaces, brackets or hyphens")
    return value


def _whole(value: object) -> object:
    """Take 40.0 for 40, as JSON does; bool, text and fractions are left to be refused."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _proof_link(value: str) -> str:
    return check_web_address(value)


def _return_url(value: str) -> str:
    return check_web_address(value, loopback=True)


type Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
type Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50)]
type Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
type Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
type Email = Annotated[str, StringConstraints(max_length=50), AfterValidator(_email)]
type Phone = Annotated[str, AfterValidator(_phone)]
type ProofLink = Annotated[str, StringConstraints(max_length=2048), AfterValidator(_proof_link)]
type ReturnUrl = Annotated[str, StringConstraints(max_length=255), AfterValidator(_return_url)]
type ChannelCode = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2}$")]
type Rupiah = Annotated[
    int, Field(strict=True, ge=10_000, le=1_000_000_000), BeforeValidator(_whole)
]
"""Whole rupiah; Duitku takes nothing below 10,000 (docs/duitku.md, Amounts and ids)."""
type ThinkificId = Annotated[int, Field(strict=True, gt=0, lt=2**53), BeforeValidator(_whole)]
type AccessDays = Annotated[int, Field(strict=True, ge=1, le=36_500), BeforeValidator(_whole)]
type Quota = Annotated[int, Field(strict=True, ge=0, le=1_000_000), BeforeValidator(_whole)]


class Body(BaseModel):
    """Base of every body; unknown fields are ignored."""

    # Each function takes one or two of them; the others are never built.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, defer_build=True)


class CustomerBody(Body):
    """Who stands on the invoice."""

    first_name: Name
    last_name: Name
    email: Email
    phone: Phone | None = None

    def to_rules(self) -> Customer:
        """Return the customer as the rules know it."""
        return Customer(self.first_name, self.last_name, self.email, self.phone)


class InitiateBody(Body):
    """A purchase through Duitku; the price is never part of it."""

    package_id: Id
    course_id: Id | None = None
    customer: CustomerBody | None = None
    payment_method: ChannelCode | None = None
    return_url: ReturnUrl | None = None


class SubmitBody(Body):
    """A manual payment with the link to its proof."""

    package_id: Id
    course_id: Id | None = None
    payment_type: PaymentType
    proof_link: ProofLink


class ApproveBody(Body):
    """An approval; ``overbook`` accepts a course beyond its quota."""

    overbook: StrictBool = False


class RejectBody(Body):
    """A rejection, with the reason that the learner reads."""

    reason: Reason


class RefundBody(Body):
    """A refund, with the reason for the record."""

    reason: Reason


class ResolveBody(Body):
    """How an anomaly was dealt with, in a word, and why."""

    resolution: Title
    reason: Reason


class ProgressBody(Body):
    """A progress in percent."""

    progress: Annotated[int, Field(strict=True, ge=0, le=100), BeforeValidator(_whole)]


class PricesBody(Body):
    """Prices by payment type; at least one."""

    model_config = ConfigDict(populate_by_name=True, defer_build=True)

    dike: Annotated[Rupiah | None, Field(alias="DIKE")] = None
    umum: Annotated[Rupiah | None, Field(alias="UMUM")] = None

    def to_rules(self) -> dict[PaymentType, int]:
        """Return the prices that are given."""
        given = {PaymentType.DIKE: self.dike, PaymentType.UMUM: self.umum}
        return {name: price for name, price in given.items() if price is not None}


class PackageBody(Body):
    """A package as an admin writes it; without ``access_days`` it gives access for good."""

    kind: PackageKind
    name: Title
    prices: PricesBody
    course_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_COURSES)]
    access_days: AccessDays | None = None
    thinkific_bundle_id: ThinkificId | None = None


class CourseBody(Body):
    """A course as an admin writes it."""

    name: Title
    thinkific_course_id: ThinkificId | None = None
    quota: Quota | None = None
