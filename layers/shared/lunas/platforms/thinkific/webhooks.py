"""Webhooks at Thinkific, by its Webhooks API v2 (thinkific-webhook.md, Registering)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from lunas.domain.errors import DeliveryDelayed, DeliveryImpossible
from lunas.domain.platform_webhooks import Webhook
from lunas.platforms.thinkific.credentials import Bearer
from lunas.platforms.thinkific.enrollments import MAX_PAGES
from lunas.platforms.thinkific.fields import part, text, word
from lunas.platforms.thinkific.http import Missing, ThinkificApi, ThinkificSite

PAGE = 25


class WebhooksApi(ThinkificApi):
    """The API v2, which takes a bearer only: the API key of the site, or a token."""

    BASE: ClassVar = "/api/v2"


def bearing(site: ThinkificSite) -> ThinkificSite:
    """Return a site whose credentials are shown as the API v2 takes them."""
    return replace(site, credentials=Bearer(site.credentials.bearer, site.credentials.replaced))


class ThinkificWebhooks:
    """All webhooks of a site, whoever made them. Every method raises DeliveryError."""

    def __init__(self, api: WebhooksApi) -> None:
        self._api = api

    def webhooks(self) -> Iterator[Webhook]:
        """Return all of them, through all pages; a cursor that comes back is DeliveryDelayed."""
        following: str | None = None
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            cursor = {"next": following} if following else {}
            answer = self._api.get("/webhooks", {**cursor, "limit": PAGE})
            yield from _listed(answer)
            following = _cursor(answer)
            if following is None:
                return
            if following in seen:
                raise DeliveryDelayed("Thinkific's list of webhooks gives the same page again")
            seen.add(following)
        raise DeliveryImpossible("Thinkific's list of webhooks does not end")

    def create(self, topic: str, target_url: str) -> Webhook:
        """Register a target for a topic; Rejected names what Thinkific does not take."""
        return _webhook(self._api.post("/webhooks", {"topic": topic, "target_url": target_url}))

    def delete(self, webhook_id: str) -> None:
        """Remove one; if it is gone already, that is fine."""
        try:
            self._api.delete(f"/webhooks/{webhook_id}")
        except Missing:
            return


def _listed(answer: Mapping[str, Any]) -> list[Webhook]:
    items = answer.get("items")
    if not isinstance(items, list) or not all(isinstance(each, dict) for each in items):
        raise DeliveryDelayed("Thinkific answered without a list of webhooks")
    return [_webhook(each) for each in items]


def _webhook(row: Mapping[str, Any]) -> Webhook:
    webhook_id = word(row, "id")
    if not webhook_id:
        raise DeliveryDelayed("Thinkific answered with a webhook without an id")
    return Webhook(
        id=webhook_id,
        topic=text(row, "topic"),
        target_url=text(row, "target_url"),
        active=text(row, "status") == "active",
    )


def _cursor(answer: Mapping[str, Any]) -> str | None:
    following = word(part(part(answer, "meta"), "page"), "next_page")
    # 0 is taken for "none", as in the lists that count their pages.
    return None if following in {"", "0"} else following
