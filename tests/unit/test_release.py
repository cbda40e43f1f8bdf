"""The mark of a release: equal for equal builds, and another for any difference."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lunas.cli.release import MARK, digest, mark, settings_of

SETTINGS: dict[str, object] = {"stack_name": "lunas-dev", "parameter_overrides": ["A=1"]}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    for name in ("OneFunction", "TwoFunction", "SharedLayer"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "app.py").write_text(name)
    (tmp_path / "template.yaml").write_text("Resources: {}")
    return tmp_path


def test_equal_builds_have_the_same_mark(built: Path) -> None:
    first = mark(built, SETTINGS)
    assert mark(built, dict(reversed(SETTINGS.items()))) == first == digest(built, SETTINGS)


def test_functions_are_marked_and_layers_are_not(built: Path) -> None:
    value = mark(built, SETTINGS)
    marked = {path.parent.name: path.read_text().strip() for path in built.rglob(MARK)}
    assert marked == {"OneFunction": value, "TwoFunction": value}


@pytest.mark.parametrize(
    "change",
    [
        lambda built: (built / "OneFunction" / "deep" / "app.py").write_text("other"),
        lambda built: (built / "SharedLayer" / "deep" / "app.py").write_bytes(b"other"),
        lambda built: (built / "SharedLayer" / "new.py").write_text(""),
        lambda built: (built / "template.yaml").write_text("Resources: {A: {}}"),
        lambda built: (built / "OneFunction" / "deep" / "app.py").rename(built / "app.py"),
    ],
)
def test_any_change_makes_another_mark(built: Path, change: Callable[[Path], object]) -> None:
    before = mark(built, SETTINGS)
    change(built)
    assert mark(built, SETTINGS) != before


def test_another_setting_makes_another_mark(built: Path) -> None:
    assert digest(built, SETTINGS) != digest(built, SETTINGS | {"parameter_overrides": ["A=2"]})


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_settings_are_those_of_samconfig(environment: str) -> None:
    assert settings_of(environment)["stack_name"] == f"lunas-{environment}"


def test_an_unknown_environment_is_an_error() -> None:
    with pytest.raises(KeyError):
        settings_of("nowhere")
