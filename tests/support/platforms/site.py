"""A platform's site as tests arrange and check it, and the calls that Lunas makes there."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Protocol

from lunas.domain.users import Learner
from lunas.platforms.base import CoursePlatform
from tests.support.interruptions import Interruption, interrupt

CHANGES = ("enroll", "adjust", "revoke")
READS = ("access", "progress", "changed")
SALES = ("report_sale", "report_refund")

type Access = dict[tuple[str, str], datetime | None]
"""The end of access, None without one, by account and course."""


class PlatformSite(Protocol):
    """A platform's site as its owner sees it; its methods are no calls of Lunas."""

    @property
    def platform(self) -> CoursePlatform:
        """The code under test."""

    def course(self, number: int) -> str:
        """Return the id of a course that exists; numbers count from 1."""

    def add_account(self, email: str) -> str: ...

    def remove_account(self, account: str) -> None: ...

    def created(self) -> list[Learner]:
        """Return the learners of all accounts but those added here."""

    def add_access(self, account: str, course: str, until: datetime | None = None) -> str:
        """Give access as a person would; return the id of the enrollment."""

    def end_access(self) -> None:
        """End all access as a person would."""

    def access(self) -> Access: ...

    def add_bundle(self, courses: Iterable[str]) -> str: ...

    def remove_bundle(self, bundle: str) -> None: ...

    def delay_bundles(self, by: timedelta) -> None:
        """Let the courses of a bundle appear some time after the call."""

    def advance(self, account: str, course: str, percent: int) -> None:
        """Set a learner's progress."""

    def remove_course(self, course: str) -> None: ...

    def sales(self) -> list[tuple[str, str]]:
        """Return payment id and action of each report, in the order of their sales."""


class ObservedPlatform:
    """Records each call of Lunas; ``failures`` come before a change, and so on."""

    def __init__(self, site: PlatformSite) -> None:
        self.site = site
        self.calls: list[str] = []
        self.failures: list[Interruption] = []
        self.bundle_failures: list[Interruption] = []
        self.read_failures: list[Interruption] = []
        self.sale_failures: list[Interruption] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.site.platform, name)
        pending: dict[str, list[Interruption]] = {
            **dict.fromkeys(CHANGES, self.failures),
            **dict.fromkeys(READS, self.read_failures),
            **dict.fromkeys(SALES, self.sale_failures),
            "enroll_in_bundle": self.bundle_failures,
        }

        def call(*given: Any, **more: Any) -> Any:
            self.calls.append(name)
            interrupt(pending.get(name, []))
            return method(*given, **more)

        return call
