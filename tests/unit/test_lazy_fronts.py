"""A package whose names are imported on demand has the same names as before."""

import sys
from pathlib import Path

import pytest

from lazy_fronts import rewrite

FRONT = '''
"""A package."""

from helper import loud
from .early import used
from .late import other, real as shown

__all__ = ["other", "shown", "used"]
loud(used)
'''


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Create a package that imports its names on demand, on Python's path."""
    folder = tmp_path / "gathered"
    folder.mkdir()
    (tmp_path / "helper.py").write_text("calls = []\nloud = calls.append\n")
    (folder / "early.py").write_text("used = 1\n")
    (folder / "late.py").write_text("other, real = 2, 3\n")
    (folder / "__init__.py").write_text(rewrite(FRONT))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("gathered", "gathered.early", "gathered.late", "helper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


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
