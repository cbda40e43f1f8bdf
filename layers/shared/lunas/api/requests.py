"""Bodies of requests, as pydantic models: camelCase in JSON, within the limits of the providers.

Invisible characters and surrounding spaces are dropped, and a blank optional field counts as left
out, since people fill in forms that way.
"""

from collections.abc import Callable
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic.alias_generators import to_camel

from lunas.api.parameters import CHANNEL, ID
from lunas.domain.catalog import MAX_COURSES, PackageKind
from lunas.domain.phones import phone_number
from lunas.domain.texts import (
    LONGEST_ADDRESS,
    check_web_address,
    email_address,
    line,
    plain,
    plain_link,
    prose,
)
from lunas.domain.users import INVOICE_EMAIL, LONGEST_NAME, Customer, PaymentType, name_parts
from lunas.platforms import json_names


def _of_texts(change: Callable[[str], str]) -> BeforeValidator:
    """Return a validator that changes texts and leaves other values to pydantic."""
    return BeforeValidator(lambda value: change(value) if isinstance(value, str) else value)


LONGEST_PHONE = 50
"""Characters of a phone number as people type it."""
HTTPS = AfterValidator(check_web_address)
PLAIN, LINE, PROSE, LINK = map(_of_texts, (plain, line, prose, plain_link))


