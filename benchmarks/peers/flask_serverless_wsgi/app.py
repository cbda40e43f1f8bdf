"""The shop with Flask and serverless-wsgi, used as both document it."""

from typing import Any

import serverless_wsgi
import shop
from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.errorhandler(shop.Refused)
def refuse(error: shop.Refused) -> tuple[Response, int]:
    """Answer a refused request."""
    return jsonify(detail=error.detail), error.status


@app.post("/payments/initiate")
def initiate() -> tuple[Response, int]:
    """Open a payment at Duitku."""
    claims = shop.caller(request.headers["Authorization"])
    body = request.get_json()
    opened = shop.initiate(claims, str(body["packageId"]), body.get("courseId"))
    return jsonify(opened), 201


@app.post("/webhooks/duitku")
def callback() -> str:
    """Settle a payment."""
    shop.settle(request.form.to_dict())
    return "OK"


@app.get("/payments")
def payments() -> Response:
    """List the newest payments."""
    shop.caller(request.headers["Authorization"])
    return jsonify(items=shop.page(request.args.get("limit", 20, type=int)))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer one request."""
    answer: dict[str, Any] = serverless_wsgi.handle_request(app, event, context)
    return answer
