"""The admin routes of webhooks: what was sent and how it was answered, and what shall go wrong."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.bodies import JsonModel, Waiting
from local.simulators.thinkific.admin import site_named
from local.simulators.thinkific.answers import Json, found, json_body
from local.simulators.thinkific.dates import to_text
from local.simulators.thinkific.events import show_event
from local.simulators.thinkific.sending_plans import SendingPlan, WebhookFault
from local.simulators.thinkific.simulation import simulation_of
from local.simulators.thinkific.webhook_sender import Attempt
from local.simulators.thinkific.webhooks import show_webhook


class StatusChange(JsonModel):
    """Body of ``/_sim/webhooks/{id}``: an inactive webhook is listed and gets nothing."""

    status: Literal["active", "inactive"]


async def list_webhooks(request: Request) -> Response:
    """Answer with every webhook of a site, by any creator."""
    site = site_named(request, request.query_params.get("subdomain"))
    return JSONResponse({"items": [show_webhook(one) for one in site.webhooks.values()]})


async def change_webhook(request: Request) -> Response:
    """Switch a webhook on or off, as Thinkific does by rules that it does not publish."""
    given = StatusChange.model_validate(await json_body(request))
    site = site_named(request, request.query_params.get("subdomain"))
    webhook = found(site.webhooks.get(request.path_params["id"]))
    webhook.status = given.status
    return JSONResponse(show_webhook(webhook))


async def list_events(request: Request) -> Response:
    """Answer with everything that happened at a site, oldest first."""
    site = site_named(request, request.query_params.get("subdomain"))
    return JSONResponse({"items": [show_event(event) for event in site.events.values()]})


async def send_again(request: Request) -> Response:
    """Send an event once more to its subscribers, in the way of the body (a sending plan)."""
    plan = SendingPlan.model_validate(await json_body(request))
    simulation = simulation_of(request)
    site = site_named(request, request.query_params.get("subdomain"))
    event = found(site.events.get(request.path_params["id"]))
    receivers = site.subscribers(event.topic)
    for webhook in receivers:
        simulation.send(site, event, webhook, plan)
    return JSONResponse({"sent": len(receivers)})


async def list_deliveries(request: Request) -> Response:
    """Answer with every attempt to send, oldest first; ``topic`` picks those of one topic."""
    topic = request.query_params.get("topic")
    attempts = simulation_of(request).sender.attempts
    shown = [one for one in attempts if topic in {None, one.parcel.topic}]
    return JSONResponse({"items": [_show_attempt(one) for one in shown]})


async def add_fault(request: Request) -> Response:
    """Queue a fault of the next sendings."""
    fault = WebhookFault.model_validate(await json_body(request))
    simulation_of(request).webhook_faults.add(fault)
    return JSONResponse({"status": "queued"})


async def wait(request: Request) -> Response:
    """Wait until nothing is on its way; ``idle`` is false when the time was too short."""
    seconds = Waiting.model_validate(await json_body(request)).seconds
    return JSONResponse({"idle": await simulation_of(request).sender.idle(seconds)})


def _show_attempt(attempt: Attempt) -> Json:
    parcel = attempt.parcel
    return {
        "at": to_text(attempt.at),
        "eventId": parcel.event_id,
        "webhookId": parcel.webhook_id,
        "topic": parcel.topic,
        "url": parcel.url,
        "copy": attempt.copy,
        "attempt": attempt.number,
        "headers": parcel.headers,
        "sent": parcel.body.decode(),
        "status": attempt.status,
        "answer": attempt.answer,
        "error": attempt.error,
    }


routes = [
    Route("/_sim/webhooks", list_webhooks, methods=["GET"]),
    Route("/_sim/webhooks/{id}", change_webhook, methods=["POST"]),
    Route("/_sim/events", list_events, methods=["GET"]),
    Route("/_sim/events/{id}/send", send_again, methods=["POST"]),
    Route("/_sim/deliveries", list_deliveries, methods=["GET"]),
    Route("/_sim/webhook-faults", add_fault, methods=["POST"]),
    Route("/_sim/wait", wait, methods=["POST"]),
]