def _whole(value: object) -> object:
    """Return 40 for 40.0, the same number in JSON; pydantic refuses bools, texts and fractions."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)


def _return_url(value: str) -> str:
    return check_web_address(value, loopback=True)


def _is_blank(value: object) -> bool:
    """Return whether a field was left empty."""
    return value is None or (isinstance(value, str) and not prose(value))


type Id = Annotated[str, StringConstraints(pattern=ID)]
"""In a path, where surrounding spaces are part of the id."""
type IdField = Annotated[str, PLAIN, StringConstraints(pattern=ID)]
"""In a body or a query, without surrounding spaces."""
type Name = Annotated[str, LINE, StringConstraints(min_length=1, max_length=LONGEST_NAME)]
type Title = Annotated[str, LINE, StringConstraints(min_length=1, max_length=200)]
type Reason = Annotated[str, PROSE, StringConstraints(min_length=1, max_length=500)]
type Description = Annotated[str, PROSE, StringConstraints(min_length=1, max_length=2_000)]
type Email = Annotated[
    str, PLAIN, StringConstraints(max_length=LONGEST_ADDRESS), AfterValidator(email_address)
]
type InvoiceEmail = Annotated[
    str, PLAIN, StringConstraints(max_length=INVOICE_EMAIL), AfterValidator(email_address)
]
type Phone = Annotated[
    str, PLAIN, StringConstraints(max_length=LONGEST_PHONE), AfterValidator(phone_number)
]
type ProofLink = Annotated[str, LINK, StringConstraints(max_length=2048), HTTPS]
type ImageUrl = Annotated[str, LINK, StringConstraints(max_length=2048), HTTPS]
type ReturnUrl = Annotated[
    str, LINK, StringConstraints(max_length=255), AfterValidator(_return_url)
]
type ChannelCode = Annotated[str, PLAIN, _of_texts(str.upper), StringConstraints(pattern=CHANNEL)]
type TypeOfPayment = Annotated[PaymentType, PLAIN]
type KindOfPackage = Annotated[PackageKind, PLAIN]
type Rupiah = Annotated[int, Field(strict=True, ge=10_000, le=1_000_000_000), WHOLE]
"""Whole rupiah; no gateway takes less than 10,000."""
type PlatformId = Annotated[int, Field(strict=True, gt=0, lt=2**53), WHOLE]
type AccessDays = Annotated[int, Field(strict=True, ge=1, le=36_500), WHOLE]
type Quota = Annotated[int, Field(strict=True, ge=0, le=1_000_000), WHOLE]


class Body(BaseModel):
    """Base of every body; unknown fields and blank optional fields are ignored."""

    # Each function uses one or two models; the others are never built.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _ignore_blanks(cls, given: object) -> object:
        return cls.without_blanks(given) if isinstance(given, dict) else given

    @classmethod
    def without_blanks(cls, given: dict[str, object]) -> dict[str, object]:
        """Return a body without its blank optional fields."""
        optional = {
            each
            for name, about in cls.model_fields.items()
            if not about.is_required()
            for each in (name, about.alias)
        }
        return {
            name: value
            for name, value in given.items()
            if name not in optional or not _is_blank(value)
        }


class CustomerBody(Body):
    """The person on the invoice; one name is enough, of one word or in full."""

    first_name: Name | None = None
    last_name: Name | None = None
    email: InvoiceEmail
    phone: Phone | None = None

    @classmethod
    def without_blanks(cls, given: dict[str, object]) -> dict[str, object]:
        """Return the body without blank fields; if both names are blank, the first is invalid."""
        kept = super().without_blanks(given)
        named = kept.keys() & {"firstName", "lastName", "first_name", "last_name"}
        return kept if named else kept | {"firstName": ""}

    def to_rules(self) -> Customer:
        """Return the customer of the domain."""
        first, last = name_parts(self.first_name or "", self.last_name or "")
        return Customer(first, last, self.email, self.phone)


class InitiateBody(Body):
    """A purchase through the gateway; the price is never part of it."""

    package_id: IdField
    course_id: IdField | None = None
    customer: CustomerBody | None = None
    payment_method: ChannelCode | None = None
    return_url: ReturnUrl | None = None

    @classmethod
    def without_blanks(cls, given: dict[str, object]) -> dict[str, object]:
        """Return the body without blank fields and without an entirely blank customer."""
        kept = super().without_blanks(given)
        customer = kept.get("customer")
        if isinstance(customer, dict) and all(map(_is_blank, customer.values())):
            del kept["customer"]
        return kept


class SubmitBody(Body):
    """A manual payment with the link to its proof."""

    package_id: IdField
    course_id: IdField | None = None
    payment_type: TypeOfPayment
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


class LearnerBody(Body):
    """A correction of the learner: a name, an address or both, and the reason."""

    name: Title | None = None
    email: Email | None = None
    reason: Reason


class ResolveBody(Body):
    """The resolution of an anomaly, in a word, and the reason."""

    resolution: Title
    reason: Reason


class ProgressBody(Body):
    """A progress in percent."""

    progress: Annotated[int, Field(strict=True, ge=0, le=100), WHOLE]


class PricesBody(Body):
    """Prices by payment type; at least one."""

    model_config = ConfigDict(populate_by_name=True, defer_build=True)

    dike: Annotated[Rupiah | None, Field(alias="DIKE")] = None
    umum: Annotated[Rupiah | None, Field(alias="UMUM")] = None

    def to_rules(self) -> dict[PaymentType, int]:
        """Return the given prices."""
        given = {PaymentType.DIKE: self.dike, PaymentType.UMUM: self.umum}
        return {name: price for name, price in given.items() if price is not None}


class PackageBody(Body):
    """A package as an admin writes it; without ``access_days``, access has no end.

    Without ``on_sale``, an existing package stays on or off sale, and a new one is on sale.
    """

    kind: KindOfPackage
    name: Title
    prices: PricesBody
    course_ids: Annotated[list[IdField], Field(min_length=1, max_length=MAX_COURSES)]
    access_days: AccessDays | None = None
    platform_bundle_id: Annotated[PlatformId | None, Field(alias=json_names.BUNDLE_ID)] = None
    description: Description | None = None
    image_url: ImageUrl | None = None
    on_sale: StrictBool | None = None


class CourseBody(Body):
    """A course as an admin writes it."""

    name: Title
    platform_course_id: Annotated[PlatformId | None, Field(alias=json_names.COURSE_ID)] = None
    quota: Quota | None = None
