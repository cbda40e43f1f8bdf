"""When ``make sam-local`` ends in any way, SAM ends and its containers are removed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.cloud.errors import NotUp
from local.cloud.state import ROOT, State
from local.sam_local import command
from local.sam_local.docker import RUN
from tests.unit.sam_local.docker_commands import Answer, DockerCommand, docker_command

_RUN = """\
import os, signal, sys
from local.cloud.errors import LocalCloudError
from local.sam_local import command
from local.sam_local.docker import Engine
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.default_int_handler)
engine = Engine(sys.argv[1], "unix:///d.sock", dict(os.environ))
sys.exit(command.run_sam(sys.argv[2:], os.environ, engine, "mine"))
"""
OBEDIENT = "import time; print(__import__('os').getpid(), flush=True); time.sleep(99)"
STUBBORN = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); {OBEDIENT}"
NONE: Answer = (0, "", "")
LISTED: Answer = (0, "aaa\nbbb", "")


def described(**runs: str) -> Answer:
    lines = ({"id": name, "environment": [f"{RUN}={run}"]} for name, run in runs.items())
    return 0, "\n".join(json.dumps(each) for each in lines), ""


def with_containers(folder: Path, **more: Answer | list[Answer]) -> DockerCommand:
    """Create an engine with a container of this run, until it is removed, and of another."""
    found = [described(aaa="mine", bbb="another"), described(bbb="another")]
    answers: dict[str, Answer | list[Answer]] = {
        "ps": LISTED,
        "container_inspect": found,
        "rm": NONE,
        **more,
    }
    return docker_command(folder, **answers)


@contextmanager
def running(docker: DockerCommand, sam: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run SAM as make sam-local does; yields the command's process and the id of SAM's."""
    program = [sys.executable, "-c", sam]
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", _RUN, str(docker.folder / "docker"), *program],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())
        process.kill()


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_ends_sam_and_removes_the_containers_of_this_run(
    tmp_path: Path, number: signal.Signals
) -> None:
    docker = with_containers(tmp_path)
    with running(docker, OBEDIENT) as (process, sam):
        process.send_signal(number)
        output, _ = process.communicate()
    assert "removed 1 of this run's containers" in output
    assert not is_alive(sam)
    assert [asked for asked in docker.asked() if asked.startswith("rm")] == [
        "rm --force --volumes aaa"
    ]


def test_sam_is_interrupted_first_and_removes_its_own_containers(tmp_path: Path) -> None:
    asked = tmp_path / "interrupted"
    wait = f"\ntry: {OBEDIENT}\nexcept KeyboardInterrupt: open({str(asked)!r}, 'w')"
    docker = docker_command(tmp_path, ps=NONE)
    with running(docker, wait) as (process, sam):
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert asked.exists()
    assert output == ""
    assert not is_alive(sam)


def test_sam_that_ignores_the_interrupt_is_killed(tmp_path: Path) -> None:
    docker = with_containers(tmp_path)
    with running(docker, STUBBORN) as (process, sam):
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert "removed 1 of this run's containers" in output
    assert not is_alive(sam)


def test_a_second_interrupt_still_removes_containers(tmp_path: Path) -> None:
    docker = with_containers(tmp_path)
    asked = "signal.signal(signal.SIGINT, lambda *_: print('asked', flush=True))"
    with running(docker, f"import signal; {asked}; {OBEDIENT}; time.sleep(99)") as (process, sam):
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "asked\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    assert "removed 1 of this run's containers" in output
    assert not is_alive(sam)


def test_containers_are_removed_when_sam_ends_by_itself(tmp_path: Path) -> None:
    docker = with_containers(tmp_path)
    with running(docker, "import sys; print(1, flush=True); sys.exit(7)") as (process, _):
        output, _ = process.communicate()
    assert process.returncode == 7
    assert "removed 1 of this run's containers" in output


def test_without_containers_none_is_removed(tmp_path: Path) -> None:
    docker = docker_command(tmp_path, ps=NONE)
    with running(docker, "print(1)") as (process, _):
        output, _ = process.communicate()
    assert output == ""
    assert [asked.split()[0] for asked in docker.asked()] == ["ps"]


def test_a_container_that_appears_while_others_are_removed_is_removed_too(tmp_path: Path) -> None:
    found = [described(aaa="mine"), described(bbb="mine"), NONE]
    docker = with_containers(tmp_path, container_inspect=found)
    with running(docker, "print(1)") as (process, _):
        process.communicate()
    removed = [asked for asked in docker.asked() if asked.startswith("rm")]
    assert removed == ["rm --force --volumes aaa", "rm --force --volumes bbb"]


def test_a_container_that_the_engine_is_already_removing_is_no_error(tmp_path: Path) -> None:
    refusal = "Error response from daemon: removal of container aaa is already in progress"
    docker = with_containers(tmp_path, rm=(1, "", refusal))
    with running(docker, "print(1)") as (process, _):
        output, _ = process.communicate()
    assert "warning" not in output


def test_the_error_of_a_stopped_engine_names_how_to_find_containers(tmp_path: Path) -> None:
    line = "Cannot connect to the Docker daemon at unix:///d.sock. Is the docker daemon running?"
    docker = docker_command(tmp_path, ps=(1, "", line))
    with running(docker, "import sys; print(1, flush=True); sys.exit(3)") as (process, _):
        output, _ = process.communicate()
    assert process.returncode == 3
    assert f"containers of this run may be left: docker ps --all: {line}" in output
    assert "docker ps --all --filter label=sam.cli.container.type=lambda" in output


def test_a_stack_must_be_up(tmp_path: Path) -> None:
    with pytest.raises(NotUp, match="make up"):
        command.serve(State(tmp_path), docker_command(tmp_path).environment)


def test_containers_are_kept_and_stay_on_the_bridge() -> None:
    arguments = [str(each) for each in command.start(Path("t"), 3000)]
    assert arguments[arguments.index("--warm-containers") + 1] == "LAZY"
    assert "--docker-network" not in arguments
    assert arguments[arguments.index("--host") + 1] == "127.0.0.1"
