"""Recording how far a learner is at the platform; recorded progress never goes down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.enrollments import Enrollment
from lunas.domain.errors import ConcurrentUpdate, StorageContention
from lunas.domain.progress import (
    COMPLETE,
    ProgressEvent,
    ProgressResult,
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
class ProgressRecorder:
    """Everything that following needs."""

    progress: ProgressKeeper
    site: ProgressSource
    now: Clock


def record_event(recorder: ProgressRecorder, event: ProgressEvent) -> ProgressResult:
    """Note what an event tells, once; a break anywhere before the end leaves it to be repeated.

    Raises DeliveryError when the platform has to be asked and cannot be, and StorageContention.
    """
    if recorder.progress.is_processed(event.id):
        return ProgressResult.DUPLICATE
    followed = follow(recorder, event.report, event.id)
    if followed not in {ProgressResult.NOTED, ProgressResult.DUPLICATE}:
        recorder.progress.note_processed(event.id, recorder.now())
    return followed


def follow(
    recorder: ProgressRecorder, report: Report, event_id: str | None = None
) -> ProgressResult:
    """Note what a report tells; with ``event_id`` the event is noted in the same transaction."""
    for _ in range(ROUNDS):
        ours = concerned(report, recorder.progress.of_row(report.row_id))
        if not ours:
            return ProgressResult.NOT_OURS
        left = [each for each in ours if is_open(each)]
        if not left:
            return ProgressResult.REVOKED
        plain = _plain(recorder, report, left)
        if plain is None:
            return ProgressResult.UNREADABLE
        try:
            return _note(recorder, left, plain, event_id)
        except ConcurrentUpdate:
            report = plain
    raise StorageContention("others kept changing the same enrollment; try again")


def _plain(recorder: ProgressRecorder, report: Report, ours: list[Enrollment]) -> Report | None:
    """Return the report with a progress that means one thing, which the row itself may tell.

    Whoever is through is not asked about any more.
    """
    if report.percent is not None:
        return report
    if all(each.progress == COMPLETE for each in ours):
        return replace(report, percent=COMPLETE)
    row = recorder.site.report(report.row_id)
    if row is None or row.percent is None:
        return None
    return replace(report, percent=row.percent)


def _note(
    recorder: ProgressRecorder, ours: list[Enrollment], report: Report, event_id: str | None
) -> ProgressResult:
    at = recorder.now()
    further = [after for each in ours if (after := advanced(each, report, at)) != each]
    if not further:
        return ProgressResult.NOTHING_NEW
    # A certificate that only was read may have been followed by another one since.
    told = [replace(each, certificate_url=report.certificate_url) for each in further]
    is_new = recorder.progress.raise_to(told, event_id, at)
    return ProgressResult.NOTED if is_new else ProgressResult.DUPLICATE
