"""Finds the site to check: that of the environment variables, or that of a stack.

A stack's site is called with the settings of its deliveries, so that all three ways to
authenticate work, and the calls use the stack's rate limiter.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from lunas.cli.stacks import DeployedStack
from lunas.cli.thinkific_check.rights import Caller
from lunas.platforms.thinkific.credentials import ApiKey, Bearer, Credentials
from lunas.platforms.thinkific.http import ThinkificApi, ThinkificSite
from lunas.platforms.thinkific.rate_limiter import SharedLimiter
from lunas.platforms.thinkific.settings import site_of
from lunas.storage.catalog import Catalog
from lunas.storage.table import Table

DELIVERY = "DeliverEnrollmentFunction"
API_URL = "https://api.thinkific.com"
TIME_LIMIT = 600_000
"""Milliseconds that the check may take."""
CLASSIC_KEY = 32
"""Characters of an API key; a longer secret is a token."""


@dataclass(frozen=True)
class CheckedSite:
    """The site, and the catalog of its stack if there is one."""

    caller: Caller
    catalog: Catalog | None
    name: str


class Unlimited:
    """A rate limiter that gives every permit at once: without a stack, the check is alone."""

    def acquire(self) -> None:
        """Return at once."""

    def rest(self, seconds: float) -> None:
        """Wait as long as Thinkific asks for."""
        time.sleep(seconds)


def from_environment(environment: Mapping[str, str]) -> CheckedSite | None:
    """Return the site of the variables in ``docs/guides/local.md``, None if they are unset."""
    key = environment.get("THINKIFIC_API_KEY")
    subdomain = environment.get("THINKIFIC_SUBDOMAIN")
    if not key or not subdomain:
        return None
    url = environment.get("THINKIFIC_API_URL", "").rstrip("/") or API_URL
    is_token = len(key) > CLASSIC_KEY
    credentials: Credentials = Bearer(lambda: key) if is_token else ApiKey(subdomain, key)
    site, session = ThinkificSite(url, credentials), requests.Session()
    api = ThinkificApi(site, Unlimited(), "thinkific-check", session)
    return CheckedSite(Caller(site, api, session), None, f"{subdomain} by the environment")


def from_stack(stack: DeployedStack) -> CheckedSite:
    """Return the site of a stack; raises LunasError when its settings give no access.

    It sets this process's environment variables to those of the stack's deliveries.
    """
    os.environ |= {"AWS_DEFAULT_REGION": stack.region, **stack.environment_of(DELIVERY)}
    if stack.endpoint:
        os.environ |= {
            "AWS_ENDPOINT_URL": stack.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
    table = Table.from_environment()
    site, session = site_of(table, TIME_LIMIT), requests.Session()
    limiter = SharedLimiter.from_environment(table, TIME_LIMIT)
    api = ThinkificApi(site, limiter, "thinkific-check", session)
    caller = Caller(site, api, session, reports_sales=reports_sales(stack))
    name = f"{os.environ['THINKIFIC_SUBDOMAIN']} of {stack.environment}"
    return CheckedSite(caller, Catalog(table), name)


def reports_sales(stack: DeployedStack) -> bool:
    """Return whether a stack reports sales to Thinkific."""
    return stack.parameters.get("ExternalOrders") == "true"
