"""Processes of a stack: whether they run is known, and they end with all their children."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from local.cloud.errors import ServiceFailed
from local.cloud.service import Service
from local.cloud.state import State

SLEEP = "import time; time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); {SLEEP}"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    state = State(tmp_path)
    state.prepare()
    service = Service("thing", state)
    yield service
    service.stop()


def start(service: Service, code: str) -> psutil.Process:
    service.start([sys.executable, "-u", "-c", code], dict(os.environ))
    return psutil.Process(int((service.state.run / "thing.pid").read_text()))


def eventually(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def test_a_started_process_is_running_until_it_is_stopped(service: Service) -> None:
    process = start(service, SLEEP)
    assert service.is_running()
    service.stop()
    assert not service.is_running()
    assert not process.is_running()


def test_stopping_ends_the_children_too(service: Service) -> None:
    process = start(service, PARENT)
    assert eventually(lambda: bool(process.children()))
    [child] = process.children()
    service.stop()
    assert eventually(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_process_that_ignores_sigterm_is_killed(service: Service) -> None:
    process = start(service, STUBBORN)
    assert eventually(lambda: "up" in service.tail())
    service.stop()
    assert not process.is_running()


def test_a_killed_process_is_not_running(service: Service) -> None:
    process = start(service, SLEEP)
    process.send_signal(signal.SIGKILL)
    assert eventually(lambda: not service.is_running())


def test_another_command_sees_and_stops_the_process(service: Service) -> None:
    process = start(service, SLEEP)
    code = (
        "import sys; from pathlib import Path; from local.cloud.service import Service;"
        "from local.cloud.state import State; service = Service('thing', State(Path(sys.argv[1])));"
        "print(service.is_running()); service.stop(); print(service.is_running())"
    )
    command = [sys.executable, "-c", code, str(service.state.folder)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603
    assert printed.split() == ["True", "False"]
    assert process.status() == psutil.STATUS_ZOMBIE


def test_stopping_a_stopped_process_does_nothing(service: Service) -> None:
    service.stop()
    assert not service.is_running()


def test_two_processes_of_one_name_cannot_run_at_once(service: Service) -> None:
    start(service, SLEEP)
    with pytest.raises(BlockingIOError):
        start(service, SLEEP)


def test_a_process_that_dies_while_starting_shows_the_end_of_its_log(service: Service) -> None:
    start(service, "raise SystemExit('the port is taken')")
    with pytest.raises(ServiceFailed, match=r"thing ended while starting(.|\n)*the port is taken"):
        service.wait_until(lambda: False, seconds=10)


def test_a_process_that_never_gets_ready_fails(service: Service) -> None:
    start(service, f"print('still loading'); {SLEEP}")
    with pytest.raises(ServiceFailed, match=r"not ready within 1 s(.|\n)*still loading"):
        service.wait_until(lambda: False, seconds=1)
