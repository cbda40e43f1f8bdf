"""The configured time zone is checked before a deployment."""

import zoneinfo
from collections.abc import Mapping
from pathlib import Path

import pytest

from lunas.cli import release
from lunas.cli.time_zones import unknown_zone
from tests.golden.expanded import ENVIRONMENTS, parameters_of

DEFAULT = "Asia/Jakarta"


@pytest.mark.parametrize("name", [DEFAULT, "Asia/Makassar", "Asia/Jayapura", "UTC", "Etc/GMT+7"])
def test_a_zone_of_the_database_is_known(name: str) -> None:
    assert unknown_zone(name) is None
    assert zoneinfo.ZoneInfo(name).key == name


@pytest.mark.parametrize(
    "name", ["Asia/Jakart", "asia/jakarta", "WIB", "Asia", "posix/UTC", "localtime", ""]
)
def test_any_other_name_is_refused_with_what_to_do(name: str) -> None:
    problem = unknown_zone(name)
    assert problem is not None
    assert repr(name) in problem
    assert "TimeZone" in problem


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_environment_has_a_known_zone(environment: str) -> None:
    assert unknown_zone(parameters_of(environment).get("TimeZone", DEFAULT)) is None


@pytest.mark.parametrize(
    ("overrides", "deploys"),
    [
        (["TimeZone=Asia/Makassar"], True),
        (["Architecture=x86_64"], True),
        (["Architecture=x86_64", "TimeZone=Asia/Makasar"], False),
    ],
    ids=str,
)
def test_make_deploy_stops_at_an_unknown_zone(
    overrides: list[str],
    deploys: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings: Mapping[str, object] = {"parameter_overrides": overrides}
    (tmp_path / "OneFunction").mkdir()
    monkeypatch.setattr(release, "settings_of", {"dev": settings}.__getitem__)
    assert release.main("dev", tmp_path) == (0 if deploys else 1)
    assert (tmp_path / "OneFunction" / release.MARK).exists() is deploys
    assert ("Asia/Makasar'" in capsys.readouterr().err) is not deploys
