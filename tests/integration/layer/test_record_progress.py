"""From the progress queue to the enrollment: recorded once, rescheduled, or dead-lettered."""

from typing import Any
from uuid import uuid4

import pytest

from lunas.aws.queues import progress_body
from lunas.domain.enrollments import Enrollment, EnrollmentStatus
from lunas.domain.errors import ConcurrentUpdate
from lunas.domain.progress import EVENT_LIFETIME, ProgressEvent, ProgressResult
from lunas.storage import keys
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.progress import Progress
from lunas.storage.settlements import NEW
from lunas.storage.table import Table
from tests.integration.layer import providers
from tests.integration.layer.queues import Queues
from tests.integration.layer.thinkific_events import platform_enrollment
from tests.support.builders import LATER, NOW
from tests.support.functions import invoke
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged
from tests.support.progress_fakes import (
    PLATFORM_ENROLLMENT,
    FakeProgressPlatform,
    delivered,
    recorder,
    report,
)

FUNCTION = "record_progress"
LINK = "https://shop.thinkific.com/certificates/abc"


@pytest.fixture
def ours(table: Table) -> Enrollment:
    """Write an enrollment at 40 percent, and another one."""
    for each in (delivered(), delivered("c2", platform_id=PLATFORM_ENROLLMENT + "1")):
        table.put(enrollment_item(each), NEW)
    return delivered()


def send_event(
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    percent: int | None = 60,
    *replies: Reply,
    **more: Any,
) -> StubProvider:
    """Queue an event and handle it; Thinkific answers with ``replies``."""
    event = ProgressEvent(id="71", report=report(percent, **more), correlation_id="r71")
    queues.sqs.send_message(
        QueueUrl=queues.progress_url,
        MessageBody=progress_body(event),
        MessageGroupId=uuid4().hex,
        MessageDeduplicationId=uuid4().hex,
    )
    provider = providers.answers(monkeypatch, FUNCTION, *replies)
    failed = invoke(FUNCTION, queues.progress_batch())["batchItemFailures"]
    provider.failed = len(failed)  # type: ignore[attr-defined]
    return provider


def known(table: Table, of: Enrollment | None = None) -> dict[str, Any]:
    item = table.get(keys.enrollment((of or delivered()).id))
    assert item
    return item


def test_an_event_is_recorded_on_its_enrollment_alone(
    table: Table,
    ours: Enrollment,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
) -> None:
    provider = send_event(queues, monkeypatch, 60, certificate_url=LINK)
    assert (known(table)["progress"], known(table)["certificateUrl"]) == (60, LINK)
    assert known(table, delivered("c2"))["progress"] == ours.progress
    assert provider.calls == []
    (line,) = logged.lines
    assert (line["message"], line["result"], line["correlation_id"]) == (
        "progress recorded",
        "NOTED",
        "r71",
    )
    assert logged.metrics() == ["ProgressNoted"]
    assert LINK not in logged.text


