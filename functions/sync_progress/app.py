"""Every night: reads the progress that no event reported, and checks the platform's webhooks.

An operator's command invokes the same function to register them, since it has the credentials, the
rate limiter and the webhook's address.
"""

import time
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lunas import observability
from lunas.aws import clients
from lunas.bootstrap import platform_services
from lunas.domain.errors import DeliveryError
from lunas.observability import logger
from lunas.services.progress import SyncedProgress

clients.prepare(clients.dynamodb, clients.secrets_manager, platform_services.load_course_platform)

ONE_MORE = 120_000
"""Milliseconds that a wait for the rate limit, one more page and recording it may take."""
REPEATED = "nothing: Lambda repeats it twice"


def handler(event: dict[str, Any], context: LambdaContext) -> list[dict[str, str]] | None:
    """Run the nightly jobs; ``{"webhooks": "register"}`` registers and returns the topics' states.

    Runs may overlap or be repeated.
    """
    observability.bind(context.aws_request_id, route="progress sync")
    try:
        if event.get("webhooks") == "register":
            return _register(context)
        _run_nightly(context)
    except DeliveryError as error:
        logger.warning("progress sync failed", reason=str(error), todo=REPEATED)
        raise
    except Exception as error:
        observability.log_exception(error)
        raise
    return None


def _run_nightly(context: LambdaContext) -> None:
    """Sync, then check the webhooks even if that failed; raises the first error.

    The webhooks come last: an error of theirs must not keep progress from being recorded.
    """
    try:
        _sync(context)
    except Exception:
        _check_after_failure(context)
        raise
    _check(context)


def _check_after_failure(context: LambdaContext) -> None:
    """Check the webhooks; an error is logged, but must not hide the one before."""
    try:
        _check(context)
    except DeliveryError as error:
        logger.warning("webhooks not checked", reason=str(error), todo=REPEATED)
    except Exception as error:  # noqa: BLE001  (the one before is raised)
        observability.log_exception(error)


def _register(context: LambdaContext) -> list[dict[str, str]]:
    found = platform_services.platform_webhooks(context).register()
    observability.gauge("WebhooksMissing", 0)
    registered = [{"topic": each.topic, "state": each.state} for each in found]
    logger.info("webhooks registered", topics=registered)
    return registered


def _check(context: LambdaContext) -> None:
    found = platform_services.platform_webhooks(context).check()
    missing = [each for each in found if not each.works]
    observability.gauge("WebhooksMissing", len(missing))
    if missing:
        topics = [f"{each.topic} {each.state}" for each in missing]
        logger.error(
            "webhooks missing",
            topics=topics,
            todo="register them, see docs/runbooks/webhooks-missing.md",
        )


def _sync(context: LambdaContext) -> None:
    def deadline_is_near() -> bool:
        return context.get_remaining_time_in_millis() < ONE_MORE

    _log(platform_services.progress_sync(context, deadline_is_near, time.sleep).sync())


def _log(done: SyncedProgress) -> None:
    logger.info(
        "progress synced", results={str(name): times for name, times in done.results.items()}
    )
    if done.next_page is not None:
        logger.warning(
            "progress sync is behind",
            page=done.next_page,
            todo="nothing while it ends some night; else run it more often",
        )
