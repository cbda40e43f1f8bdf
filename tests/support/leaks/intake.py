"""The data that went in during a run of the tests and must not appear in a log.

Nothing here is a list of test data kept by hand: the values are taken from where they passed
through or where they ended up, and a new test adds its own by running.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jwt
import requests

from local.cloud import Stack
from local.cloud.aws import Aws
from lunas.storage.expressions import from_wire
from tests.support.leaks.tap import Exchange
from tests.support.users import TIMEOUT

SHORTEST = 8
"""Characters below which a value would be found by chance."""
SECRET = re.compile(r"secret|key|token|password|client|verifier", re.IGNORECASE)
"""Names, in stack.json and in the table, of what opens something."""
PERSONAL = re.compile(
    r"e-?mail|(first|last|va)_?name|phone|proof|signature|customer|learner|certificate",
    re.IGNORECASE,
)
"""Names, in the table and at the providers, of personal data and proofs of a sender."""
RETURNED = re.compile(r"nextCursor|vaNumber|qrString|paymentUrl")
"""Names, in answers, of what opens something as well: further pages, or paying."""
HARMLESS = frozenset(
    {"id", "packageId", "courseId", "courseIds", "goneCourseIds", "merchantOrderId", "reference"}
    | {"kind", "paymentType", "resolution", "status", "resource", "action"}
)
"""Names, in requests, of ids and codes: log lines need them."""
CATALOG = re.compile(r"/(courses|packages)/[^/?]+$")
"""Where ``name`` is that of a course or a package: anyone may read it, and it may equal its id."""
INSTALL = frozenset({"code", "state"})
"""Names, in addresses, of what connects a site once."""
CLAIMS = ("email", "name")
CREDENTIALS = ("authorization", "x-api-key", "idempotency-key")

type Leaf = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Needle:
    """A value to search for, and what it is."""

    value: str
    kind: str


def gather(stack: Stack, exchanges: Iterable[Exchange]) -> set[Needle]:
    """Collect everything that went into a running stack, each value once."""
    found = [*_of_stack(stack), *_of_table(stack), *_of_duitku(stack), *_of_thinkific(stack)]
    for exchange in exchanges:
        found += _of_exchange(exchange)
    parts = {part: Needle(part, each.kind) for each in found for part in _parts(each)}
    return {each for each in parts.values() if len(each.value) >= SHORTEST}


def leaves(value: object, name: str = "") -> Iterator[Leaf]:
    """List the texts within a JSON value, each with the dotted names that lead to it."""
    match value:
        case Mapping():
            for key, each in value.items():
                yield from leaves(each, f"{name}.{key}")
        case list() | tuple() | set() | frozenset():
            for each in value:
                yield from leaves(each, name)
        case str() if value:
            yield name.removeprefix("."), value


def named(pattern: re.Pattern[str], value: object, kind: str) -> Iterator[Needle]:
    """List the texts whose name matches."""
    return (Needle(text, f"{kind} {name}") for name, text in leaves(value) if pattern.search(name))


def _parts(needle: Needle) -> set[str]:
    """Return a value and the parts of it that reveal as much, since a log may shorten it."""
    if needle.kind == "claim name":
        return {needle.value, *needle.value.split()}
    if needle.value.startswith("eyJ"):
        return {needle.value, needle.value.rpartition(".")[2]}
    return {needle.value}


def _of_stack(stack: Stack) -> Iterator[Needle]:
    return named(SECRET, stack.model_dump(mode="json"), "stack.json")


def _of_table(stack: Stack) -> Iterator[Needle]:
    client = Aws(stack.aws_endpoint_url, stack.region).dynamodb
    pages = client.get_paginator("scan").paginate(TableName=stack.table_name)
    for item in (from_wire(item) for page in pages for item in page["Items"]):
        kind = f"item {item.get('type', '')}"
        del item["pk"], item["sk"]
        yield from named(PERSONAL, item, kind)
        yield from named(SECRET, item, kind)


def _of_duitku(stack: Stack) -> Iterator[Needle]:
    """List what Lunas sent to Duitku, and the signed fields of Duitku's callbacks."""
    for order in _shown(stack.duitku_url, "orders"):
        detail = _see(stack.duitku_url, f"orders/{order['merchantOrderId']}")
        yield from named(PERSONAL, detail["request"], "invoice")
        for callback in detail["callbacks"]:
            yield from named(PERSONAL, dict(parse_qsl(callback["sent"])), "callback")


def _of_thinkific(stack: Stack) -> Iterator[Needle]:
    for user in _shown(stack.thinkific_url, "users"):
        yield from named(PERSONAL, user, "account")
    for grant in _shown(stack.thinkific_url, "grants"):
        yield from named(SECRET, grant, "grant")


def _shown(url: str | None, path: str) -> list[dict[str, Any]]:
    """Return a list of a simulator; nothing when the real service is used."""
    items: list[dict[str, Any]] = _see(url, path)["items"] if url else []
    return items


def _see(url: str | None, path: str) -> dict[str, Any]:
    shown: dict[str, Any] = requests.get(f"{url}/_sim/{path}", timeout=TIMEOUT).json()
    return shown


def _of_exchange(exchange: Exchange) -> Iterator[Needle]:
    public = HARMLESS | {"name"} if CATALOG.search(exchange.url) else HARMLESS
    for name in CREDENTIALS:
        if given := exchange.headers.get(name, ""):
            credential = given.removeprefix("Bearer ")
            yield Needle(credential, name)
            yield from _of_token(credential)
    for name, text in leaves(_decoded(exchange)):
        if name.rpartition(".")[2] not in public:
            yield Needle(text, f"body {name}")
    yield from named(RETURNED, _json(exchange.answer), "answer")
    yield from _of_install(exchange)


def _of_install(exchange: Exchange) -> Iterator[Needle]:
    """List the codes and states that a browser carries between Lunas and Thinkific."""
    for name, text in leaves({"sent": exchange.url, "returned": _json(exchange.answer)}):
        if name in {"sent", "returned.authorizeUrl"}:
            query = dict(parse_qsl(urlsplit(text).query))
            yield from (Needle(query[key], f"install {key}") for key in INSTALL & set(query))


def _of_token(token: str) -> Iterator[Needle]:
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return
    yield from (Needle(str(claims[name]), f"claim {name}") for name in CLAIMS if claims.get(name))


def _decoded(exchange: Exchange) -> object:
    """Read a body as JSON or as a form; nothing of what is neither."""
    text = exchange.body.decode("utf-8", "replace")
    return _json(text) if text.lstrip()[:1] in {"{", "["} else dict(parse_qsl(text))


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
