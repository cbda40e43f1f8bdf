"""The HTML of the payment page: plain forms, one inlined style sheet, nothing loaded."""

import json
from datetime import timedelta, timezone
from html import escape
from itertools import groupby
from pathlib import Path

from local.simulators.duitku.channels import Channel
from local.simulators.duitku.labels import Labels
from local.simulators.duitku.orders import Order, State

ASSETS = Path(__file__).parent / "assets"

_STYLE = (ASSETS / "checkout.css").read_text(encoding="utf-8")
_JAKARTA = timezone(timedelta(hours=7), "WIB")


def rupiah(amount: int) -> str:
    """Return an amount as Indonesians write it, such as ``Rp 150.000``."""
    return f"Rp {amount:,}".replace(",", ".")


def document(title: str, body: str, language: str = "id") -> str:
    """Return a whole page around ``body``, which is HTML already."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>"
    )


def order_page(order: Order, channels: list[Channel], words: Labels, query: str) -> str:
    """Return the payment page of an order in its state; ``query`` follows the forms' paths."""
    parts = [_summary(order, words)]
    if order.state is State.PENDING and order.channel is None:
        parts += [f"<h2>{words['choose']}</h2>", _channel_forms(order, channels, query)]
    elif order.state is State.PENDING:
        parts += [_instructions(order, words), _other_channels(order, channels, words, query)]
    parts.append(_actions(order, words, query))
    parts.append(f'<p class="notice">{words["notice"]}</p>')
    return document(words["title"], "".join(parts), words["language"])


def missing_page(words: Labels) -> str:
    """Return the page for a reference that is not known."""
    return document(words["title"], f"<h1>{words['unknown']}</h1>", words["language"])


def closing_page(order: Order, code: str) -> str:
    """Return the page that reports to duitku.js, in the window around it, how the payment ended."""
    result = {
        "resultCode": code,
        "merchantOrderId": order.merchant_order_id,
        "reference": order.reference,
    }
    text = json.dumps({"duitku": result}).replace("<", "\\u003c")
    return document("Duitku", f"<script>parent.postMessage({text}, '*')</script>")


def icon(code: str) -> str:
    """Return a small SVG badge with the code of a channel."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="40">'
        '<rect width="64" height="40" rx="6" fill="#0b5cab"/><text x="32" y="26" fill="#fff" '
        f'font-family="sans-serif" font-size="18" text-anchor="middle">{escape(code)}</text></svg>'
    )


def _summary(order: Order, words: Labels) -> str:
    until = order.expires_at.astimezone(_JAKARTA).strftime("%Y-%m-%d %H:%M %Z")
    deadline = f" · {words['until']} {until}" if order.state is State.PENDING else ""
    return (
        f'<p class="state {order.state}">{words[order.state]}{deadline}</p>'
        f"<h1>{rupiah(order.amount)}</h1><p>{escape(order.text('productDetails'))}</p>"
        f"<p><small>{words['order']} {escape(order.merchant_order_id)} · {order.reference}"
        "</small></p>"
    )


def _instructions(order: Order, words: Labels) -> str:
    shown = order.va_number or order.qr_string
    number = f"<p>{words['number']}</p><code>{escape(shown)}</code>" if shown else ""
    return f"<h2>{escape(order.channel.name if order.channel else '')}</h2>{number}"


def _other_channels(order: Order, channels: list[Channel], words: Labels, query: str) -> str:
    if order.product == "v2":
        return ""
    forms = _channel_forms(order, channels, query)
    return f"<details><summary>{words['change']}</summary>{forms}</details>"


def _channel_forms(order: Order, channels: list[Channel], query: str) -> str:
    action = f"/redirect_checkout/{order.reference}/channel{escape(query)}"
    groups = groupby(channels, key=lambda channel: channel.kind)
    sets = [
        f"<fieldset><legend>{kind}</legend>{''.join(map(_choice, members))}</fieldset>"
        for kind, members in groups
    ]
    return f'<form method="post" action="{action}">{"".join(sets)}</form>'


def _choice(channel: Channel) -> str:
    return f'<button name="paymentMethod" value="{channel.code}">{escape(channel.name)}</button>'


def _actions(order: Order, words: Labels, query: str) -> str:
    names = ["back"]
    if order.state is State.PENDING:
        names = ["cancel", "expire", "back"]
    if order.state is State.PENDING and order.channel is not None:
        names = ["pay", "fail", *names]
    path = f"/redirect_checkout/{order.reference}"
    buttons = [
        f'<button class="{name}" formaction="{path}/{name}{escape(query)}">{words[name]}</button>'
        for name in names
    ]
    return f'<form method="post" class="actions">{"".join(buttons)}</form>'
