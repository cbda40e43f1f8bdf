"""The pages that the browser shows when it returns from Thinkific."""

import base64
import hashlib
from collections.abc import Sequence
from html import escape
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response, content_types

STYLE = """
:root { color-scheme: light dark; --line: #d5dae1; --paper: #fff; --ink: #1d2733; --dim: #566373; }
@media (prefers-color-scheme: dark) {
  :root { --line: #39434f; --paper: #1c232b; --ink: #e8edf2; --dim: #a3b0be; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; background: color-mix(in srgb, var(--paper) 94%, var(--ink));
  color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 40rem; margin: 0 auto; padding: 2rem; background: var(--paper);
  border: 1px solid var(--line); border-top: 6px solid var(--tone); border-radius: 8px; }
.good { --tone: #1a7f4b; } .calm { --tone: #8a6d1d; } .bad { --tone: #b3261e; }
h1 { margin: 0 0 .75rem; font-size: 1.5rem; line-height: 1.25; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
p { margin: 0 0 .75rem; } ol { margin: 0; padding-left: 1.25rem; } li { margin: .35rem 0; }
code { display: block; margin: .5rem 0 1rem; padding: .6rem .75rem; border: 1px solid var(--line);
  border-radius: 6px; font: .9rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
footer { margin-top: 1.75rem; color: var(--dim); font-size: .85rem; }
"""
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src "
    f"'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} - Lunas</title>
<style>{style}</style>
</head>
<body>
<main class="{tone}">
<h1>{title}</h1>
{body}
<footer>Request {request_id}</footer>
</main>
</body>
</html>
"""
CHECKLIST = (
    "Is this address the Callback URL in Thinkific's Partner Portal, byte for byte?",
    "No slash at its end, no double slash, no query, no capital letters: was it pasted, not typed?",
    "Was the stack created again, or given another domain? Then register its new address.",
    "Do client id and secret in the stack's secret belong to this same app?",
    "Is it the subdomain of the site, the part before .thinkific.com?",
    "Did the owner or an admin of the site press Approve, with a plan that allows apps?",
)


def documented(description: str) -> dict[str, Any]:
    """Describe a page for the OpenAPI document."""
    return {"description": description, "content": {content_types.TEXT_HTML: {}}}


GOOD, CALM, BAD = "good", "calm", "bad"


def connected_page(subdomain: str, request_id: str) -> Response[Any]:
    """Show that the site is connected."""
    body = (
        f"<p>Lunas may now enroll learners at <strong>{escape(subdomain)}</strong>.</p>"
        "<p>You can close this page. The connection renews itself; if Thinkific ever revokes it, "
        "an alarm is raised.</p>"
    )
    return _page(HTTPStatus.OK, GOOD, "The site is connected", body, request_id)


def cancelled_page(request_id: str) -> Response[Any]:
    """Show that nothing was connected because the owner pressed Cancel."""
    body = (
        "<p>Cancel was pressed at Thinkific, so nothing has changed.</p>"
        "<p>To connect the site after all, start again from Lunas.</p>"
    )
    return _page(HTTPStatus.OK, CALM, "Connecting was cancelled", body, request_id)


def stale_page(reason: str, request_id: str) -> Response[Any]:
    """Show that the link belongs to no attempt of this stack, and that nothing changed."""
    body = (
        f"<p>Nothing has changed: {escape(reason)}.</p>"
        "<p>Each attempt is valid once, for ten minutes, and for the site that it was started "
        "for. Start again from Lunas. If you did not start anything, close this page.</p>"
    )
    return _page(HTTPStatus.FORBIDDEN, BAD, "This link is not valid", body, request_id)


def failed_page(
    status: HTTPStatus, reason: str, redirect_uri: str, request_id: str
) -> Response[Any]:
    """Show what went wrong at Thinkific, and what to check."""
    body = (
        f"<p>{escape(reason)}.</p><p>Nothing was connected. Start again from Lunas; if it happens "
        "again, go through this list.</p><h2>The address to register</h2>"
        f"<code>{escape(redirect_uri)}</code><h2>What to check</h2>{_list(CHECKLIST)}"
    )
    return _page(status, BAD, "The site could not be connected", body, request_id)


def _list(entries: Sequence[str]) -> str:
    return f"<ol>{''.join(f'<li>{escape(each)}</li>' for each in entries)}</ol>"


def _page(status: HTTPStatus, tone: str, title: str, body: str, request_id: str) -> Response[Any]:
    """Return a page that loads nothing from other hosts and is never cached.

    Its URL contains a code and a state, which no other host may see as a referrer.
    """
    page = PAGE.format(
        style=STYLE, tone=tone, title=title, body=body, request_id=escape(request_id)
    )
    return Response(
        status_code=status,
        content_type=f"{content_types.TEXT_HTML}; charset=utf-8",
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": POLICY,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
        body=page,
    )
