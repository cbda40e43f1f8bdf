"""GET /openapi.json and GET /docs, as API Gateway calls them."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from local.openapi.routes import load
from tests.support.api_requests import Context, request

ROOT = Path(__file__).resolve().parents[3]
HOST = "ab1.execute-api.ap-southeast-3.amazonaws.com"
SIX_MB = 6_000_000

type Json = dict[str, Any]


def ask(path: str, *, stage: str = "$default", **headers: str) -> Json:
    """Return the response to a request at the API's own domain."""
    event = request(f"GET {path}", headers={"host": HOST, **headers})
    event["requestContext"] |= {"domainName": HOST, "stage": stage}
    if stage != "$default":
        event["rawPath"] = f"/{stage}{path}"
    answer: Json = load(ROOT / "functions" / "api_docs" / "app.py").handler(event, Context())
    return answer


@pytest.mark.parametrize(
    ("stage", "url"), [("$default", f"https://{HOST}"), ("dev", f"https://{HOST}/dev")]
)
def test_the_document_names_the_api_that_returns_it(stage: str, url: str) -> None:
    assert json.loads(ask("/openapi.json", stage=stage)["body"])["servers"] == [{"url": url}]


def test_behind_a_proxy_the_document_uses_a_relative_url() -> None:
    answer = ask("/openapi.json", host="api.example.com")

    assert json.loads(answer["body"])["servers"] == [{"url": "."}]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_a_response_is_within_the_limit_of_a_function(path: str) -> None:
    assert len(ask(path)["body"]) < SIX_MB


def test_the_page_is_compressed_for_a_browser_that_accepts_it() -> None:
    answer = ask("/docs", **{"accept-encoding": "gzip, br"})

    assert answer["headers"]["Content-Encoding"] == "gzip"
    page = gzip.decompress(base64.b64decode(answer["body"])).decode()
    assert page.startswith("<!doctype html>")


def test_an_unchanged_page_is_not_sent_again() -> None:
    tag = ask("/docs")["headers"]["ETag"]

    answer = ask("/docs", **{"if-none-match": tag, "accept-encoding": "gzip"})

    assert (answer["statusCode"], answer["body"]) == (304, "")
