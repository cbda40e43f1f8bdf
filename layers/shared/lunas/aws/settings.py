"""The environment variables of a function: its table, queues, secrets and providers."""

import os
from datetime import timedelta

from lunas.domain.callback_evidence import LIFETIME
from lunas.domain.errors import ConfigurationError


def setting(name: str) -> str:
    """Return an environment variable; raises ConfigurationError if it is missing or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"environment variable {name} is not set: see template.yaml")
    return value


def optional(name: str) -> str | None:
    """Return an environment variable, or None if it is missing or empty."""
    return os.environ.get(name) or None


def enabled(name: str) -> bool:
    """Return whether an environment variable is "true", in any case."""
    return os.environ.get(name, "").lower() == "true"


def callback_lifetime() -> timedelta:
    """Return how long the evidence of a callback is kept."""
    days = optional("CALLBACK_EVIDENCE_DAYS")
    return timedelta(days=int(days)) if days else LIFETIME
