"""Package fronts that import on demand give the same names as before."""

import sys
from pathlib import Path

import pytest

from lazy_fronts import rewrite

FRONT = '''
"""Says something."""

from helper import loud
from .early import used
from .late import other, real as shown

__all__ = ["other", "shown", "used"]
loud(used)
'''


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package with a front that imports on demand, where Python finds it."""
    folder = tmp_path / "gathered"
    folder.mkdir()
    (tmp_path / "helper.py").write_text("told = []\nloud = told.append\n")
    (folder / "early.py").write_text("used = 1\n")
    (folder / "late.py").write_text("other, real = 2, 3\n")
    (folder / "__init__.py").write_text(rewrite(FRONT))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("gathered", "gathered.early", "gathered.late", "helper"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return folder


@pytest.mark.usefixtures("front")
def test_a_part_is_imported_when_it_is_asked_for_and_not_before() -> None:
    import gathered  # type: ignore[import-not-found]  # noqa: PLC0415

    assert "gathered.early" in sys.modules
    assert "gathered.late" not in sys.modules
    assert (gathered.other, gathered.shown, gathered.used) == (2, 3, 1)
    assert "gathered.late" in sys.modules


@pytest.mark.usefixtures("front")
def test_names_can_be_imported_from_the_front_one_by_one_and_all_together() -> None:
    names: dict[str, object] = {}
    exec("from gathered import shown as one\nfrom gathered import *", names)  # noqa: S102
    assert (names["one"], names["other"], names["shown"]) == (3, 2, 3)


@pytest.mark.usefixtures("front")
def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import gathered  # noqa: PLC0415

    with pytest.raises(AttributeError, match="nothing"):
        _ = gathered.nothing
