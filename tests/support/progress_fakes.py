"""Fakes for the progress sync: the table's side, and Thinkific's."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from lunas.domain.enrollments import Delivery, DeliveryStatus, Enrollment
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.progress import ChangedPage, ProgressReport, SyncPosition
from lunas.domain.sites import Webhook
from lunas.platforms.base import CoursePlatform
from lunas.services.progress import ProgressService
from lunas.services.repositories import ProgressRepository
from tests.support.builders import LATER, enrollment
from tests.support.interruptions import Interruption, interrupt
from tests.support.platforms.memory import MemoryPlatform
from tests.unit.services.fakes import FakeStore

PLATFORM_ENROLLMENT, ACCOUNT, COURSE = "500", "7", "2000001"


def delivered(
    course_id: str = "c1", platform_id: str = PLATFORM_ENROLLMENT, **changes: Any
) -> Enrollment:
    """Build a delivered enrollment at 40 percent."""
    at = Delivery(
        status=DeliveryStatus.DELIVERED,
        platform_user_id=ACCOUNT,
        platform_enrollment_id=platform_id,
    )
    given = {"delivery": at, "platform_course_id": COURSE, "progress": 40, **changes}
    return enrollment(course_id, **given)


def report(percent: int | None = 60, **changes: Any) -> ProgressReport:
    """Build a report on :func:`delivered`."""
    given = {
        "platform_enrollment_id": PLATFORM_ENROLLMENT,
        "user_id": ACCOUNT,
        "course_id": COURSE,
        **changes,
    }
    return ProgressReport(percent=percent, **given)


class FakeProgress:
    """Progress with the conditions of the real table; ``before_raise`` interrupts writes."""

    def __init__(self, store: FakeStore, kept: SyncPosition | None = None) -> None:
        self.store = store
        self.kept = kept
        self.received: set[str] = set()
        self.before_raise: list[Interruption] = []

    def of_platform_enrollment(self, platform_enrollment_id: str) -> list[Enrollment]:
        kept = self.store.enrollments.values()
        return [
            each for each in kept if each.delivery.platform_enrollment_id == platform_enrollment_id
        ]

    def is_processed(self, event_id: str) -> bool:
        return event_id in self.received

    def note_processed(self, event_id: str, at: datetime) -> None:  # noqa: ARG002
        self.received.add(event_id)

    def raise_to(
        self,
        changed: Sequence[Enrollment],
        event_id: str | None,
        at: datetime,  # noqa: ARG002
    ) -> bool:
        interrupt(self.before_raise)
        if event_id in self.received:
            return False
        kept = {each.id: self.store.enrollments[each.id] for each in changed}
        for each in changed:
            stored = kept[each.id]
            same = (stored.status, stored.payment_id) == (each.status, each.payment_id)
            if not same or stored.progress > each.progress:
                raise ConcurrentUpdate(stale=True)
        for each in changed:
            certificate = each.certificate_url or kept[each.id].certificate_url
            self.store.add(replace(each, certificate_url=certificate))
        self.received |= {event_id} if event_id else set()
        return True

    def position(self) -> SyncPosition | None:
        return self.kept

    def note_position(self, position: SyncPosition) -> None:
        self.kept = position


class FakeProgressPlatform(MemoryPlatform):
    """A platform that answers with set reports and pages; ``failures`` come first."""

    def __init__(self, *pages: ChangedPage) -> None:
        super().__init__(lambda: LATER)
        self.pages = list(pages)
        self.reports: dict[str, ProgressReport | None] = {}
        self.failures: list[Interruption] = []
        self.asked: list[object] = []

    def progress(self, platform_enrollment_id: str) -> ProgressReport | None:
        self.asked.append(platform_enrollment_id)
        interrupt(self.failures)
        return self.reports.get(platform_enrollment_id)

    def changed(self, since: datetime, page: int) -> ChangedPage:
        self.asked.append((since, page))
        interrupt(self.failures)
        return self.pages[page - 1]


class FakeWebhooks:
    """The webhooks of a site, and the calls that changed them."""

    def __init__(self, *there: Webhook) -> None:
        self.there = list(there)
        self.did: list[str] = []

    def webhooks(self) -> list[Webhook]:
        return list(self.there)

    def create(self, topic: str, target_url: str) -> Webhook:
        made = Webhook(f"new{len(self.did)}", topic, target_url, active=True)
        self.there.append(made)
        self.did.append(f"create {topic}")
        return made

    def delete(self, webhook_id: str) -> None:
        self.there = [each for each in self.there if each.id != webhook_id]
        self.did.append(f"delete {webhook_id}")


def recorder(progress: ProgressRepository, platform: CoursePlatform) -> ProgressService:
    """Build the service, with a clock at LATER."""
    return ProgressService(progress=progress, platform=platform, now=lambda: LATER)
