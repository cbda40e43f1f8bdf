"""An environment of the developer commands is installed once, and again when its pins change."""

from pathlib import Path

import pytest

from local import environments
from local.environments import Environment, ensure


class Recorder:
    """Installs an environment by making its folder, and counts how often."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, folder: Path, _pins: Path) -> None:
        """Install."""
        folder.mkdir()
        self.times += 1


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    path = tmp_path / "pins.txt"
    path.write_text("one==1")
    return path


def described(monkeypatch: pytest.MonkeyPatch, pins: Path, needs: str) -> Recorder:
    """Describe an environment ``e`` that needs a program."""
    made = Recorder()
    one = Environment(pins.with_name("e"), pins, made, needs)
    monkeypatch.setattr(environments, "ENVIRONMENTS", {"e": one})
    return made


@pytest.mark.parametrize("needs", ["", "sh"])
def test_an_environment_is_installed_once_for_the_same_pins(
    pins: Path, monkeypatch: pytest.MonkeyPatch, needs: str
) -> None:
    made = described(monkeypatch, pins, needs)
    ensure("e")
    ensure("e")
    assert made.times == 1
    pins.write_text("one==2")
    ensure("e")
    assert made.times == 2


def test_an_environment_is_skipped_while_its_program_is_missing(
    pins: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = described(monkeypatch, pins, "no-such-program")
    ensure("e")
    assert made.times == 0
    assert capsys.readouterr().err == "without e: there is no no-such-program here\n"
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/no-such-program")
    ensure("e")
    assert made.times == 1
