"""Verifies and reads the events that Thinkific sends (thinkific-webhook.md)."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lunas.domain.errors import MalformedInput
from lunas.domain.progress import ProgressReport, event_percent
from lunas.domain.texts import kept_link
from lunas.platforms.thinkific.fields import id_of

SIGNATURE = "x-thinkific-hmac-sha256"
"""Name of the header, in lower case."""
COMPLETED, PROGRESS = "enrollment.completed", "enrollment.progress"
UNINSTALLED = "app.uninstalled"
EVENT_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


class Unreadable(ValueError):
    """An event with a valid signature that lacks a usable field."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event with its topic, such as ``enrollment.progress``, and its payload."""

    id: str
    topic: str
    payload: Mapping[str, Any]


def is_signed(body: bytes, given: str | None, keys: Iterable[str]) -> bool:
    """Return whether a signature is the lower-case hex HMAC-SHA256 of a body by one of the keys.

    The body must be the bytes as received: JSON that was serialized again is another text.
    """
    signature = (given or "").encode("utf-8", "surrogatepass")
    # Every key is compared, so that the time does not reveal which of them matches.
    matches = [
        hmac.compare_digest(
            hmac.new(key.encode(), body, hashlib.sha256).hexdigest().encode(), signature
        )
        for key in keys
        if key
    ]
    return any(matches)


def parse_event(body: bytes) -> Event:
    """Read an event; raises MalformedInput if it is not one, Unreadable without a usable id.

    The topic is read from the body, because the header with the topic is not signed.
    """
    try:
        given = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedInput("the body is not JSON in UTF-8") from None
    if not isinstance(given, dict):
        raise MalformedInput("the body is not a JSON object")
    event_id = given.get("id")
    if type(event_id) not in {int, str} or not EVENT_ID.fullmatch(str(event_id)):
        raise Unreadable("the event has no usable id")
    topic = f"{given.get('resource')}.{given.get('action')}"
    payload = given.get("payload")
    return Event(str(event_id), topic[:64], payload if isinstance(payload, dict) else {})


def report_of(event: Event) -> ProgressReport:
    """Read the progress from an enrollment's event; raises Unreadable."""
    payload, user = event.payload, event.payload.get("user")
    completed = is_completed(payload) or event.topic == COMPLETED
    return ProgressReport(
        platform_enrollment_id=thinkific_id(payload.get("id"), "id"),
        user_id=thinkific_id(user.get("id") if isinstance(user, dict) else None, "user.id"),
        course_id=thinkific_id(payload.get("course_id"), "course_id"),
        percent=event_percent(payload.get("percentage_completed"), completed=completed),
        certificate_url=kept_link(payload.get("certificate_url")),
    )


def thinkific_id(value: object, name: str) -> str:
    """Read an id, an integer or digits; raises Unreadable with the field's name."""
    found = id_of(value)
    if found is None:
        raise Unreadable(f"{name} is not an id")
    return found


def is_completed(enrollment: Mapping[str, Any]) -> bool:
    """Return whether completed_at is set; raises Unreadable if it is not a text."""
    found = enrollment.get("completed_at")
    if not isinstance(found, str | None):
        raise Unreadable("completed_at is not a time")
    return bool(found)
