"""The shop with Flask and serverless-wsgi, used as both document it."""

from typing import Any

import serverless_wsgi
from flask import Flask, Response, jsonify, request
from shop import auth
from shop.callback import settle
from shop.errors import Refused
from shop.listing import page_of_query
from shop.purchase import initiate
from shop.telemetry import instrumented

app = Flask(__name__)


@app.errorhandler(Refused)
def refuse(error: Refused) -> tuple[Response, int]:
    """Answer a refused request."""
    return jsonify(detail=error.detail), error.status


@app.post("/payments/initiate")
def post_payment() -> tuple[Response, int]:
    """Open a payment at Duitku."""
    claims = auth.caller(request.headers["Authorization"])
    body = request.get_json()
    return jsonify(initiate(claims, str(body["packageId"]), body.get("courseId"))), 201


@app.post("/webhooks/duitku")
def post_callback() -> str:
    """Settle a payment."""
    settle(request.form.to_dict())
    return "OK"


@app.get("/payments")
def get_payments() -> Response:
    """List the newest payments."""
    auth.admin(request.headers["Authorization"])
    return jsonify(page_of_query(request.args))


@instrumented
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401
    """Answer one request."""
    answer: dict[str, Any] = serverless_wsgi.handle_request(app, event, context)
    return answer
