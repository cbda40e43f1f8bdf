"""The POP page host: the page on which the buyer pays, and the script that embeds it.

Source: ``docs/reference/duitku.md``, Hosts and endpoints and Redirect. The same page serves the
payment URL of v2/inquiry. It works without JavaScript.
"""

from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from local.simulators.duitku import markup
from local.simulators.duitku.channels import CHANNELS
from local.simulators.duitku.gateway import Gateway, gateway_of
from local.simulators.duitku.labels import labels
from local.simulators.duitku.orders import Order, State

_ENDS = {"fail": State.FAILED, "cancel": State.CANCELLED, "expire": State.EXPIRED}
_SEE_OTHER = 303
_NOT_FOUND = 404


async def checkout(request: Request) -> Response:
    """Show an order: the channels to choose from, how to pay, or how it ended."""
    gateway = await gateway_of(request)
    words = labels(request.query_params.get("lang", "id"))
    order = gateway.orders.by_reference(request.query_params.get("reference", ""))
    if order is None:
        return HTMLResponse(markup.missing_page(words), _NOT_FOUND)
    closed = gateway.settings.closed_channels
    channels = [channel for code, channel in CHANNELS.items() if code not in closed]
    return HTMLResponse(markup.order_page(order, channels, words, _kept_query(request)))


async def choose_channel(request: Request) -> Response:
    """Put the order on the chosen channel; from now on Check Transaction knows it."""
    gateway = await gateway_of(request)
    order = gateway.orders.by_reference(request.path_params["reference"])
    if order is None:
        return HTMLResponse(markup.missing_page(labels("id")), _NOT_FOUND)
    form = parse_qs((await request.body()).decode("utf-8", "replace"))
    code = form.get("paymentMethod", [""])[0]
    is_open = code in CHANNELS and code not in gateway.settings.closed_channels
    if order.state is State.PENDING and is_open:
        gateway.choose(order, CHANNELS[code])
    return _page_of(order, request)


async def act(request: Request) -> Response:
    """Do what the buyer pressed and send the browser back to the shop."""
    gateway = await gateway_of(request)
    order = gateway.orders.by_reference(request.path_params["reference"])
    action = request.path_params["action"]
    if order is None or action not in {"pay", "back", *_ENDS}:
        return HTMLResponse(markup.missing_page(labels("id")), _NOT_FOUND)
    if action != "back" and not await _apply(gateway, order, action):
        return _page_of(order, request)
    return _leave(order, request)


async def _apply(gateway: Gateway, order: Order, action: str) -> bool:
    """Change the order; False when it cannot be, so that the page shows the state instead."""
    if order.state is not State.PENDING:
        return False
    if action != "pay":
        await gateway.close(order, _ENDS[action])
        return True
    if order.channel is None:
        return False
    await gateway.pay(order)
    return True


def return_url(order: Order) -> str:
    """Return the shop's URL with the three parameters, its own query kept in front of them."""
    given = urlsplit(order.text("returnUrl"))
    added = urlencode(
        {
            "merchantOrderId": order.merchant_order_id,
            "reference": order.reference,
            "resultCode": order.state.code,
        }
    )
    return urlunsplit(given._replace(query=f"{given.query}&{added}" if given.query else added))


def _leave(order: Order, request: Request) -> Response:
    if request.query_params.get("embed"):
        return HTMLResponse(markup.closing_page(order, order.state.code))
    return RedirectResponse(return_url(order), _SEE_OTHER)


def _page_of(order: Order, request: Request) -> Response:
    query = _kept_query(request).replace("?", "&")
    return RedirectResponse(f"/redirect_checkout?reference={order.reference}{query}", _SEE_OTHER)


def _kept_query(request: Request) -> str:
    """Return the display parameters of the page, which every form carries on."""
    names = [name for name in ("lang", "embed") if name in request.query_params]
    kept = {name: request.query_params[name] for name in names}
    return f"?{urlencode(kept)}" if kept else ""


async def script(_request: Request) -> Response:
    """Serve the stand-in for duitku.js."""
    text = (markup.ASSETS / "duitku.js").read_text(encoding="utf-8")
    return Response(text, media_type="text/javascript")


async def channel_icon(request: Request) -> Response:
    """Serve the image that Get Payment Method names for a channel."""
    code = request.path_params["code"]
    if code not in CHANNELS:
        return Response(status_code=_NOT_FOUND)
    return Response(markup.icon(code), media_type="image/svg+xml")


_PATH = "/redirect_checkout/{reference}"

ROUTES = [
    Route("/redirect_checkout", checkout, name="checkout"),
    Route(f"{_PATH}/channel", choose_channel, methods=["POST"], name="checkoutChannel"),
    Route(f"{_PATH}/{{action}}", act, methods=["POST"], name="checkoutAction"),
    Route("/lib/js/duitku.js", script, name="script"),
    Route("/images/{code}.svg", channel_icon, name="image"),
]
