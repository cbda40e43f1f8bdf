"""The whole of ``make sam-local`` without Docker: SAM, the docker command, and a fake engine.

Functions run in a second network namespace, by Lambda's own runtime client.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from local.cloud import Stack
from local.cloud.ports import free_port
from local.cloud.state import ROOT
from local.sam_local.command import SETTINGS
from local.sam_local.docker import RUN
from local.sample_event import prepare
from local.tokens import user_token
from tests.conftest import STATE
from tests.integration.local_cloud import documented
from tests.integration.local_cloud.fake_engine import Container, FakeEngine, fake_engine
from tests.support.providers import Duitku
from tests.support.users import MAX_WAIT, TIMEOUT, Person, Users
from tests.unit.sam_local import networks

OURS, THEIRS = "10.211.254.1", "10.211.254.2"
SAM = {"sam.cli.container.type": "lambda", "sam.cli.function.name": "AnotherFunction"}

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's"),
    pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker command here"),
]


@dataclass(frozen=True)
class Served:
    """One ``make sam-local``: its process, its address, what it has printed, and the engine."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    engine: FakeEngine

    def call(self, person: Person, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {person.token}"}
        url = f"{self.url}{path}"
        answer = requests.request(method, url, json=body, headers=headers, timeout=TIMEOUT)
        assert answer.ok, f"{answer.text}\n{self.output()}"
        return answer.json()

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def wait(self, state: Any, of: Any) -> None:
        """Wait until ``state()`` is ``of``."""
        deadline = time.monotonic() + MAX_WAIT
        while state() != of:
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.1)

    def end(self) -> int:
        """Interrupt it as Ctrl-C does; return its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(MAX_WAIT)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    folder = tmp_path_factory.mktemp("engine")
    with networks.containers(OURS, THEIRS) as namespace:
        made = FakeEngine(folder / "docker.sock", namespace, OURS, THEIRS)
        with fake_engine(made) as running:
            yield running


@pytest.fixture(scope="module")
def context(engine: FakeEngine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Use the engine by the current Docker context, as Colima does; DOCKER_HOST is unset."""
    folder = tmp_path_factory.mktemp("docker")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    environment = {**kept, "DOCKER_CONFIG": str(folder)}
    for arguments in (
        ("create", "colima", "--docker", f"host=unix://{engine.socket}"),
        ("use", "colima"),
    ):
        subprocess.run(["docker", "context", *arguments], env=environment, check=True)  # noqa: S603, S607
    return environment


@contextmanager
def sam_local(engine: FakeEngine, environment: dict[str, str], log: Path) -> Iterator[Served]:
    port = free_port()
    where = ("--state", str(STATE), "--port", str(port))
    command = [sys.executable, "-m", "local", "sam-local", *where]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603
            command, cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    with process:
        served = Served(process, f"http://127.0.0.1:{port}", log, engine)
        try:
            served.wait(lambda: _listens(served), of=True)
            yield served
        finally:
            # Not by SIGKILL, which would leave SAM running.
            if process.poll() is None:
                served.end()


def _listens(served: Served) -> bool:
    assert served.process.poll() is None, served.output()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", _port(served.url))) == 0


@pytest.fixture(scope="module")
def served(
    stack: Stack, engine: FakeEngine, context: dict[str, str], tmp_path_factory: Any
) -> Iterator[Served]:
    del stack
    with sam_local(engine, context, tmp_path_factory.mktemp("log") / "log") as made:
        yield made


def environment_of(container: Container) -> dict[str, str]:
    return dict(each.split("=", 1) for each in container.asked["Env"])


def last_of(served: Served, function: str) -> Container:
    """Return the newest container of a function; SAM names it in a label."""
    name = "sam.cli.function.name"
    found = [each for each in served.engine.created if each.asked["Labels"][name] == function]
    return found[-1]


def initiate(served: Served, buyer: Person) -> Any:
    body = {"packageId": "entry", "courseId": "python-dasar"}
    return served.call(buyer, "POST", "/payments/initiate", body)


