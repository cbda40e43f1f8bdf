"""Registering webhooks: once each, an inactive one replaced, those of others left alone."""

from lunas.domain.sites import TOPICS, Webhook, WebhookState
from lunas.services.platform_webhooks import PlatformWebhookService
from tests.support.progress_fakes import FakeWebhooks

TARGET = "https://lunas.test/webhooks/thinkific"
COMPLETED, PROGRESS = TOPICS


def hook(name: str, topic: str, target: str = TARGET, *, active: bool = True) -> Webhook:
    return Webhook(name, topic, target, active)


def service(site: FakeWebhooks) -> PlatformWebhookService:
    return PlatformWebhookService(site, TOPICS, TARGET)


def states(site: FakeWebhooks) -> list[WebhookState]:
    return [each.state for each in service(site).check()]


def test_each_topic_is_registered_once_however_often_the_command_runs() -> None:
    site = FakeWebhooks()
    assert [each.state for each in service(site).register()] == [WebhookState.REGISTERED] * 2
    assert [each.state for each in service(site).register()] == [WebhookState.ACTIVE] * 2
    assert site.did == [f"create {COMPLETED}", f"create {PROGRESS}"]


def test_only_missing_topics_are_registered() -> None:
    site = FakeWebhooks(hook("1", PROGRESS))
    service(site).register()
    assert site.did == [f"create {COMPLETED}"]


def test_webhooks_of_others_are_neither_counted_nor_deleted() -> None:
    others = hook("1", PROGRESS, "https://other.test/hook"), hook("2", "order.created")
    site = FakeWebhooks(*others)
    assert states(site) == [WebhookState.MISSING, WebhookState.MISSING]
    service(site).register()
    assert site.there[:2] == [*others]


def test_an_inactive_webhook_is_deleted_after_its_replacement_exists() -> None:
    site = FakeWebhooks(hook("1", COMPLETED), hook("2", PROGRESS, active=False))
    assert states(site) == [WebhookState.ACTIVE, WebhookState.INACTIVE]
    service(site).register()
    assert site.did == [f"create {PROGRESS}", "delete 2"]
    assert states(site) == [WebhookState.ACTIVE, WebhookState.ACTIVE]


def test_a_topic_with_an_active_webhook_counts_as_active() -> None:
    site = FakeWebhooks(hook("1", PROGRESS, active=False), hook("2", PROGRESS))
    assert states(site) == [WebhookState.MISSING, WebhookState.ACTIVE]
