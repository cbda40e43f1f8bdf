"""Following a learner at Thinkific: what an event or a row tells is noted, and never taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.enrollments import Enrollment
from lunas.domain.errors import Collision, StoreBusy
from lunas.domain.progress import (
    COMPLETE,
    Followed,
    ProgressEvent,
    Report,
    advanced,
    concerned,
    is_open,
)

if TYPE_CHECKING:
    from lunas.services.repositories import Clock, ProgressKeeper, ProgressSource

ROUNDS = 6
"""How often a report is noted anew after others wrote the same enrollment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Follower:
    """Everything that following needs."""

    progress: ProgressKeeper
    site: ProgressSource
    now: Clock


def follow_event(follower: Follower, event: ProgressEvent) -> Followed:
    """Note what an event tells, once; a break anywhere before the end leaves it to be repeated.

    Raises DeliveryError when Thinkific has to be asked and cannot be, and StoreBusy.
    """
    if follower.progress.is_heard(event.id):
        return Followed.HEARD_BEFORE
    followed = follow(follower, event.report, event.id)
    if followed not in {Followed.NOTED, Followed.HEARD_BEFORE}:
        follower.progress.note_heard(event.id, follower.now())
    return followed


def follow(follower: Follower, report: Report, event_id: str | None = None) -> Followed:
    """Note what a report tells; with ``event_id`` the event is noted in the same transaction."""
    for _ in range(ROUNDS):
        ours = concerned(report, follower.progress.of_row(report.row_id))
        if not ours:
            return Followed.NOT_OURS
        left = [each for each in ours if is_open(each)]
        if not left:
            return Followed.REVOKED
        plain = _plain(follower, report, left)
        if plain is None:
            return Followed.UNREADABLE
        try:
            return _note(follower, left, plain, event_id)
        except Collision:
            report = plain
    raise StoreBusy("others kept changing the same enrollment; try again")


def _plain(follower: Follower, report: Report, ours: list[Enrollment]) -> Report | None:
    """Return the report with a progress that means one thing, which the row itself may tell.

    Whoever is through is not asked about any more.
    """
    if report.percent is not None:
        return report
    if all(each.progress == COMPLETE for each in ours):
        return replace(report, percent=COMPLETE)
    row = follower.site.report(report.row_id)
    if row is None or row.percent is None:
        return None
    return replace(report, percent=row.percent)


def _note(
    follower: Follower, ours: list[Enrollment], report: Report, event_id: str | None
) -> Followed:
    at = follower.now()
    further = [after for each in ours if (after := advanced(each, report, at)) != each]
    if not further:
        return Followed.NOTHING_NEW
    # A certificate that only was read may have been followed by another one since.
    told = [replace(each, certificate_url=report.certificate_url) for each in further]
    is_new = follower.progress.raise_to(told, event_id, at)
    return Followed.NOTED if is_new else Followed.HEARD_BEFORE
