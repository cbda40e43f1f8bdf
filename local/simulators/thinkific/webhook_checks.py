"""What a webhook may be registered for: the topics there are, and targets on the public network."""

from urllib.parse import urlsplit

from local.simulators.thinkific.answers import Json, text, unprocessable
from local.simulators.thinkific.hosts import is_loopback
from local.simulators.thinkific.settings import WebhookTargets

TOPICS = frozenset(
    {
        "app.uninstalled",
        "course.created",
        "course.deleted",
        "course.updated",
        "enrollment.completed",
        "enrollment.created",
        "enrollment.progress",
        "enrollment.trial",
        "lead.created",
        "lesson.completed",
        "order.created",
        "order_transaction.failed",
        "order_transaction.refunded",
        "order_transaction.succeeded",
        "plan.updated",
        "product.created",
        "product.deleted",
        "product.updated",
        "quiz.attempted",
        "subscription.cancelled",
        "subscription.past_due",
        "subscription.unpaid",
        "user.signin",
        "user.signup",
        "user.updated",
    }
)
FORBIDDEN_DOMAINS = ("example", "example.com", "example.net", "example.org", "thinkific.com")


def check_webhook(body: Json, names: tuple[str, ...], targets: WebhookTargets) -> None:
    """Raise a 422 with one text for each of the fields ``names`` that cannot be used."""
    errors = {}
    if "topic" in names and text(body, "topic") not in TOPICS:
        errors["topic"] = "invalid format"
    if "target_url" in names and not _is_target(text(body, "target_url"), targets):
        errors["url"] = "is not valid"
    if errors:
        raise unprocessable(errors)


def _is_target(url: str, targets: WebhookTargets) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    if is_loopback(host):
        return targets == "loopback_too" and parts.scheme in {"http", "https"}
    return parts.scheme == "https" and "." in host and not _is_forbidden(host)


def _is_forbidden(host: str) -> bool:
    return any(f".{host}".endswith(f".{domain}") for domain in FORBIDDEN_DOMAINS)