def test_a_purchase_made_here_is_paid_and_delivered_in_the_stack(
    served: Served, users: Users, duitku: Duitku
) -> None:
    buyer = users.learner()
    payment = initiate(served, buyer)
    assert payment["status"] == "PENDING"
    duitku.pay(payment)
    assert buyer.wait_for(payment["id"], "COMPLETED")["status"] == "COMPLETED"
    assert served.call(buyer, "GET", f"/payments/{payment['id']}")["status"] == "COMPLETED"


def test_only_addresses_that_a_function_calls_use_the_bridge(
    served: Served, stack: Stack, users: Users
) -> None:
    initiate(served, users.learner())
    variables = environment_of(last_of(served, "InitiatePaymentFunction"))
    assert variables["AWS_ENDPOINT_URL"] == stack.aws_endpoint_url.replace("127.0.0.1", OURS)
    assert variables["DUITKU_API_URL"] == str(stack.duitku_url).replace("127.0.0.1", OURS)
    assert variables["DUITKU_CALLBACK_URL"].rstrip("/") == stack.duitku_webhook_url
    assert variables["AWS_ACCESS_KEY_ID"] == "test"


def test_the_redirect_uri_is_the_registered_one(served: Served, stack: Stack, users: Users) -> None:
    status = served.call(users.admin(), "GET", "/thinkific/oauth/status")
    assert status["redirectUri"] == f"{stack.api_url}/thinkific/oauth/callback"


def test_a_function_keeps_its_container(served: Served, users: Users) -> None:
    buyer = users.learner()
    first = served.call(buyer, "GET", "/packages"), last_of(served, "CatalogFunction")
    again = served.call(buyer, "GET", "/packages"), last_of(served, "CatalogFunction")
    assert first == again
    assert first[1].id in served.engine.containers


def test_a_second_sam_local_is_refused_before_it_changes_anything(
    served: Served, context: dict[str, str]
) -> None:
    """Both would write the files that SAM reads, and forward the same ports."""
    command = [sys.executable, "-m", "local", "sam-local", "--state", str(STATE), "--port", "1"]
    before = SETTINGS.stat().st_mtime_ns
    done = subprocess.run(  # noqa: S603
        command, cwd=ROOT, env=context, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "another make sam-local runs" in done.stderr
    assert SETTINGS.stat().st_mtime_ns == before
    assert served.process.poll() is None


def test_the_documented_command_runs_an_event(
    served: Served, stack: Stack, context: dict[str, str]
) -> None:
    """While it serves, one event can be run beside it, with the files that it has written."""
    (command,) = documented.commands("docs/guides/local.md")
    host = f"unix://{served.engine.socket}"
    event = prepare(ROOT / "events" / "payments-get.json", stack, lambda: user_token(stack, "u1"))
    done = subprocess.run(  # noqa: S603
        documented.arguments(command, "PaymentsFunction", "-"),
        input=event,
        cwd=ROOT,
        env={**context, "DOCKER_HOST": host},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statusCode"] == 404


def test_ctrl_c_during_a_request_leaves_nothing_of_this_run(
    served: Served, users: Users, duitku: Duitku
) -> None:
    """A container of another sam local has the same label and does not belong to this run."""
    engine = served.engine
    other = engine.create({"Labels": SAM, "Env": [f"{RUN}=another"], "Image": "another"})
    initiate(served, users.learner())
    duitku.fault("*", "slow", seconds=29)
    waiting = threading.Thread(target=_cut_off, args=(served, users.learner()))
    waiting.start()
    served.wait(lambda: "slow by 29 s" in str(duitku.see("faults")), of=True)
    assert served.end() == 130
    waiting.join()
    assert served.output().rstrip().endswith("interrupted; nothing is left running")
    assert set(engine.containers) == {other.id}
    assert {each.id for each in engine.created} == {other.id, *engine.removed}
    assert networks.ask([], OURS, _port(str(duitku.url)), "").endswith("Connection refused")
    engine.remove(other)


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _cut_off(served: Served, buyer: Person) -> None:
    with pytest.raises((requests.ConnectionError, AssertionError)):
        initiate(served, buyer)
