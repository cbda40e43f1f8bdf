"""Checks the webhooks at the platform, and registers missing ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.sites import TopicStatus, WebhookState, topic_statuses

if TYPE_CHECKING:
    from lunas.platforms.base import WebhookRegistry


@dataclass(frozen=True, slots=True)
class PlatformWebhookService:
    """Keeps the events of ``topics`` coming to ``target_url``; its methods raise DeliveryError."""

    webhooks: WebhookRegistry
    topics: tuple[str, ...]
    target_url: str

    def check(self) -> list[TopicStatus]:
        """Return the state of each topic; changes nothing."""
        return topic_statuses(self.webhooks.webhooks(), self.target_url, self.topics)

    def register(self) -> list[TopicStatus]:
        """Register the topics that do not work; a second run changes nothing.

        The platform accepts duplicates, so the existing webhooks are listed first. An inactive one
        of ours is replaced, the new one first, so that no event is lost; webhooks of others stay.
        After an error, run it again.
        """
        return [each if each.works else self._registered(each) for each in self.check()]

    def _registered(self, topic_status: TopicStatus) -> TopicStatus:
        made = self.webhooks.create(topic_status.topic, self.target_url)
        for old in topic_status.webhooks:
            self.webhooks.delete(old.id)
        return replace(topic_status, state=WebhookState.REGISTERED, webhooks=(made,))
