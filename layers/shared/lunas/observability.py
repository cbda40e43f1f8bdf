"""Logs and metrics: one line per decision, one correlation id from request to the platform.

Nothing personal and nothing secret gets here: callers pass ids and decisions, and an unexpected
error is reported by its type and place, never by its message, which may quote what it choked on.
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
"""What callers reach a function by: values of the dimension ``entrance``."""


def bind(correlation_id: str | None, **keys: str) -> None:
    """Start the log of one request or message: every further line carries these keys."""
    logger.thread_safe_clear_keys()
    logger.clear_state()
    logger.set_correlation_id(correlation_id)
    logger.append_keys(**keys)


def log_exception(error: BaseException) -> None:
    """Log an error that ends a request or message.

    An unexpected one is logged by its type and its place in the code. A table that was busy
    for longer than a write is repeated is no bug: the schedule repeats what was begun. What an
    operator has to correct carries a message of ours that says what.
    """
    if isinstance(error, StorageContention):
        logger.warning(
            "table busy",
            todo="nothing if it passes, the next run goes on; else see docs/guides/operations.md",
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
    """Count an error that is not the caller's fault, by the status that it is answered with.

    ``entrance``: which of API and FUNCTION_URL the answer goes out by. Each has an alarm on answers
    of 5xx, which subtracts the failures of dependencies that were answered there.

    What an operator has to correct, and every 500, is ours and stops a deployment. The others
    from 502 on are given while something fails that Lunas depends on (a gateway, the login
    service, the table): another version of the code would answer the same.
    """
    if error.misconfigured or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        count("ServerError")
    elif status > HTTPStatus.INTERNAL_SERVER_ERROR:
        count("DependencyError", entrance=entrance)


def count(metric: str, **also_by: str) -> None:
    """Add one to a metric that counts what happened; its alarms look at the sum.

    With ``also_by`` it is counted a second time under these dimensions as well.
    """
    if also_by:
        _write_by(metric, also_by)
    else:
        _write(metric, 1)


def gauge(metric: str, value: int) -> None:
    """Write how much of something there is now; its alarms look at the highest or lowest."""
    _write(metric, value)


def _write(metric: str, value: int) -> None:
    """Write a metric, by a log line in CloudWatch's embedded format.

    The dimension is the stack: without it, two stacks of one account would share their alarms.
    """
    with single_metric(
        name=metric, unit=MetricUnit.Count, value=value, namespace=NAMESPACE
    ) as written:
        written.add_dimension(name="service", value=logger.service)


def _write_by(metric: str, more: Mapping[str, str]) -> None:
    """Write one for the stack, and for the stack and more dimensions, in one line."""
    # Nothing is counted like this until something fails.
    from aws_lambda_powertools.metrics import EphemeralMetrics  # noqa: PLC0415

    written = EphemeralMetrics(namespace=NAMESPACE)
    written.add_metric(name=metric, unit=MetricUnit.Count, value=1)
    written.add_dimension(name="service", value=logger.service)
    written.add_dimensions(service=logger.service, **more)
    written.flush_metrics()
