"""The webhooks that Lunas needs at the platform, compared with the existing ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TOPICS = ("enrollment.completed", "enrollment.progress")
TOPICS_OF_AN_APP = (*TOPICS, "app.uninstalled")
"""Only an app is uninstalled."""


class WebhookState(StrEnum):
    """The state of a topic's webhooks, or the result of registering them."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    MISSING = "MISSING"
    REGISTERED = "REGISTERED"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook at the platform, ours or another's: one topic, one target."""

    id: str
    topic: str
    target_url: str
    active: bool


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic, its state, and our webhooks for it."""

    topic: str
    state: WebhookState
    webhooks: tuple[Webhook, ...] = ()

    @property
    def works(self) -> bool:
        """Return whether the platform sends events of the topic."""
        return self.state in {WebhookState.ACTIVE, WebhookState.REGISTERED}


def topic_statuses(
    there: Iterable[Webhook], target: str, topics: Iterable[str]
) -> list[TopicStatus]:
    """Return the state of each topic; webhooks with another target are not ours."""
    ours = [each for each in there if each.target_url == target]
    return [
        _topic_status(topic, [each for each in ours if each.topic == topic]) for topic in topics
    ]


def _topic_status(topic: str, ours: list[Webhook]) -> TopicStatus:
    if any(each.active for each in ours):
        return TopicStatus(topic, WebhookState.ACTIVE, tuple(ours))
    return TopicStatus(topic, WebhookState.INACTIVE if ours else WebhookState.MISSING, tuple(ours))
