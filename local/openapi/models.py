"""What the API shows, as ``lunas.api.responses`` writes it; a test holds the two together.

A field with a default may be absent; it is never null.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lunas.domain.anomalies import AnomalyKind, AnomalyStatus
from lunas.domain.catalog import PackageKind
from lunas.domain.enrollments import DeliveryStatus, EnrollmentStatus
from lunas.domain.payments import Method, Status
from lunas.domain.users import PaymentType
from lunas.platforms.thinkific.credentials import Authentication

type Amount = Annotated[int, Field(ge=0, description="Whole rupiah.")]
type Evidence = Annotated[dict[str, str], Field(description="What was known, by name.")]
type Cursor = Annotated[str, Field(description="Give it as `cursor` for the next page.")]


class Shown(BaseModel):
    """Base of everything shown: camelCase, nothing beyond the listed fields."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


class Customer(Shown):
    """Who stands on the invoice. A name of one word has no `lastName`."""

    first_name: str
    last_name: str | None = None
    email: str
    phone: str | None = None


class Learner(Shown):
    """Whose account at Thinkific gets the courses."""

    name: str
    email: str


class Gateway(Shown):
    """What Duitku gave for a payment; which fields are there depends on the channel."""

    reference: str | None = None
    payment_url: Annotated[str, Field(json_schema_extra={"format": "uri"})] | None = None
    payment_method: str | None = None
    va_number: str | None = None
    qr_string: str | None = None
    expires_at: datetime | None = None


class Payment(Shown):
    """A payment; `customer`, `learner` and `proofLink` are for its owner and admins only."""

    id: str
    user_id: str
    package_id: str
    package_name: str
    course_id: str | None = None
    course_ids: list[str]
    status: Status
    payment_type: PaymentType
    method: Method
    amount: Amount
    currency: Literal["IDR"]
    proof_link: str | None = None
    gateway: Gateway | None = None
    customer: Customer | None = None
    learner: Learner | None = None
    created_at: datetime
    updated_at: datetime
    approved_at: datetime | None = None
    approved_by: str | None = None
    completed_at: datetime | None = None
    reason: str | None = None
    version: Annotated[int, Field(ge=1)]


class HistoryEvent(Shown):
    """Who moved a payment, when, from where to where, and on what evidence."""

    at: datetime
    actor: str
    source: Annotated[Status | None, Field(alias="from")] = None
    target: Annotated[Status, Field(alias="to")]
    evidence: Evidence | None = None
    reason: str | None = None


class Delivery(Shown):
    """How far Thinkific knows of an enrollment."""

    status: DeliveryStatus
    thinkific_user_id: int | None = None
    thinkific_enrollment_id: int | None = None
    attempts: Annotated[int, Field(ge=0)]
    last_error: str | None = None


class Enrollment(Shown):
    """A learner's right to one course. `certificateUrl` is for its owner and for admins only."""

    id: str
    payment_id: str
    user_id: str
    course_id: str
    course_name: str
    status: EnrollmentStatus
    progress: Annotated[int, Field(ge=0, le=100, description="Percent.")]
    delivery: Delivery
    certificate_url: Annotated[str, Field(json_schema_extra={"format": "uri"})] | None = None
    expires_at: Annotated[datetime | None, Field(description="When access ends.")] = None
    created_at: datetime
    updated_at: datetime


class CourseStatus(Shown):
    """Whether a user is enrolled in a course."""

    course_id: str
    status: EnrollmentStatus
    enrollment_id: str | None = None


class Prices(Shown):
    """Prices by payment type; at least one is there."""

    dike: Annotated[Amount | None, Field(alias="DIKE")] = None
    umum: Annotated[Amount | None, Field(alias="UMUM")] = None


class Package(Shown):
    """Something to buy."""

    id: str
    kind: PackageKind
    name: str
    description: str | None = None
    image_url: Annotated[str, Field(json_schema_extra={"format": "uri"})] | None = None
    on_sale: bool
    prices: Prices
    course_ids: list[str]
    access_days: Annotated[int | None, Field(description="None: access for good.")] = None
    thinkific_bundle_id: int | None = None
    gone_course_ids: (
        Annotated[
            list[str],
            Field(
                description="To admins: courses that Thinkific no longer showed when compared.",
                min_length=1,
            ),
        ]
        | None
    ) = None


