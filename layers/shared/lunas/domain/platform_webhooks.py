"""Which webhooks Lunas wants at the platform, and how those that are there fit."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TOPICS = ("enrollment.completed", "enrollment.progress")
TOPICS_OF_AN_APP = (*TOPICS, "app.uninstalled")
"""Only what was installed can be uninstalled."""


class WebhookState(StrEnum):
    """How a topic stands, or what was done about it."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    MISSING = "MISSING"
    REGISTERED = "REGISTERED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook at the platform: whoever made it, one topic, one target."""

    id: str
    topic: str
    target_url: str
    active: bool


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic, how it stands, and our webhooks for it."""

    topic: str
    state: WebhookState
    webhooks: tuple[Webhook, ...] = ()

    @property
    def works(self) -> bool:
        """Tell whether events of the topic come."""
        return self.state in {WebhookState.ACTIVE, WebhookState.REGISTERED}


def topic_statuses(
    there: Iterable[Webhook], target: str, topics: Iterable[str]
) -> list[TopicStatus]:
    """Compare what is there with what is wanted; webhooks with another target are others'."""
    ours = [each for each in there if each.target_url == target]
    return [
        _topic_status(topic, [each for each in ours if each.topic == topic]) for topic in topics
    ]


def _topic_status(topic: str, ours: list[Webhook]) -> TopicStatus:
    if any(each.active for each in ours):
        return TopicStatus(topic, WebhookState.ACTIVE, tuple(ours))
    return TopicStatus(topic, WebhookState.INACTIVE if ours else WebhookState.MISSING, tuple(ours))
