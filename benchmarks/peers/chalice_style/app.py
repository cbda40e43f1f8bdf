"""The shop with a small router in the style of Chalice: decorators and a dictionary.

Chalice itself generates its own deployment and cannot be built by SAM.
"""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from shop import auth
from shop.callback import settle
from shop.errors import Refused
from shop.listing import page_of_query
from shop.purchase import initiate
from shop.telemetry import instrumented

type View = Callable[["Request"], tuple[int, Any]]


class Request:
    """One request of an HTTP API."""

    def __init__(self, event: dict[str, Any]) -> None:
        self.headers: dict[str, str] = event.get("headers") or {}
        self.query: dict[str, str] = event.get("queryStringParameters") or {}
        body = event.get("body") or ""
        self.body = base64.b64decode(body).decode() if event.get("isBase64Encoded") else body


class App:
    """The routes and their views."""

    def __init__(self) -> None:
        self.routes: dict[tuple[str, str], View] = {}

    def route(self, path: str, method: str) -> Callable[[View], View]:
        """Register a view."""

        def register(view: View) -> View:
            self.routes[method, path] = view
            return view

        return register

    def __call__(self, event: dict[str, Any], _context: object) -> dict[str, Any]:
        """Answer one request."""
        asked = event["requestContext"]["http"]
        view = self.routes.get((asked["method"], event["rawPath"]))
        try:
            status, body = view(Request(event)) if view else (404, {"detail": "Not Found"})
        except Refused as refused:
            status, body = refused.status, {"detail": refused.detail}
        return {
            "statusCode": status,
            "headers": {"Content-Type": "application/json"},
            "body": json.dumps(body, separators=(",", ":")),
        }


app = App()


@app.route("/payments/initiate", "POST")
def post_payment(request: Request) -> tuple[int, Any]:
    """Open a payment at Duitku."""
    claims = auth.caller(request.headers["authorization"])
    body = json.loads(request.body)
    return 201, initiate(claims, str(body["packageId"]), body.get("courseId"))


@app.route("/webhooks/duitku", "POST")
def post_callback(request: Request) -> tuple[int, Any]:
    """Settle a payment."""
    settle(dict(parse_qsl(request.body)))
    return 200, "OK"


@app.route("/payments", "GET")
def get_payments(request: Request) -> tuple[int, Any]:
    """List the newest payments."""
    auth.admin(request.headers["authorization"])
    return 200, page_of_query(request.query)


handler = instrumented(app)
