"""``make event`` fills in a token, and signs webhooks with the keys of the local stack."""

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from local.cloud.state import ROOT
from local.sample_event import NoEvent, TokenNeeded, prepare
from local.simulators.duitku import signatures
from local.simulators.thinkific.webhook_signatures import signature
from tests.unit.sam_local.stacks import stack

EVENTS = ROOT / "events"
OF_USERS = sorted(path.name for path in EVENTS.glob("*.json") if "Bearer TOKEN" in path.read_text())


def prepared(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(prepare(EVENTS / name, stack(), None))
    return found


def callback_of(event: dict[str, Any]) -> dict[str, str]:
    body = event["body"]
    text = base64.b64decode(body).decode() if event["isBase64Encoded"] else body
    return {name: value[0] for name, value in parse_qs(text).items()}


@pytest.mark.parametrize(
    "name", ["duitku_webhook-function-url.json", "duitku_webhook-http-api.json"]
)
def test_a_callback_has_the_stacks_merchant_code_and_a_valid_signature(name: str) -> None:
    event = prepared(name)
    callback = callback_of(event)
    known = stack().duitku
    assert callback["merchantCode"] == known.merchant_code
    parts = known.merchant_code, callback["amount"], callback["merchantOrderId"]
    assert callback["signature"] == signatures.current(known.api_key, *parts)
    assert (
        callback["merchantOrderId"]
        == callback_of(json.loads((EVENTS / name).read_text()))["merchantOrderId"]
    )
    body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()
    assert event["headers"]["content-length"] == str(len(body))


def test_an_event_of_thinkific_has_the_stacks_site_and_a_valid_signature() -> None:
    event = prepared("thinkific_webhook-event.json")
    known = stack().thinkific
    assert event["headers"]["x-thinkific-subdomain"] == known.subdomain
    expected = signature(event["body"].encode(), known.api_key, "valid")
    assert event["headers"]["x-thinkific-hmac-sha256"] == expected


@pytest.mark.parametrize("name", OF_USERS)
def test_a_token_is_filled_in_or_required(name: str) -> None:
    made = json.loads(prepare(EVENTS / name, stack(), lambda: "abc"))
    assert made["headers"]["authorization"] == "Bearer abc"
    with pytest.raises(TokenNeeded, match="SUB=u1"):
        prepare(EVENTS / name, stack(), None)


@pytest.mark.parametrize(
    "name", ["catalog-health.json", "audit-schedule.json", "deliver_enrollment-queue.json"]
)
def test_an_event_without_token_and_signature_is_unchanged(name: str) -> None:
    assert prepared(name) == json.loads((EVENTS / name).read_text())


@pytest.mark.parametrize("text", [None, "", "no JSON", "[]", "\ud83d"])
def test_an_invalid_event_file_is_refused_by_name(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "missing.json"
    if text is not None:
        path.write_bytes(text.encode(errors="surrogatepass"))
    with pytest.raises(NoEvent, match=r"missing\.json"):
        prepare(path, stack(), None)
