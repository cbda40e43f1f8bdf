"""Webhooks at Thinkific, through its Webhooks API v2 (thinkific-webhook.md, Registering)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible
from lunas.domain.sites import Webhook
from lunas.platforms.thinkific.credentials import Bearer
from lunas.platforms.thinkific.enrollments import MAX_PAGES
from lunas.platforms.thinkific.fields import part, text, word
from lunas.platforms.thinkific.http import Missing, ThinkificApi, ThinkificSite

PAGE = 25


class WebhooksApi(ThinkificApi):
    """The API v2, which accepts a bearer only: the site's API key or a token."""

    BASE: ClassVar = "/api/v2"


def bearing(site: ThinkificSite) -> ThinkificSite:
    """Return a site that authenticates with a bearer, as the API v2 requires."""
    return replace(site, credentials=Bearer(site.credentials.bearer, site.credentials.replaced))


@dataclass(frozen=True, slots=True)
class ThinkificWebhooks:
    """All webhooks of a site. Every method raises DeliveryError."""

    api: WebhooksApi

    def webhooks(self) -> Iterator[Webhook]:
        """Return the webhooks of all pages; raises DeliveryDelayed if a cursor repeats."""
        following: str | None = None
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            cursor = {"next": following} if following else {}
            answer = self.api.get("/webhooks", {**cursor, "limit": PAGE})
            yield from _listed(answer)
            following = _cursor(answer)
            if following is None:
                return
            if following in seen:
                raise DeliveryDelayed("Thinkific's list of webhooks gives the same page again")
            seen.add(following)
        raise DeliveryImpossible("Thinkific's list of webhooks does not end")

    def create(self, topic: str, target_url: str) -> Webhook:
        """Register a URL for a topic; Rejected names the fields that Thinkific refuses."""
        return _webhook(self.api.post("/webhooks", {"topic": topic, "target_url": target_url}))

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook, unless it is deleted already."""
        try:
            self.api.delete(f"/webhooks/{webhook_id}")
        except Missing:
            return


def _listed(answer: Mapping[str, Any]) -> list[Webhook]:
    items = answer.get("items")
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise DeliveryDelayed("Thinkific answered without a list of webhooks")
    return [_webhook(each) for each in items]


def _webhook(item: Mapping[str, Any]) -> Webhook:
    webhook_id = word(item, "id")
    if not webhook_id:
        raise DeliveryDelayed("Thinkific answered with a webhook without an id")
    return Webhook(
        id=webhook_id,
        topic=text(item, "topic"),
        target_url=text(item, "target_url"),
        active=text(item, "status") == "active",
    )


def _cursor(answer: Mapping[str, Any]) -> str | None:
    following = word(part(part(answer, "meta"), "page"), "next_page")
    # 0 means "none", as in the lists with page numbers.
    return None if following in {"", "0"} else following
