"""Events as webhooks send them: the envelope, and the payload of an enrollment's event."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from local.simulators.thinkific.answers import Json
from local.simulators.thinkific.dates import to_text
from local.simulators.thinkific.records import Enrollment, Event
from local.simulators.thinkific.settings import SimulatorSettings
from local.simulators.thinkific.site import Happening, Site


def enrollment_event(
    event_id: str,
    site: Site,
    row: Enrollment,
    happening: Happening,
    now: datetime,
    settings: SimulatorSettings,
) -> Event:
    """Return the event, with the enrollment as it is now."""
    payload = _payload(site, row, settings)
    if happening == "completed":
        payload |= _certificate(site, row, settings)
    return Event(event_id, "enrollment", happening, now, payload)


def envelope(site: Site, event: Event, topic: str, changes: Mapping[str, Any]) -> Json:
    """Return what is sent for an event, as one of ``topic``, with changes laid over the payload."""
    resource, _, action = topic.partition(".")
    return {
        "id": event.id,
        "resource": resource,
        "action": action,
        "tenant_id": site.tenant_id,
        "tenant_global_id": site.gid,
        "created_at": to_text(event.created_at),
        "timestamp": int(event.created_at.timestamp()),
        "payload": _overlaid(event.payload, changes),
    }


def show_event(event: Event) -> Json:
    """Return an event as ``GET /events/{id}`` shows one."""
    return {
        "id": event.id,
        "resource": event.resource,
        "action": event.action,
        "created_at": to_text(event.created_at),
        "payload": event.payload,
    }


def _payload(site: Site, row: Enrollment, settings: SimulatorSettings) -> Json:
    user, course = site.users[row.user_id], site.courses[row.course_id]
    return {
        "id": row.id,
        "activated_at": to_text(row.activated_at),
        "started_at": to_text(row.started_at),
        "completed_at": to_text(row.completed_at),
        "created_at": to_text(row.created_at),
        "updated_at": to_text(row.updated_at),
        "expiry_date": to_text(row.expiry_date),
        "course": {"id": course.id, "name": course.name},
        "course_id": course.id,
        "free_trial": row.is_free_trial,
        "percentage_completed": _percentage(row.progress, settings),
        "user": {
            "id": user.id,
            "email": user.email,
            "first_name": user.first_name,
            "last_name": user.last_name,
        },
    }


def _percentage(progress: Decimal, settings: SimulatorSettings) -> str:
    return str(float(progress * 100 if settings.webhook_percent == "0-100" else progress))


def _certificate(site: Site, row: Enrollment, settings: SimulatorSettings) -> Json:
    """Return the certificate's fields, null where the course gives none; it never expires."""
    number = row.credential_id if settings.certificates else None
    url = f"https://{site.subdomain}.thinkific.com/certificates/{number}"
    return {
        "credential_id": number,
        "certificate_url": url if number else None,
        "certificate_expiry_date": None,
    }


def _overlaid(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> Json:
    """Return the fields with the changes; objects are merged, everything else is replaced."""
    merged = {
        name: _overlaid(fields[name], value)
        if isinstance(value, dict) and isinstance(fields.get(name), dict)
        else value
        for name, value in changes.items()
    }
    return {**fields, **merged}
