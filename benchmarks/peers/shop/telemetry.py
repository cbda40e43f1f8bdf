"""Log lines and metrics of Powertools, set up by the decorators that it documents."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics(namespace="Shop")

type Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def instrumented(handler: Handler) -> Handler:
    """Log with the request's id, and write its metrics at the end."""

    @logger.inject_lambda_context(
        correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True
    )
    @metrics.log_metrics
    def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401
        logger.append_keys(route=event["routeKey"])
        return handler(event, context)

    return answer


def count(name: str) -> None:
    """Add one to a metric."""
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=1)
