"""The routes of Thinkific's Webhooks API, below ``/api/v2``.

They take a bearer only: the site's API key or an app's token. A webhook is for one topic, the same
registration twice makes two, and every caller sees all webhooks of the site.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.thinkific.answers import Json, found, json_body, no_content, text
from local.simulators.thinkific.auth import Caller
from local.simulators.thinkific.cursor import cursor_page
from local.simulators.thinkific.dates import to_text
from local.simulators.thinkific.events import show_event
from local.simulators.thinkific.records import Webhook
from local.simulators.thinkific.simulation import simulation_of, site_of
from local.simulators.thinkific.webhook_checks import check_webhook

FIELDS = ("topic", "target_url")
BY_KEY = "api_key"


async def list_webhooks(request: Request) -> Response:
    """Answer with the site's webhooks."""
    return cursor_page(request, list(site_of(request).webhooks.values()), show_webhook)


async def create_webhook(request: Request) -> Response:
    """Register a URL for a topic and answer 201, or 422 with a text by field."""
    body = await json_body(request)
    simulation, site = simulation_of(request), site_of(request)
    check_webhook(body, FIELDS, simulation.settings.webhook_targets)
    caller: Caller = request.state.caller
    now, webhook_id = simulation.now(), str(site.next_id(Webhook))
    topic, target = text(body, "topic"), text(body, "target_url")
    webhook = Webhook(webhook_id, topic, target, caller.client_id, now, now)
    site.webhooks[webhook.id] = webhook
    return JSONResponse(show_webhook(webhook), 201)


async def get_webhook(request: Request) -> Response:
    """Answer with one webhook."""
    return JSONResponse(show_webhook(_find(request)))


async def update_webhook(request: Request) -> Response:
    """Change the fields that the body names and answer 204."""
    body = await json_body(request)
    simulation, webhook = simulation_of(request), _find(request)
    given = tuple(name for name in FIELDS if name in body)
    check_webhook(body, given, simulation.settings.webhook_targets)
    webhook.topic = text(body, "topic") or webhook.topic
    webhook.target_url = text(body, "target_url") or webhook.target_url
    webhook.updated_at = simulation.now()
    return no_content()


async def delete_webhook(request: Request) -> Response:
    """Remove a webhook and answer 204."""
    del site_of(request).webhooks[_find(request).id]
    return no_content()


async def get_event(request: Request) -> Response:
    """Answer with one event of the site."""
    event = found(site_of(request).events.get(request.path_params["id"]))
    return JSONResponse(show_event(event))


def show_webhook(webhook: Webhook) -> Json:
    """Return a webhook as the API shows one."""
    creator = webhook.client_id or BY_KEY
    return {
        "id": webhook.id,
        "status": webhook.status,
        "topic": webhook.topic,
        "target_url": webhook.target_url,
        "created_at": to_text(webhook.created_at),
        "created_by": creator,
        "updated_at": to_text(webhook.updated_at),
        "updated_by": creator,
    }


def _find(request: Request) -> Webhook:
    return found(site_of(request).webhooks.get(request.path_params["id"]))


routes = [
    Route("/webhooks", list_webhooks, methods=["GET"], name="listWebhooks"),
    Route("/webhooks", create_webhook, methods=["POST"], name="createWebhook"),
    Route("/webhooks/{id}", get_webhook, methods=["GET"], name="getWebhook"),
    Route("/webhooks/{id}", update_webhook, methods=["PUT"], name="updateWebhook"),
    Route("/webhooks/{id}", delete_webhook, methods=["DELETE"], name="deleteWebhook"),
    Route("/events/{id}", get_event, methods=["GET"], name="getEvent"),
]
