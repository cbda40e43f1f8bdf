"""A stack starts completely beside another, and leaves nothing behind when it stops."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from local.cloud import Options, Stack, down, is_up, running_stack, up
from local.cloud.errors import DeployFailed, InUse
from local.cloud.state import ROOT, State
from tests.support.cloud import Cloud
from tests.support.length import only_long
from tests.support.providers import Thinkific

OWN = Options(catalog=False, environment={"THINKIFIC_AUTHENTICATION": "access-token"})
"""Has other credentials for the Thinkific site than the stack beside it, to test them."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("stack")
    yield folder
    down(folder)


def processes(folder: Path) -> list[psutil.Process]:
    """Give the living processes whose command line or settings name the folder."""
    return [process for process in psutil.process_iter() if belongs(process, str(folder))]


def belongs(process: psutil.Process, folder: str) -> bool:
    try:
        texts = [*process.cmdline(), *process.environ().values()]
        return process.status() != psutil.STATUS_ZOMBIE and any(folder in text for text in texts)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def pid_of(service: str, folder: Path) -> int:
    return int((folder / "run" / f"{service}.pid").read_text())


@only_long
def test_two_stacks_run_at_the_same_time(folder: Path, stack: Stack) -> None:
    own = up(folder, OWN)
    assert own.api_url != stack.api_url
    for running in (own, stack):
        assert requests.get(f"{running.api_url}/health", timeout=30).ok


def test_its_webhooks_answer_and_their_logs_are_kept(folder: Path) -> None:
    own = up(folder, OWN)
    for url in (own.duitku_webhook_url, f"{own.api_url}/webhooks/duitku"):
        assert 400 <= requests.post(url, json={}, timeout=30).status_code < 500
    assert (own.logs / "DuitkuWebhookFunction.log").read_text().count("REPORT RequestId") == 2


def test_an_access_token_opens_both_apis_of_thinkific(folder: Path) -> None:
    own = up(folder, OWN)
    site = Thinkific(own)
    webhooks = site.see("webhooks")["items"]
    assert {each["topic"] for each in webhooks} == {"enrollment.progress", "enrollment.completed"}
    assert {each["target_url"] for each in webhooks} == {own.thinkific_webhook_url}
    Cloud(own).invoke("SyncCoursesFunction")
    assert site.calls("listCourses") > 0
    assert set(site.see("requests")["openedBy"]) == {"token"}


def test_up_again_gives_the_same_stack(folder: Path) -> None:
    assert up(folder, OWN) == up(folder, OWN)


def test_its_keys_are_for_this_user_only(folder: Path) -> None:
    up(folder, OWN)
    assert (folder / "stack.json").stat().st_mode & 0o777 == 0o600


def test_a_stack_json_without_processes_is_no_running_stack(folder: Path, tmp_path: Path) -> None:
    up(folder, OWN).write(State(tmp_path))
    assert is_up(folder)
    assert not is_up(tmp_path)


@only_long
def test_up_starts_the_stack_again_after_a_process_died(folder: Path) -> None:
    before = up(folder, OWN)
    simulator = psutil.Process(pid_of("thinkific", folder))
    simulator.kill()
    simulator.wait(timeout=10)
    assert not is_up(folder)
    after = up(folder, OWN)
    assert is_up(folder)
    assert after.jwt_secret != before.jwt_secret


def test_down_leaves_no_process_and_no_temporary_file(folder: Path) -> None:
    up(folder, OWN)
    assert processes(folder)
    down(folder)
    assert processes(folder) == []
    assert {path.name for path in folder.iterdir()} <= {"lock", "logs", "owner", "run"}
    assert list((folder / "run").iterdir()) == []
    down(folder)


@only_long
def test_a_failed_deploy_names_its_reason_and_leaves_nothing(folder: Path) -> None:
    down(folder)
    with pytest.raises(DeployFailed, match="InvoiceMinutes"):
        up(folder, Options(catalog=False, parameters={"InvoiceMinutes": "1"}))
    assert processes(folder) == []


def test_an_interrupted_start_leaves_nothing(folder: Path) -> None:
    down(folder)
    command = [sys.executable, "-m", "local", "up", "--state", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as start:  # noqa: S603
        assert start.stdout
        assert start.stdout.readline()
        start.send_signal(signal.SIGINT)
    assert start.returncode == 130
    assert processes(folder) == []


def test_two_commands_cannot_use_one_folder(folder: Path) -> None:
    with State(folder).owned(), pytest.raises(InUse), running_stack(folder):
        pass
