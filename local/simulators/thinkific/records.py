"""The rows that a simulated site keeps."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

type Terms = dict[str, datetime | None]
"""What a caller sends about access: ``activated_at`` and ``expiry_date``, only those it sent."""


@dataclass(frozen=True)
class CustomField:
    """A custom profile field that the site demands from every new user."""

    id: int
    label: str


@dataclass
class User:
    """A person of the site; ``welcome_mails`` counts what the person was sent at creation.

    ``profile`` holds the optional texts (company, headline, bio, external_source),
    ``external_ids`` the id of the person at each single sign-on provider.
    """

    id: int
    email: str
    first_name: str
    last_name: str
    created_at: datetime
    roles: list[str] = field(default_factory=list)
    profile: dict[str, str] = field(default_factory=dict)
    custom_values: dict[int, str] = field(default_factory=dict)
    external_ids: dict[str, str] = field(default_factory=dict)
    has_password: bool = False
    welcome_mails: int = 0

    @property
    def full_name(self) -> str:
        """Return both names, the form that enrollments show."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class Course:
    """A course; one of the new builder appears in no GET of the REST API."""

    id: int
    product_id: int
    name: str
    slug: str
    new_builder: bool = False


@dataclass(frozen=True)
class Bundle:
    """A set of courses that is sold, and enrolled in, as one."""

    id: int
    product_id: int
    name: str
    course_ids: tuple[int, ...]


@dataclass(frozen=True)
class Product:
    """What the site sells: a course or a bundle, at a price in whole rupiah.

    The product of a course of the new builder appears in no GET either.
    """

    id: int
    name: str
    slug: str
    productable_type: Literal["Course", "Bundle"]
    productable_id: int
    price: int
    new_builder: bool = False


@dataclass
class Enrollment:
    """A user's access to a course; ``progress`` is the finished part, from 0 to 1.

    ``credential_id`` is the certificate's, which webhooks show and the REST API does not.
    """

    id: int
    user_id: int
    course_id: int
    created_at: datetime
    updated_at: datetime
    activated_at: datetime | None = None
    expiry_date: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    progress: Decimal = Decimal(0)
    credential_id: str | None = None

    @property
    def is_free_trial(self) -> bool:
        """Return whether this is a free preview: an enrollment that was never activated."""
        return self.activated_at is None

    def expired(self, now: datetime) -> bool:
        """Return whether the access has run out."""
        return self.expiry_date is not None and self.expiry_date <= now


@dataclass
class ExternalOrder:
    """A sale outside Thinkific, only stored; ``transactions`` as they were sent, oldest first."""

    id: int
    order: dict[str, Any]
    transactions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class PendingBundle:
    """A bundle enrollment that was answered with 202 and becomes rows at ``due``."""

    due: datetime
    bundle: Bundle
    user_id: int
    terms: Terms


@dataclass
class Webhook:
    """A registration: events of one topic go to one URL.

    ``client_id`` is the app whose token made it and whose secret signs; None for the API key.
    """

    id: str
    topic: str
    target_url: str
    client_id: str | None
    created_at: datetime
    updated_at: datetime
    status: Literal["active", "inactive"] = "active"


@dataclass(frozen=True)
class Event:
    """Something that happened at a site; ``payload`` is how it was at that moment."""

    id: str
    resource: str
    action: str
    created_at: datetime
    payload: dict[str, Any]

    @property
    def topic(self) -> str:
        """Return the name by which webhooks subscribe to such events."""
        return f"{self.resource}.{self.action}"
