"""The interface of a course platform; each vendor has a folder beside this file."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Protocol

from lunas.domain.access_comparison import PlatformAccess
from lunas.domain.catalog_mapping import SiteBundle, SiteCourse
from lunas.domain.payments import Payment
from lunas.domain.progress import ChangedPage, ProgressReport
from lunas.domain.sale_reports import Answer, Sold
from lunas.domain.sites import Issue, Webhook
from lunas.domain.users import Learner


class CoursePlatform(Protocol):
    """A site where learners take courses. Times are in UTC; an end of None means no end.

    Every method raises DeliveryError: DeliveryDelayed if a retry may succeed, DeliveryImpossible
    if none can, Malformed if the answer cannot be read.
    """

    def find_user(self, email: str) -> str | None:
        """Return the account with this address, or None."""

    def ensure_user(self, learner: Learner) -> str:
        """Find the learner's account by the address, or create it."""

    def enroll(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        until: datetime | None,
        *,
        create: bool = True,
        given: AbstractSet[datetime | None] = frozenset(),
    ) -> str:
        """Give an account access to a course until ``until``; return the id of the enrollment.

        None: without end. Longer access is shortened only if it ends at a time that Lunas has
        ``given``; any other end was set by someone else and stays.
        Without ``create``, a missing enrollment raises DeliveryDelayed.
        """

    def adjust(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        until: datetime | None,
        given: AbstractSet[datetime | None],
    ) -> None:
        """Like :meth:`enroll` for an existing enrollment; without one, do nothing."""

    def revoke(
        self,
        user_id: str,
        course_id: str,
        now: datetime,
        given: AbstractSet[datetime | None] | None = None,
    ) -> None:
        """End an account's access; with ``given``, only access that ends at one of these times."""

    def bundle_courses(self, bundle_id: str) -> set[str]:
        """Return the courses of a bundle; none if there is no such bundle."""

    def enroll_in_bundle(
        self, user_id: str, bundle_id: str, now: datetime, until: datetime | None
    ) -> None:
        """Enroll an account in all courses of a bundle, now or soon."""

    def access(self, account_id: str, now: datetime) -> list[PlatformAccess]:
        """Return the courses that an account has full access to now."""

    def courses(self) -> Iterable[SiteCourse]:
        """Return every course of the site."""

    def bundles(self) -> Iterable[SiteBundle]:
        """Return every bundle of the site."""

    def progress(self, platform_enrollment_id: str) -> ProgressReport | None:
        """Return the progress of an enrollment; None if it cannot be read."""

    def changed(self, since: datetime, page: int) -> ChangedPage:
        """Return a page of the progress that changed after ``since``; pages count from 1."""

    def product(self, sold: Sold) -> str:
        """Return the product that a bundle or a course is sold as."""

    def report_sale(self, payment: Payment, user_id: str, product_id: str) -> Answer:
        """Record a sale; raises DeliveryDelayed only if nothing was recorded for certain."""

    def report_refund(self, payment: Payment, order_id: str) -> Answer:
        """Record the refund of a reported sale; raises as :meth:`report_sale` does."""


class WebhookRegistry(Protocol):
    """Lists, creates and deletes webhooks at the platform; raises DeliveryError."""

    def webhooks(self) -> Iterable[Webhook]:
        """Return all webhooks of the site, including those that Lunas did not create."""

    def create(self, topic: str, target_url: str) -> Webhook:
        """Create a webhook that sends events of a topic to a URL."""

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook, unless it is deleted already."""


class SiteAuthorization(Protocol):
    """A site's OAuth server; raises GrantRefused, or DeliveryDelayed if it does not answer."""

    def authorize_url(self, subdomain: str, state: str, challenge: str) -> str:
        """Return the address where the site's owner allows the connection."""

    def exchange(self, subdomain: str, code: str, verifier: str) -> Issue:
        """Exchange an authorization code for tokens; a code works once."""

    def refresh(self, subdomain: str, refresh_token: str) -> Issue:
        """Renew the tokens; each refresh token works once."""

    def revoke(self, subdomain: str, token: str) -> None:
        """Revoke a token."""
