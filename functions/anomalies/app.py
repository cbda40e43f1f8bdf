"""GET /anomalies and PATCH /anomalies/{id}: list anomalies, and resolve one."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from lunas.api.app import LunasApi
from lunas.api.auth import ADMINS
from lunas.api.pagination import read_cursor, write_cursor
from lunas.api.parameters import BLANK, PAGE, Cursor, Limit
from lunas.api.requests import Id, ResolveBody
from lunas.api.responses import AnomalyView, PageView, anomaly_view, page_view
from lunas.aws import clients
from lunas.clock import now
from lunas.domain.anomalies import AnomalyStatus, Resolution
from lunas.domain.errors import NotFound, WrongState
from lunas.observability import logger
from lunas.storage.anomalies import Anomalies
from lunas.storage.table import Table

clients.prepare(clients.dynamodb, clients.secrets_manager)

api = LunasApi()


def _anomalies() -> Anomalies:
    return Anomalies(Table.from_environment())


@api.on("GET", "/anomalies", ADMINS)
def list_anomalies(
    status: Annotated[AnomalyStatus | None, BLANK, Query()] = None,
    limit: Limit = PAGE,
    cursor: Cursor = None,
) -> PageView[AnomalyView]:
    """List anomalies with their evidence, newest first."""
    asked = {"list": "anomalies", "status": status}
    page = _anomalies().page(status, limit, read_cursor(cursor, asked))
    items = [anomaly_view(each) for each in page.items]
    return page_view(items, write_cursor(page.after, asked))


@api.on("PATCH", "/anomalies/{id}", ADMINS)
def resolve_anomaly(anomaly_id: Annotated[Id, Path(alias="id")], body: ResolveBody) -> AnomalyView:
    """Close an anomaly with what was done and why; only one admin can.

    Raises NotFound, WrongState and StorageContention.
    """
    anomalies = _anomalies()
    found = anomalies.get(anomaly_id)
    if found is None:
        raise NotFound("there is no such anomaly")
    resolution = Resolution(
        resolution=body.resolution, reason=body.reason, at=now(), actor=api.caller.actor
    )
    closed = anomalies.resolve(found, resolution)
    if closed is None:
        raise WrongState("the anomaly is closed already")
    logger.info("anomaly resolved", anomaly_id=anomaly_id, kind=closed.kind)
    return anomaly_view(closed)


handler = api.resolve
