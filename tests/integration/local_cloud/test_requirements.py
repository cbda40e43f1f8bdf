"""The pinned requirements are complete: one version of each, with hashes."""

import json
import re
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from local.cloud.state import ROOT
from local.requirements import PINS


def asked(source: str) -> list[Requirement]:
    """Return the requirements that an .in file names itself."""
    lines = (ROOT / "requirements" / source).read_text().splitlines()
    return [Requirement(line) for line in lines if line and line[0] not in "#-"]


def pinned(pins: str) -> dict[str, str]:
    """Return the pinned version of each package."""
    text = (ROOT / pins).read_text()
    found = re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+)", text, re.MULTILINE)
    return {canonicalize_name(name): version for name, version in found}


@pytest.mark.parametrize("source", sorted(PINS))
def test_every_requirement_is_pinned_to_a_matching_version(source: str) -> None:
    versions = pinned(PINS[source])
    for requirement in asked(source):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("pins", sorted(PINS.values()))
def test_every_pin_has_hashes_and_no_host_is_named(pins: str) -> None:
    blocks = re.split(r"\n(?=\S)", (ROOT / pins).read_text())
    for block in (block for block in blocks if "==" in block):
        assert "--hash=sha256:" in block
    assert "://" not in "".join(blocks)


def test_tests_use_the_versions_of_the_functions() -> None:
    layer, dev = pinned(PINS["layer.in"]), pinned(PINS["dev.in"])
    assert layer
    assert {name: dev[name] for name in layer} == layer


def npm(name: str) -> dict[str, Any]:
    """Read one of the two files that npm installs from."""
    read: dict[str, Any] = json.loads((ROOT / "requirements" / "npm" / name).read_text())
    return read


def test_npms_packages_are_pinned_with_hashes_and_no_host_is_named() -> None:
    root, *packages = npm("package-lock.json")["packages"].values()
    assert root["dependencies"] == npm("package.json")["dependencies"]
    assert packages
    for package in packages:
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package