def test_a_processed_event_is_remembered_until_it_expires(
    table: Table, ours: Enrollment, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_event(queues, monkeypatch, ours.progress + 1)
    record = table.get(keys.platform_event("71"))
    assert record
    assert record["ttl"] > EVENT_LIFETIME.total_seconds()
    send_event(queues, monkeypatch, 90)
    assert known(table)["progress"] == ours.progress + 1
    assert table.get(keys.platform_event("71")) == record


def test_ambiguous_progress_is_read_from_thinkific_with_the_correlation_id(
    table: Table, ours: Enrollment, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = send_event(queues, monkeypatch, None, Reply(body=platform_enrollment("0.52")))
    assert provider.calls == [
        f"GET /api/public/v1/enrollments/{ours.delivery.platform_enrollment_id}"
    ]
    assert provider.asked[0].headers["X-Correlation-Id"] == "r71"
    assert known(table)["progress"] == 52


@pytest.mark.parametrize(
    "reply",
    [
        Reply(429, headers={"RateLimit-Reset": "2"}),
        Reply(502, "<html>"),
        Reply(401, {"error": "Authentication Error"}),
    ],
)
def test_a_transient_failure_of_thinkific_is_retried(
    table: Table,
    ours: Enrollment,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
    reply: Reply,
) -> None:
    provider = send_event(queues, monkeypatch, None, reply)
    assert provider.failed == 1  # type: ignore[attr-defined]
    assert logged.messages() == ["progress rescheduled"]
    assert (known(table)["progress"], queues.progress_batch()["Records"]) == (ours.progress, [])
    assert not Progress(table).is_processed("71")


def test_a_deleted_platform_enrollment_is_ignored(
    table: Table, ours: Enrollment, queues: Queues, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    provider = send_event(queues, monkeypatch, None, Reply(404, {"error": "Record not found."}))
    assert provider.failed == 0  # type: ignore[attr-defined]
    assert [line.get("result") for line in logged.lines] == ["UNREADABLE"]
    assert known(table)["progress"] == ours.progress


@pytest.mark.usefixtures("ours")
def test_a_permanent_failure_is_dead_lettered(
    queues: Queues, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    provider = send_event(queues, monkeypatch, None, Reply(400, {"error": "no"}))
    (message,) = queues.progress_dead_letters()
    assert provider.failed == 0  # type: ignore[attr-defined]
    assert message["MessageAttributes"]["reason"]["StringValue"].startswith(
        "Thinkific answered 400"
    )
    assert logged.messages("ERROR") == ["progress dead-lettered"]


def test_a_message_that_is_no_event_is_dead_lettered(queues: Queues, logged: Logged) -> None:
    queues.sqs.send_message(
        QueueUrl=queues.progress_url,
        MessageBody='{"a": 1}',
        MessageGroupId="x",
        MessageDeduplicationId="x",
    )
    assert invoke(FUNCTION, queues.progress_batch()) == {"batchItemFailures": []}
    assert len(queues.progress_dead_letters()) == 1
    assert logged.messages("ERROR") == ["progress dead-lettered"]


@pytest.mark.parametrize(
    "others", [{"platform_enrollment_id": 9}, {"user_id": 9}, {"course_id": 9}]
)
def test_an_enrollment_made_by_others_is_ignored(
    table: Table,
    ours: Enrollment,
    queues: Queues,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
    others: dict[str, int],
) -> None:
    send_event(queues, monkeypatch, 90, **others)
    assert [line.get("result") for line in logged.lines] == ["NOT_OURS"]
    assert known(table)["progress"] == ours.progress


def test_a_concurrent_refund_is_not_overwritten(table: Table, ours: Enrollment) -> None:
    revoked = delivered(status=EnrollmentStatus.NOT_ENROLLED)
    table.put(enrollment_item(revoked), "attribute_exists(pk)")
    with pytest.raises(ConcurrentUpdate):
        Progress(table).raise_to([delivered(progress=60)], "71", LATER)
    assert known(table)["progress"] == ours.progress
    assert not Progress(table).is_processed("71")


@pytest.mark.parametrize("changes", [{"payment_id": "pay2"}, {"progress": 70}])
def test_a_concurrent_purchase_or_progress_is_not_overwritten(
    table: Table, ours: Enrollment, changes: dict[str, Any]
) -> None:
    table.put(enrollment_item(delivered(**changes)), "attribute_exists(pk)")
    with pytest.raises(ConcurrentUpdate):
        Progress(table).raise_to([delivered(progress=60)], None, LATER)
    assert known(table)["progress"] == changes.get("progress", ours.progress)


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("before", [None, f"{LINK}-before"])
def test_a_certificate_from_a_concurrent_event_is_kept(table: Table, before: str | None) -> None:
    """The slower event has no certificate, or an older one, and raises the progress as well."""
    if before:
        table.put(enrollment_item(delivered(certificate_url=before)), "attribute_exists(pk)")
    platform = FakeProgressPlatform()
    platform.reports[PLATFORM_ENROLLMENT] = report(100)
    run = recorder(Progress(table), platform)
    completed = ProgressEvent(id="72", report=report(100, certificate_url=LINK))

    def meanwhile() -> None:
        assert run.record_event(completed) is ProgressResult.NOTED

    platform.failures = [meanwhile]
    slower = ProgressEvent(id="71", report=report(None))
    assert run.record_event(slower) is ProgressResult.NOTED
    assert (known(table)["progress"], known(table)["certificateUrl"]) == (100, LINK)


@pytest.mark.usefixtures("ours")
def test_a_report_without_a_certificate_keeps_the_existing_one(table: Table) -> None:
    run = recorder(Progress(table), FakeProgressPlatform())
    run.record(report(60, certificate_url=LINK))
    run.record(report(70))
    assert (known(table)["progress"], known(table)["certificateUrl"]) == (70, LINK)


def test_a_processed_event_writes_nothing(table: Table, ours: Enrollment) -> None:
    progress = Progress(table)
    progress.note_processed("71", NOW)
    received = table.get(keys.platform_event("71"))
    progress.note_processed("71", LATER)
    assert table.get(keys.platform_event("71")) == received
    assert not progress.raise_to([delivered(progress=60)], "71", LATER)
    assert known(table)["progress"] == ours.progress


def test_two_users_of_one_account_are_both_found(table: Table, ours: Enrollment) -> None:
    other = delivered("c9", user_id="u2")
    table.put(enrollment_item(other), NEW)
    found = Progress(table).of_platform_enrollment(PLATFORM_ENROLLMENT)
    assert sorted(each.id for each in found) == sorted([ours.id, other.id])
    assert Progress(table).of_platform_enrollment(PLATFORM_ENROLLMENT + "9") == []
