"""Logs and metrics: one line for each decision, one correlation id from request to platform.

They hold no personal data and no secrets: callers pass ids and decisions, and an unexpected error
is logged by its type and place, never by its message, which may quote its input.
"""

import traceback
from collections.abc import Mapping
from http import HTTPStatus

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

from lunas.domain.errors import LunasError, StorageContention

logger = Logger(utc=True, use_rfc3339=True, location=None)

NAMESPACE = "Lunas"
API, FUNCTION_URL = "api", "url"
"""Values of the dimension ``entrance``: where a request comes in."""


def bind(correlation_id: str | None, **keys: str) -> None:
    """Start the log of one request or message: every further line has these keys."""
    logger.thread_safe_clear_keys()
    logger.clear_state()
    logger.set_correlation_id(correlation_id)
    logger.append_keys(**keys)


def log_exception(error: BaseException) -> None:
    """Log an error that ends a request or message.

    An unexpected one is logged by its type and its place in the code. Storage contention is no
    bug: a scheduled run repeats the work. An error that an operator has to correct is logged with
    its message, which names the setting.
    """
    if isinstance(error, StorageContention):
        logger.warning(
            "table busy",
            todo="nothing if it ends: the next run continues; else see docs/guides/operations.md",
        )
        return
    if isinstance(error, LunasError) and error.misconfigured:
        logger.error("misconfigured", reason=str(error), todo="see docs/deploy.md")
        count("ServerError")
        return
    frames = traceback.extract_tb(error.__traceback__)
    places = [
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames
    ]
    logger.error("unexpected error", error=type(error).__name__, places=places[-8:])
    count("UnexpectedError")


def count_failure(error: LunasError, status: int, entrance: str = API) -> None:
    """Count an error that is not the caller's fault, by the status of its response.

    ``entrance``: API or FUNCTION_URL. Each has an alarm on 5xx responses, which subtracts the
    failures of dependencies that were answered there.

    An error that an operator has to correct, and every 500, is Lunas' own and stops a deployment.
    Other 5xx mean that a dependency fails (a gateway, the login service, the table): another
    version of the code would answer the same.
    """
    if error.misconfigured or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        count("ServerError")
    elif status > HTTPStatus.INTERNAL_SERVER_ERROR:
        count("DependencyError", entrance=entrance)


def count(metric: str, **also_by: str) -> None:
    """Add one to a metric that counts events; its alarms use the sum.

    With ``also_by`` it is also counted under these dimensions.
    """
    if also_by:
        _write_by(metric, also_by)
    else:
        _write(metric, 1)


def gauge(metric: str, value: int) -> None:
    """Write how much of something there is now; its alarms use the maximum or minimum."""
    _write(metric, value)


def _write(metric: str, value: int) -> None:
    """Write a metric, as a log line in CloudWatch's embedded metric format.

    The dimension is the stack: without it, two stacks of one account would share their alarms.
    """
    with single_metric(
        name=metric, unit=MetricUnit.Count, value=value, namespace=NAMESPACE
    ) as written:
        written.add_dimension(name="service", value=logger.service)


def _write_by(metric: str, more: Mapping[str, str]) -> None:
    """Write one for the stack, and for the stack and more dimensions, in one line."""
    # Imported here, since only failures are counted like this.
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415

    written = EphemeralMetrics(namespace=NAMESPACE)
    written.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    written.add_dimension(name="service", value=logger.service)
    written.add_dimensions(service=logger.service, **more)
    written.flush_metrics()
