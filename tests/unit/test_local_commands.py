"""The developer commands name wrong arguments."""

import subprocess
import sys

import pytest

from local.cloud.state import ROOT


def refusal(*arguments: str) -> str:
    """Run a command that cannot work, and return its message."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "local", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("port", ["", "abc", "0", "-1", "65536", "99999", "3000.5"])
def test_an_invalid_port_is_named(port: str) -> None:
    assert f"argument --port: is no port: {port!r}" in refusal("sam-local", f"--port={port}")


def test_a_missing_event_is_reported_with_an_example() -> None:
    assert "say which, as in EVENT=events/payments-get.json" in refusal("event", "")


def test_a_token_needs_a_user_and_a_known_role() -> None:
    assert "say whose token, as in SUB=u1" in refusal("token", "--sub=")
    assert "invalid choice: 'BOSS'" in refusal("token", "--sub=u1", "--role=boss")
