"""The nightly progress sync: missing webhooks are reported, missed progress is read by page."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible
from lunas.domain.progress import SyncPosition
from lunas.domain.sites import Authentication
from lunas.platforms.thinkific import settings, webhooks
from lunas.platforms.thinkific.credentials import Bearer
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.webhooks import WebhooksApi
from lunas.storage import keys
from lunas.storage.enrollment_items import enrollment_item
from lunas.storage.progress import Progress
from lunas.storage.settlements import NEW
from lunas.storage.table import Table
from tests.integration.layer.thinkific_events import platform_enrollment
from tests.support.builders import LATER, NOW
from tests.support.functions import invoke, load
from tests.support.http_stub import Reply, StubProvider
from tests.support.logs import Logged
from tests.support.progress_fakes import delivered

FUNCTION = "sync_progress"
NIGHTLY: dict[str, Any] = {"source": "aws.scheduler", "detail": {}}
TARGET = "https://lunas.test/webhooks/thinkific"
BEFORE = NOW - timedelta(days=21)
COMPLETED, PROGRESS = "enrollment.completed", "enrollment.progress"


def page(*listed: dict[str, Any], following: int | None = None) -> Reply:
    return Reply(body={"items": list(listed), "meta": {"pagination": {"next_page": following}}})


def hook(name: str, topic: str, **changes: Any) -> dict[str, Any]:
    return {"id": name, "topic": topic, "target_url": TARGET, "status": "active", **changes}


def hooks(*listed: dict[str, Any], following: str | None = None) -> Reply:
    page = {"has_next": bool(following), "next_page": following}
    return Reply(body={"items": list(listed), "meta": {"page": page}})


BOTH = hooks(hook("1", COMPLETED), hook("2", PROGRESS))


def at_thinkific(monkeypatch: pytest.MonkeyPatch, *replies: Reply | Exception) -> StubProvider:
    """Let both APIs answer in turn."""
    provider = StubProvider(*replies)
    for home, client in ((settings, ThinkificApi), (webhooks, WebhooksApi)):
        made = partial(client, session=provider.session)
        monkeypatch.setattr(home, client.__name__, made)
    # The context of tests has less time left than a run reserves.
    monkeypatch.setattr(load(FUNCTION), "ONE_MORE", 1)
    return provider


@pytest.fixture
def progress(table: Table) -> Any:
    """Write an enrollment at 40 percent; the fixture reads its progress."""
    table.put(enrollment_item(delivered()), NEW)
    return lambda: (table.get(keys.enrollment(delivered().id)) or {})["progress"]


def test_missed_progress_is_read_and_the_next_sync_starts_later(
    monkeypatch: pytest.MonkeyPatch, table: Table, progress: Any, logged: Logged
) -> None:
    Progress(table).note_position(SyncPosition(BEFORE))
    provider = at_thinkific(
        monkeypatch,
        page(platform_enrollment("0.0", id=9), following=2),
        page(platform_enrollment("0.75")),
        BOTH,
    )
    assert invoke(FUNCTION, NIGHTLY) is None
    assert progress() == 75
    assert [each.query.get("page") for each in provider.asked] == [["1"], ["2"], None]
    assert provider.asked[0].query["query[updated_after]"] == ["2026-11-01T03:04:05Z"]
    position = Progress(table).position()
    assert position
    assert position.since > BEFORE
    assert position.began is None
    assert logged.messages() == ["progress synced"]
    assert logged.values() == {"WebhooksMissing": 0}


def test_a_failed_page_is_logged_and_read_by_the_next_run(
    monkeypatch: pytest.MonkeyPatch, table: Table, progress: Any, logged: Logged
) -> None:
    at_thinkific(monkeypatch, page(following=2), Reply(502, "<html>"), BOTH)
    with pytest.raises(DeliveryDelayed):
        invoke(FUNCTION, NIGHTLY)
    assert logged.messages("WARNING") == ["progress sync failed"]
    again = at_thinkific(monkeypatch, page(platform_enrollment("1.0")), BOTH)
    invoke(FUNCTION, NIGHTLY)
    assert again.asked[0].query["page"] == ["2"]
    assert progress() == 100
    assert table.get(keys.sync_progress())


@pytest.mark.parametrize(
    ("failure", "raised", "message"),
    [
        (Reply(502, "<html>"), DeliveryDelayed, "progress sync failed"),
        (RuntimeError(TARGET), RuntimeError, "unexpected error"),
    ],
    ids=["502", "unexpected"],
)
@pytest.mark.usefixtures("table")
def test_missing_webhooks_are_reported_even_if_the_progress_sync_fails(
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
    failure: Reply | Exception,
    raised: type[Exception],
    message: str,
) -> None:
    at_thinkific(monkeypatch, failure, hooks())
    with pytest.raises(raised):
        invoke(FUNCTION, NIGHTLY)
    assert logged.messages() == ["webhooks missing", message]
    assert logged.values()["WebhooksMissing"] == 2


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (Reply(403, {"error": "plan"}), "webhooks not checked"),
        (RuntimeError(TARGET), "unexpected error"),
    ],
    ids=["403", "unexpected"],
)
@pytest.mark.usefixtures("table")
def test_a_failing_webhook_check_does_not_hide_the_first_failure(
    monkeypatch: pytest.MonkeyPatch, logged: Logged, second: Reply | Exception, message: str
) -> None:
    at_thinkific(monkeypatch, Reply(502, "<html>"), second)
    with pytest.raises(DeliveryDelayed, match="502"):
        invoke(FUNCTION, NIGHTLY)
    assert logged.messages() == [message, "progress sync failed"]
    assert "502" in logged.lines[-1]["reason"]
    assert TARGET not in logged.text


@pytest.mark.usefixtures("table")
def test_a_failing_webhook_check_alone_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    at_thinkific(monkeypatch, page(), Reply(502, "<html>"))
    with pytest.raises(DeliveryDelayed):
        invoke(FUNCTION, NIGHTLY)
    assert logged.messages() == ["progress synced", "progress sync failed"]


def test_a_run_out_of_time_logs_that_it_is_behind(
    monkeypatch: pytest.MonkeyPatch, table: Table, logged: Logged
) -> None:
    at_thinkific(monkeypatch, BOTH)
    monkeypatch.setattr(load(FUNCTION), "ONE_MORE", 10**9)
    invoke(FUNCTION, NIGHTLY)
    assert logged.messages("WARNING") == ["progress sync is behind"]
    assert table.get(keys.sync_progress()) is None


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (hooks(), 2),
        (hooks(hook("1", COMPLETED)), 1),
        (hooks(hook("1", COMPLETED), hook("2", PROGRESS, status="inactive")), 1),
        (hooks(hook("1", COMPLETED, target_url=f"{TARGET}/"), hook("2", PROGRESS)), 1),
        (BOTH, 0),
    ],
)
@pytest.mark.usefixtures("table")
def test_webhooks_that_do_not_work_are_reported_until_they_are_fixed(
    monkeypatch: pytest.MonkeyPatch, logged: Logged, there: Reply, missing: int
) -> None:
    provider = at_thinkific(monkeypatch, page(), there)
    invoke(FUNCTION, NIGHTLY)
    assert logged.messages("ERROR") == ["webhooks missing"] * bool(missing)
    assert logged.values() == {"WebhooksMissing": missing}
    assert all(each.method == "GET" for each in provider.asked)


@pytest.mark.usefixtures("table")
def test_the_command_reads_every_page_before_it_registers_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    others = hook("7", "order.created", target_url="https://other.test/")
    provider = at_thinkific(
        monkeypatch,
        hooks(others, following="next"),
        hooks(hook("1", COMPLETED)),
        Reply(201, hook("8", PROGRESS)),
    )
    result = invoke(FUNCTION, {"webhooks": "register"})
    assert result == [
        {"topic": COMPLETED, "state": "ACTIVE"},
        {"topic": PROGRESS, "state": "REGISTERED"},
    ]
    assert provider.calls == ["GET /api/v2/webhooks"] * 2 + ["POST /api/v2/webhooks"]
    assert provider.asked[1].query["next"] == ["next"]
    assert provider.asked[2].body == {"topic": PROGRESS, "target_url": TARGET}
    assert {each.headers["Authorization"] for each in provider.asked} == {"Bearer thinkific-key"}
    assert not any("X-Auth-API-Key" in each.headers for each in provider.asked)
    assert logged.values() == {"WebhooksMissing": 0}


@pytest.mark.usefixtures("table")
def test_an_inactive_webhook_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = at_thinkific(
        monkeypatch,
        hooks(hook("1", COMPLETED), hook("2", PROGRESS, status="inactive")),
        Reply(201, hook("8", PROGRESS)),
        Reply(204),
    )
    invoke(FUNCTION, {"webhooks": "register"})
    assert provider.calls[1:] == ["POST /api/v2/webhooks", "DELETE /api/v2/webhooks/2"]


@pytest.mark.usefixtures("table")
def test_a_target_that_thinkific_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = Reply(422, {"errors": {"url": "is not valid"}})
    at_thinkific(monkeypatch, hooks(), refused)
    with pytest.raises(DeliveryImpossible, match="url"):
        invoke(FUNCTION, {"webhooks": "register"})


def test_a_slower_run_does_not_move_the_position_back(table: Table) -> None:
    kept = Progress(table)
    kept.note_position(SyncPosition(LATER, began=LATER, page=3))
    kept.note_position(SyncPosition(NOW, began=NOW, page=2))
    assert kept.position() == SyncPosition(LATER, began=LATER, page=3)
    kept.note_position(SyncPosition(LATER))
    assert kept.position() == SyncPosition(LATER)


@pytest.mark.usefixtures("table")
def test_an_app_also_gets_the_uninstall_webhook(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = ThinkificSite("https://thinkific.test", Bearer(lambda: "token-1"))
    monkeypatch.setattr(settings, "authentication", lambda: Authentication.OAUTH)
    monkeypatch.setattr(settings, "site_of", lambda *_: site)
    provider = at_thinkific(monkeypatch, BOTH, Reply(201, hook("3", "app.uninstalled")))
    result = invoke(FUNCTION, {"webhooks": "register"})
    assert result[-1] == {"topic": "app.uninstalled", "state": "REGISTERED"}
    assert len(provider.asked) == 2


@pytest.mark.usefixtures("table")
def test_an_access_token_is_the_bearer_of_both_apis(monkeypatch: pytest.MonkeyPatch) -> None:
    site = ThinkificSite("https://thinkific.test", Bearer(lambda: "token-1"))
    monkeypatch.setattr(settings, "site_of", lambda *_: site)
    provider = at_thinkific(monkeypatch, page(), BOTH)
    invoke(FUNCTION, NIGHTLY)
    assert [each.headers["Authorization"] for each in provider.asked] == ["Bearer token-1"] * 2
