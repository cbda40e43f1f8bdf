"""By night: the platform's webhooks are looked for, and what they did not tell is read.

``make thinkific-webhooks`` invokes the same function to have them registered, since this one has
the credentials, the shared limiter and the address.
"""

import time
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.api.platform import authentication, site_of
from lunas.aws import clients
from lunas.aws.settings import setting
from lunas.clock import now
from lunas.domain.errors import DeliveryError
from lunas.domain.platform_webhooks import TOPICS, TOPICS_OF_AN_APP
from lunas.observability import logger
from lunas.platforms.thinkific.credentials import Authentication
from lunas.platforms.thinkific.http import ThinkificApi
from lunas.platforms.thinkific.progress import ThinkificProgress
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.platforms.thinkific.webhooks import ThinkificWebhooks, WebhooksApi, bearing
from lunas.services.platform_webhooks import Subscription, look, register
from lunas.services.progress_events import ProgressRecorder
from lunas.services.progress_sync import ProgressSync, SyncedProgress, sync_progress
from lunas.storage.progress import Progress
from lunas.storage.progress_sync import ProgressSyncs
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

ONE_MORE = 120_000
"""Milliseconds that a rest for the platform's limit, one more page and its notes may take."""


@dataclass(frozen=True, slots=True)
class Ends:
    """The table, and both of the platform's APIs, for one invocation."""

    table: Table
    api: ThinkificApi
    webhooks: ThinkificWebhooks


def handler(event: dict[str, Any], context: LambdaContext) -> list[dict[str, str]] | None:
    """Do what is due by night; with ``{"webhooks": "register"}`` register and tell how it stands.

    Runs may overlap or come twice.
    """
    observability.bind(context.aws_request_id, route="progress sync")
    try:
        ends = _ends(context)
        if event.get("webhooks") == "register":
            return _register(ends)
        _do_nightly(ends, context)
    except DeliveryError as error:
        logger.warning(
            "progress sync broke off", reason=str(error), todo="nothing: Lambda repeats it twice"
        )
        raise
    except Exception as error:
        observability.log_exception(error)
        raise
    return None


def _do_nightly(ends: Ends, context: LambdaContext) -> None:
    """Catch up, then look at the webhooks, whatever becomes of either; the first error is raised.

    The webhooks last: a list that cannot be read must not leave learners behind.
    """
    try:
        _sync_progress(ends, context)
    except Exception:
        _check_after_failure(ends)
        raise
    _check(ends)


def _check_after_failure(ends: Ends) -> None:
    """Look at the webhooks; an error of that is told, but must not hide the one before."""
    try:
        _check(ends)
    except DeliveryError as error:
        logger.warning(
            "webhooks not checked", reason=str(error), todo="nothing: Lambda repeats it twice"
        )
    except Exception as error:  # noqa: BLE001  (the one before is raised)
        observability.log_exception(error)


def _ends(context: LambdaContext) -> Ends:
    table, remaining = Table.from_environment(), context.get_remaining_time_in_millis()
    site = site_of(table, remaining)
    limiter = SharedLimiter.from_environment(table, remaining)
    traced = context.aws_request_id
    return Ends(
        table=table,
        api=ThinkificApi(site, limiter, traced),
        webhooks=ThinkificWebhooks(WebhooksApi(bearing(site), limiter, traced)),
    )


def _wanted() -> Subscription:
    is_app = authentication() is Authentication.OAUTH
    return Subscription(TOPICS_OF_AN_APP if is_app else TOPICS, setting("THINKIFIC_WEBHOOK_URL"))


def _register(ends: Ends) -> list[dict[str, str]]:
    found = register(ends.webhooks, _wanted())
    observability.gauge("WebhooksMissing", 0)
    told = [{"topic": each.topic, "fate": each.fate} for each in found]
    logger.info("webhooks registered", topics=told)
    return told


def _check(ends: Ends) -> None:
    missing = [each for each in look(ends.webhooks, _wanted()) if not each.works]
    observability.gauge("WebhooksMissing", len(missing))
    if missing:
        topics = [f"{each.topic} {each.fate}" for each in missing]
        logger.error("webhooks missing", topics=topics, todo="run make thinkific-webhooks")


def _sync_progress(ends: Ends, context: LambdaContext) -> None:
    site = ThinkificProgress(ends.api)
    run = ProgressSync(
        keeper=ProgressSyncs(ends.table),
        changes=site,
        recorder=ProgressRecorder(progress=Progress(ends.table), site=site, now=now),
        deadline_is_near=lambda: context.get_remaining_time_in_millis() < ONE_MORE,
        rest=time.sleep,
    )
    _log(sync_progress(run))


def _log(done: SyncedProgress) -> None:
    logger.info("progress synced", rows={str(name): times for name, times in done.rows.items()})
    if done.next_page is not None:
        logger.warning(
            "progress sync is behind",
            page=done.next_page,
            todo="nothing while it ends some night; else run it more often",
        )
