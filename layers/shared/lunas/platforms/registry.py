"""Creates the course platform from the settings."""

from lunas.domain.sites import Connection
from lunas.platforms.base import CoursePlatform, WebhookRegistry
from lunas.storage.table import Table


def load() -> None:
    """Import the platform's code while Lambda starts the function."""
    from lunas.platforms.thinkific import platform, settings  # noqa: F401, PLC0415


def course_platform(
    table: Table,
    remaining: int,
    correlation_id: str | None,
    *,
    max_wait: int | None = None,
    factor: int = 1,
) -> CoursePlatform:
    """Return the platform for an invocation that has ``remaining`` milliseconds left.

    A call waits at most ``max_wait`` milliseconds for a permit; with 0 it is sent only if no other
    caller waits. ``factor`` converts rupiah to the smallest unit of the currency in sale reports.
    """
    from lunas.platforms.thinkific.platform import Thinkific  # noqa: PLC0415
    from lunas.platforms.thinkific.settings import api  # noqa: PLC0415

    return Thinkific(api(table, remaining, correlation_id, max_wait), factor)


def webhook_registry(table: Table, remaining: int, correlation_id: str) -> WebhookRegistry:
    """Return the platform's webhooks for an invocation, like :func:`course_platform`."""
    from lunas.platforms.thinkific.settings import webhooks  # noqa: PLC0415

    return webhooks(table, remaining, correlation_id)


def webhook_topics() -> tuple[str, ...]:
    """Return the topics of the events that Lunas needs with its way of authentication."""
    from lunas.platforms.thinkific.settings import topics  # noqa: PLC0415

    return topics()


def is_disconnected(connection: Connection | None) -> bool:
    """Return whether no call is possible until a person connects the site again."""
    from lunas.platforms.thinkific.settings import is_disconnected  # noqa: PLC0415

    return is_disconnected(connection)
