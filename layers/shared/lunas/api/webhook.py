"""The endpoint of a webhook: handles a request, answers it, and logs refusals."""

from collections.abc import Callable, Mapping
from typing import Any

from lunas import observability
from lunas.api import http_events, problems
from lunas.domain.errors import LunasError

OK_RESPONSE = {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "OK"}


def answer(
    event: Mapping[str, Any],
    route: str,
    handle: Callable[[str], None],
    on_refusal: Callable[[LunasError], None],
) -> dict[str, Any]:
    """Return 200 once ``handle`` is done with a request, else the problem that it raises.

    ``handle`` gets the request's id and verifies the raw body before it reads any of it.
    ``on_refusal`` logs and counts a LunasError; any other error is logged and answered by 500.
    """
    request_id = http_events.request_id(event)
    observability.bind(request_id, route=route)
    try:
        handle(request_id)
    except LunasError as error:
        on_refusal(error)
        return problems.proxy_answer(error, request_id)
    except Exception as error:  # noqa: BLE001  (the last resort: logged, answered as 500)
        observability.log_exception(error)
        return problems.proxy_answer(error, request_id)
    return OK_RESPONSE
