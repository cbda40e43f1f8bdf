"""The webhooks at the platform: looking whether they are there, and registering them once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lunas.domain.platform_webhooks import Fate, Standing, standings

if TYPE_CHECKING:
    from lunas.services.repositories import WebhookSite


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is wanted: these topics, sent to this address."""

    topics: tuple[str, ...]
    target_url: str


def look(site: WebhookSite, wanted: Subscription) -> list[Standing]:
    """Tell how each topic stands; changes nothing. Raises DeliveryError."""
    return standings(site.webhooks(), wanted.target_url, wanted.topics)


def register(site: WebhookSite, wanted: Subscription) -> list[Standing]:
    """Register what does not work; a second run finds it and does nothing.

    The platform does not drop a second registration, so all there is gets listed first. An inactive
    one of ours is replaced, the new one first, so that no event falls between them; what others
    registered stays. Raises DeliveryError: then run it again.
    """
    return [
        each if each.works else _registered(site, each, wanted.target_url)
        for each in look(site, wanted)
    ]


def _registered(site: WebhookSite, standing: Standing, target_url: str) -> Standing:
    made = site.create(standing.topic, target_url)
    for old in standing.webhooks:
        site.delete(old.id)
    return replace(standing, fate=Fate.REGISTERED, webhooks=(made,))
