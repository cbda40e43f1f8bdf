"""Variables of make reach the commands unchanged."""

import shutil
import subprocess

import pytest

from local.cloud.state import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
TEXTS = ["Budi", "O'Brien", 'Budi "B" Santoso', "a b", "-x", "`id`", "a;b", "back\\slash", "ü€", ""]


def arguments(target: str, **given: str) -> list[str]:
    """Run a target of make with a command that prints its arguments, one per line."""
    variables = [f"{name}={value}" for name, value in given.items()]
    printed = '@printf "%s\\n"'
    commands = ("SETUP=@:", f"LUNAS={printed}", f"CLI={printed}")
    make = ["make", "--silent", target, *commands, *variables]
    done = subprocess.run(  # noqa: S603
        make, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_for_a_token_is_passed_unchanged(text: str) -> None:
    asked = arguments("token", SUB=text, NAME=text, EMAIL=text)
    assert asked[0] == "token"
    assert {f"--sub={text}", f"--name={text}", f"--email={text}"} < set(asked)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_for_an_event_is_passed_unchanged(text: str) -> None:
    asked = arguments("event", SUB=text, NAME=text, EMAIL=text, EVENT=text)
    assert {f"--sub={text}", f"--name={text}", f"--email={text}"} < set(asked)
    assert asked[-2:] == ["--", text]


@pytest.mark.parametrize("text", TEXTS)
def test_an_address_to_enroll_is_passed_unchanged(text: str) -> None:
    asked = arguments("thinkific-check", ENROLL=text, COURSE=text)
    assert asked[-2:] == [f"--enroll={text}", f"--course={text}"]