class Course(Shown):
    """A course; `enrolled` counts every enrollment that was made and not revoked."""

    id: str
    name: str
    thinkific_course_id: int | None = None
    quota: Annotated[int, Field(ge=0)] | None = None
    enrolled: int
    gone: (
        Annotated[
            Literal[True],
            Field(description="To admins: Thinkific no longer showed it when compared."),
        ]
        | None
    ) = None


class MappedCourse(Shown):
    """A course and its counterpart at Thinkific; `formerly` is the counterpart's old name."""

    course_id: str
    name: str
    thinkific_course_id: int | None = None
    formerly: str | None = None


class UnsoldCourse(Shown):
    """A course at Thinkific that no course here maps to."""

    thinkific_course_id: int
    name: str


class MappedBundle(Shown):
    """A package and its bundle at Thinkific."""

    package_id: str
    name: str
    thinkific_bundle_id: int | None = None


class BundleMapping(Shown):
    """How packages of kind BUNDLE fit; `differing` ones hold other courses at Thinkific."""

    mapped: list[MappedBundle]
    proposed: list[MappedBundle]
    differing: list[MappedBundle]
    gone: list[MappedBundle]


class GoneCourse(Shown):
    """A mapped course that the site no longer shows, and the packages on sale that hold it."""

    course_id: str
    name: str
    thinkific_course_id: int
    packages: list[str]


class CourseMapping(Shown):
    """How the catalog fits the Thinkific site. Confirm what is `proposed` by PUT."""

    mapped: list[MappedCourse]
    proposed: list[MappedCourse]
    unmapped: list[MappedCourse]
    renamed: list[MappedCourse]
    gone: list[GoneCourse]
    unsold: list[UnsoldCourse]
    bundles: BundleMapping


class Channel(Shown):
    """A way to pay, with its fee."""

    code: str
    name: str
    image_url: str
    fee: Amount


class Anomaly(Shown):
    """Money that does not fit, with its evidence, and how it was closed."""

    id: str
    kind: AnomalyKind
    status: AnomalyStatus
    order_id: str
    payment_id: str | None = None
    evidence: Evidence
    created_at: datetime
    resolution: str | None = None
    reason: str | None = None
    resolved_at: datetime | None = None
    resolved_by: str | None = None


class RedirectCheck(Shown):
    """One usual mistake of a redirect URI: whether it was made, and what to do."""

    name: str
    ok: bool
    told: str


class ConnectionStatus(Shown):
    """How Lunas reaches the Thinkific site. Paste `redirectUri` into the portal byte for byte.

    `expiresAt` is the end of the present token, which renews itself while `refused` is false.
    """

    redirect_uri: Annotated[str, Field(json_schema_extra={"format": "uri"})]
    connected: bool
    authentication: Authentication
    checks: list[RedirectCheck]
    subdomain: str | None = None
    expires_at: datetime | None = None
    renewal_due: bool | None = None
    refused: bool | None = None
    connected_at: datetime | None = None
    connected_by: str | None = None
    todo: str | None = None


class AuthorizeUrl(Shown):
    """Where the owner of the site allows the app; good once, for ten minutes."""

    authorize_url: Annotated[str, Field(json_schema_extra={"format": "uri"})]


class Health(Shown):
    """The API answers."""

    status: Literal["ok"]


class FieldError(Shown):
    """What is wrong with one field: its JSON name (dotted when nested) and a sentence."""

    field: str
    message: str


class Problem(Shown):
    """An error (RFC 9457). Decide by `type`; give `requestId` when you report it."""

    type: Annotated[str, Field(pattern=r"^urn:lunas:problem:[a-z-]+$")]
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    request_id: str
    errors: list[FieldError] | None = None


class GatewayMessage(Shown):
    """What API Gateway itself says, before a function is asked."""

    message: str


class Items[T](Shown):
    """All of them."""

    items: list[T]


class Paged[T](Shown):
    """One page, newest first. A page may be empty and still have a next one."""

    items: list[T]
    next_cursor: Cursor | None = None
