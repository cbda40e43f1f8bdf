"""A function runs under AWS's own runtime client as on Lambda, and its errors are reported."""

import sys
from pathlib import Path

import psutil
import pytest

from tests.support.lambda_runtime import Function, RuntimeFailed, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the emulator is a Linux program")

SOURCE = """
import importlib.util, os, time
count = 0
PACKAGES = ("boto3", "requests")

def handler(event, context):
    global count
    count += 1
    match event.get("do"):
        case "break":
            raise LookupError("no such thing")
        case "sleep":
            time.sleep(30)
    return {
        "count": count, "setting": os.environ["SETTING"], "name": context.function_name,
        "keys": os.environ.get("AWS_PROFILE"), "pid": os.getpid(),
        "packages": [name for name in PACKAGES if importlib.util.find_spec(name)],
    }
"""


@pytest.fixture
def function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Function:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    (tmp_path / "app.py").write_text(SOURCE)
    return Function(tmp_path, settings={"SETTING": "kept"}, name="sample", timeout=1)


def test_one_process_answers_events_one_by_one(function: Function) -> None:
    with running(function) as started:
        first, second = started.invoke({}), started.invoke({})
        assert started.init_milliseconds() > 0
    assert (first["count"], second["count"]) == (1, 2)
    assert first["pid"] == second["pid"]


def test_a_function_has_its_settings_and_nothing_of_the_test_process(function: Function) -> None:
    with running(function) as started:
        answer = started.invoke({})
    assert (answer["setting"], answer["name"], answer["keys"]) == ("kept", "sample", None)
    assert answer["packages"] == []


def test_an_error_is_reported_with_its_log(function: Function) -> None:
    with running(function) as started, pytest.raises(RuntimeFailed, match="no such thing"):
        started.invoke({"do": "break"})


def test_a_call_over_the_time_out_is_ended(function: Function) -> None:
    with running(function) as started, pytest.raises(RuntimeFailed, match="timed out"):
        started.invoke({"do": "sleep"})


def test_no_process_is_left_running(function: Function) -> None:
    with running(function) as started:
        pid = started.invoke({})["pid"]
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_function_has_not_started_before_its_first_event(function: Function) -> None:
    with running(function) as waiting, pytest.raises(RuntimeFailed, match="has not started"):
        waiting.init_milliseconds()
