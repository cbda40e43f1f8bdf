"""The environment of a function: where its table, queues, secrets and peers are."""

import os
from datetime import timedelta

from lunas.domain.callback_evidence import LIFETIME
from lunas.domain.errors import ConfigurationError


def setting(name: str) -> str:
    """Return an environment variable; ConfigurationError when it is missing or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"environment variable {name} is not set: see template.yaml")
    return value


def optional(name: str) -> str | None:
    """Return an environment variable, or None when it is missing or empty."""
    return os.environ.get(name) or None


def enabled(name: str) -> bool:
    """Tell whether an environment variable says true; anything else is off."""
    return os.environ.get(name, "").lower() == "true"


def callback_lifetime() -> timedelta:
    """Return how long the evidence of a callback is kept."""
    days = optional("CALLBACK_EVIDENCE_DAYS")
    return timedelta(days=int(days)) if days else LIFETIME
