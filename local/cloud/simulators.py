"""Starts the simulators of Duitku and Thinkific."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import requests

from local.cloud.ports import HOST, free_port
from local.cloud.service import Service
from local.cloud.stack import DuitkuProject, ThinkificSite
from local.cloud.state import ROOT, State

DUITKU = "duitku"
THINKIFIC = "thinkific"
NAMES = (DUITKU, THINKIFIC)
_START_SECONDS = 30.0
_CALLBACK_PATH = "/thinkific/oauth/callback"


@dataclass(frozen=True)
class Simulator:
    """A simulator that was started: its process and its origin."""

    service: Service
    url: str

    def wait(self) -> None:
        """Return once it answers; raises ``ServiceFailed`` with its log otherwise."""

        def answers() -> bool:
            try:
                return requests.get(f"{self.url}/_sim/health", timeout=5).ok
            except requests.ConnectionError:
                return False

        self.service.wait_until(answers, _START_SECONDS)


def start_duitku(state: State, project: DuitkuProject) -> Simulator:
    """Start Duitku's simulator for one merchant."""
    options = ("--merchant-code", project.merchant_code, "--api-key", project.api_key)
    return _start(DUITKU, state, options)


def start_thinkific(state: State, site: ThinkificSite, access_token: str = "") -> Simulator:
    """Start Thinkific's simulator for one site, which knows its API access token if it has one."""
    options = (
        *("--subdomain", site.subdomain, "--api-key", site.api_key),
        *("--client-id", site.client_id, "--client-secret", site.client_secret),
        *("--access-token", access_token),
    )
    return _start(THINKIFIC, state, options)


def register_callback(simulator: Simulator, site: ThinkificSite, api_url: str) -> None:
    """Register the API's OAuth callback at Thinkific's simulator, as one does in its portal.

    The API has an address only once it is deployed, long after the simulator has started.
    """
    app = {"clientId": site.client_id, "redirectUris": [f"{api_url}{_CALLBACK_PATH}"]}
    requests.post(f"{simulator.url}/_sim/apps", json=app, timeout=5).raise_for_status()


def _start(name: str, state: State, options: Sequence[str]) -> Simulator:
    port = free_port()
    service = Service(name, state)
    module = ["-m", f"local.simulators.{name}", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    service.start([sys.executable, *module, *options], environment)
    return Simulator(service, f"http://{HOST}:{port}")
