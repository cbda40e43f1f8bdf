"""A module whose names are late has the same names as before."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from late_names import rewrite

FRONT = '''
"""A package."""

from helper import loud
from .early import used
from .late import other, real as shown

__all__ = ["other", "shown", "used"]
loud(used)
'''
MODULE = '''
"""A module."""

from __future__ import annotations

import late.part
from late import one, two as second

DOUBLE = 2 * second


class Reader:
    def read(self) -> int:
        """Read."""
        return DOUBLE + late.part.three


def shadowed(one: int) -> int:
    return one


async def waits() -> int:
    return one
'''
LATE = ("late", "one", "second", "DOUBLE")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on Python's path, whose modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in (
        "gathered",
        "gathered.early",
        "gathered.late",
        "helper",
        "reads",
        "late",
        "late.part",
    ):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


@pytest.fixture
def front(path: Path) -> Path:
    """Create a package that imports its names on demand."""
    folder = path / "gathered"
    folder.mkdir()
    (path / "helper.py").write_text("calls = []\nloud = calls.append\n")
    (folder / "early.py").write_text("used = 1\n")
    (folder / "late.py").write_text("other, real = 2, 3\n")
    (folder / "__init__.py").write_text(rewrite(FRONT))
    return folder


@pytest.fixture
def reads(path: Path) -> Path:
    """Create a module with late names."""
    (path / "late").mkdir()
    (path / "late" / "__init__.py").write_text("one, two = 1, 2\n")
    (path / "late" / "part.py").write_text("three = 3\n")
    (path / "reads.py").write_text(rewrite(MODULE, LATE))
    return path


@pytest.mark.usefixtures("front")
def test_a_module_is_imported_when_its_name_is_used_and_not_before() -> None:
    import gathered  # type: ignore[import-not-found]  # noqa: PLC0415

    assert "gathered.early" in sys.modules
    assert "gathered.late" not in sys.modules
    assert (gathered.other, gathered.shown, gathered.used) == (2, 3, 1)
    assert "gathered.late" in sys.modules


@pytest.mark.usefixtures("front")
def test_names_can_be_imported_one_by_one_and_all_together() -> None:
    names: dict[str, object] = {}
    exec("from gathered import shown as one\nfrom gathered import *", names)  # noqa: S102
    assert (names["one"], names["other"], names["shown"]) == (3, 2, 3)


@pytest.mark.usefixtures("front")
def test_a_missing_name_is_an_attribute_error() -> None:
    import gathered  # noqa: PLC0415

    with pytest.raises(AttributeError, match="nothing"):
        _ = gathered.nothing


USES: dict[str, tuple[Callable[..., object], object]] = {
    "method": (lambda module: module.Reader().read(), 7),
    "parameter of the same name": (lambda module: module.shadowed(5), 5),
    "coroutine": (lambda module: next(iter(module.waits().__await__()), None), None),
    "renamed import": (lambda module: module.second, 2),
    "constant": (lambda module: module.DOUBLE, 4),
}


@pytest.mark.usefixtures("reads")
@pytest.mark.parametrize("use", USES)
def test_late_names_are_defined_for_each_way_to_use_them(use: str) -> None:
    import reads  # type: ignore[import-not-found]  # noqa: PLC0415

    assert "late" not in sys.modules
    read, expected = USES[use]
    assert read(reads) == expected
    assert "late" in sys.modules


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from late import one\n\nTWO = one + 1\n", ["one"]),
        ("from late import one\n\n\ndef add(given=one):\n    return given\n", ["one"]),
        ("from late import one\n\n\nclass Three(one):\n    pass\n", ["one"]),
        ("from late import one\n", ["two"]),
        ("if 1:\n    from late import one\n", ["one"]),
    ],
)
def test_a_name_that_is_used_at_once_or_not_found_cannot_be_late(
    source: str, names: list[str]
) -> None:
    with pytest.raises(ValueError, match="cannot be late"):
        rewrite(source, names)
