"""GET /openapi.json, the document of the whole API, and GET /docs, a page to try it.

The page is the Swagger UI that Powertools ships, in one file. Its Content-Security-Policy allows
requests to its own host only.
"""

import base64
import hashlib
import json
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypedDict

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi import swagger_ui

from lunas.api.app import LunasApi
from lunas.api.auth import PUBLIC

DOCUMENT = Path(__file__).with_name("openapi.json")
ASSETS = Path(swagger_ui.__file__).parent
FRESH = "public, max-age=300"
START = """
SwaggerUIBundle({
  dom_id: "#page",
  url: "openapi.json",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,
});
"""
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lunas API</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="page"></div>
<script>{bundle}</script>
<script>{start}</script>
</body>
</html>
"""

api = LunasApi()


class DocumentView(TypedDict):
    """An OpenAPI document."""

    openapi: str
    info: dict[str, Any]
    servers: list[dict[str, str]]
    tags: list[dict[str, str]]
    paths: dict[str, Any]
    components: dict[str, Any]


@api.on("GET", "/openapi.json", PUBLIC, compress=True)
def get_open_api() -> Response[DocumentView]:
    """Show this document."""
    document = _document() | {"servers": [{"url": _server()}]}
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return _cached(body, content_types.APPLICATION_JSON)


@api.on(
    "GET",
    "/docs",
    PUBLIC,
    {200: {"description": "The page", "content": {"text/html": {}}}},
    compress=True,
)
def get_docs() -> Response[str]:
    """Show a page to read and try the API."""
    return _cached(_page(), f"{content_types.TEXT_HTML}; charset=utf-8")


def _server() -> str:
    """Return the address of the API: its own domain, with the stage if the path has one.

    Behind a proxy the caller uses another address; "." then means that of the document itself.
    """
    context = api.current_event.request_context
    if api.current_event.headers.get("host") != context.domain_name:
        return "."
    stage = "" if context.stage == "$default" else f"/{context.stage}"
    return f"https://{context.domain_name}{stage}"


def _cached(body: str, content_type: str) -> Response[Any]:
    """Return the body, or 304 to a caller that has it already."""
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    known = api.current_event.headers.get("if-none-match") == tag
    return Response(
        status_code=HTTPStatus.NOT_MODIFIED if known else HTTPStatus.OK,
        content_type=content_type,
        headers={
            "ETag": tag,
            "Cache-Control": FRESH,
            "Vary": "Accept-Encoding",
            "Content-Security-Policy": _policy(),
            "X-Content-Type-Options": "nosniff",
        },
        body="" if known else body,
        compress=not known,
    )


@cache
def _document() -> dict[str, Any]:
    """Return the document as `make openapi` wrote it."""
    document: dict[str, Any] = json.loads(DOCUMENT.read_text(encoding="utf-8"))
    return document


@cache
def _page() -> str:
    style, bundle = _asset("swagger-ui.min.css"), _asset("swagger-ui-bundle.min.js")
    return PAGE.format(style=style, bundle=bundle, start=START)


@cache
def _policy() -> str:
    """Allow the page's own two scripts, and requests to its own host."""
    scripts = " ".join(map(_digest, (_asset("swagger-ui-bundle.min.js"), START)))
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@cache
def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


handler = api.resolve
