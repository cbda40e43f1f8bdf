"""Thinkific's simulator as a stack starts it: with the stack's app, on a real port."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import pytest
import requests

from local.cloud import Stack, simulators
from local.cloud.simulators import Simulator
from local.cloud.stack import ThinkificSite
from local.cloud.state import State

SITE = ThinkificSite(subdomain="lunas", api_key="k" * 32, client_id="app", client_secret="secret")
API_URL = "http://127.0.0.1:4566/_aws/execute-api/ab1"
CALLBACK = f"{API_URL}/thinkific/oauth/callback"
ASKED = {"client_id": "app", "response_type": "code", "redirect_uri": CALLBACK}


class Answering(BaseHTTPRequestHandler):
    """Answers every POST with 200."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Keep quiet."""


@pytest.fixture
def target() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/webhooks/thinkific"
        server.shutdown()
        thread.join()


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[Simulator]:
    state = State(tmp_path)
    state.prepare()
    started = simulators.start_thinkific(state, SITE)
    started.wait()
    yield started
    started.service.stop()


def test_the_app_can_be_installed_once_the_callback_is_registered(simulator: Simulator) -> None:
    authorize = f"{simulator.url}/oauth2/authorize"
    assert requests.get(authorize, params=ASKED, timeout=10).status_code == 401
    simulators.register_callback(simulator, SITE, API_URL)
    assert requests.get(authorize, params=ASKED, timeout=10).status_code == 200
    given = {**ASKED, "decision": "approve"}
    back = requests.post(authorize, data=given, allow_redirects=False, timeout=10)
    landing, _, query = back.headers["location"].partition("?")
    assert landing == CALLBACK
    code = {"grant_type": "authorization_code", "code": parse_qs(query)["code"][0]}
    token = f"{simulator.url}/oauth2/token"
    tokens = requests.post(token, json=code, auth=("app", "secret"), timeout=10).json()
    assert tokens["expires_in"] == 86_399


def test_webhooks_reach_a_server_on_this_machine(simulator: Simulator, target: str) -> None:
    key = {"Authorization": f"Bearer {SITE.api_key}"}
    webhook = {"topic": "enrollment.trial", "target_url": target}
    api = f"{simulator.url}/api"
    requests.post(f"{api}/v2/webhooks", json=webhook, headers=key, timeout=10).raise_for_status()
    enrollment = {"user_id": 1_000_002, "course_id": 2_000_001}
    headers = {"X-Auth-API-Key": SITE.api_key, "X-Auth-Subdomain": SITE.subdomain}
    requests.post(f"{api}/public/v1/enrollments", json=enrollment, headers=headers, timeout=10)
    waited = requests.post(f"{simulator.url}/_sim/wait", json={}, timeout=30)
    assert waited.json() == {"idle": True}
    attempts = requests.get(f"{simulator.url}/_sim/deliveries", timeout=10).json()["items"]
    assert [(one["url"], one["status"]) for one in attempts] == [(target, 200)]


def test_a_stack_registers_the_callback_of_its_own_api(stack: Stack) -> None:
    apps = requests.get(f"{stack.thinkific_url}/_sim/apps", timeout=10).json()["items"]
    assert [(app["clientId"], app["redirectUris"]) for app in apps] == [
        (stack.thinkific.client_id, [f"{stack.api_url}/thinkific/oauth/callback"])
    ]
