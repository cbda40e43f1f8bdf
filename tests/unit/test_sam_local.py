"""``make sam-local`` says what is missing, and tells the functions where the local stack is."""

import sys
from pathlib import Path

import pytest

from local import sam_local
from local.cloud.errors import NotUp
from local.cloud.state import State

TEMPLATE = """Globals:
  Function:
    Environment:
      Variables:
        POWERTOOLS_SERVICE_NAME:
          Ref: AWS::StackName
"""


class _Stack:
    aws_endpoint_url = "http://127.0.0.1:4566"


STACK: object = _Stack()


def docker(folder: Path, code: int) -> dict[str, str]:
    """Make a docker command that ends with a code."""
    program = folder / "docker"
    program.write_text(f"#!/bin/sh\nexit {code}\n")
    program.chmod(0o755)
    return {"PATH": str(folder)}


def test_without_a_docker_command_it_says_so_and_what_there_is_instead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sam_local.serve(State(tmp_path), {"PATH": str(tmp_path)}) == 1
    said = capsys.readouterr().out
    assert "there is no docker command" in said
    assert "make up" in said


def test_with_docker_a_stack_has_to_be_up(tmp_path: Path) -> None:
    with pytest.raises(NotUp, match="make up"):
        sam_local.serve(State(tmp_path), docker(tmp_path, 0))


def test_an_engine_that_does_not_answer_is_told_from_one_that_does(tmp_path: Path) -> None:
    assert sam_local.missing_docker(docker(tmp_path, 1)) == "the docker command reaches none"
    assert sam_local.missing_docker(docker(tmp_path, 0)) is None


def test_the_functions_are_told_the_address_of_the_emulator() -> None:
    changed = sam_local.with_endpoint(TEMPLATE, STACK)  # type: ignore[arg-type]
    assert f"        AWS_ENDPOINT_URL: {sam_local.reachable(_Stack.aws_endpoint_url)}\n" in changed
    assert changed.endswith("Ref: AWS::StackName\n")
    with pytest.raises(LookupError):
        sam_local.with_endpoint("Resources: {}", STACK)  # type: ignore[arg-type]


def test_a_container_reaches_this_machine_by_the_name_it_has_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert sam_local.reachable("http://127.0.0.1:9/") == "http://host.docker.internal:9/"
    assert "--docker-network" not in sam_local.start(Path("t"), Path("s"))
    monkeypatch.setattr(sys, "platform", "linux")
    assert sam_local.reachable("http://127.0.0.1:9/") == "http://127.0.0.1:9/"
    assert "--docker-network" in sam_local.start(Path("t"), Path("s"))
