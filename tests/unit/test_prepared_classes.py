"""The build compiles the methods of dataclasses, and they work as before."""

import subprocess
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path

import pytest

import prepared_classes

FRONT = '''"""A package that is imported first."""\n'''
TEA = """
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tea:
    name: str
    cups: int = 1
"""
FOREIGN = "import made_for_another_machine\n"
USE = """
import sys
sys.path.insert(0, sys.argv[1])
import front
import builtins, dataclasses, compiled_classes
texts = []
def execute(code, names, made):
    texts.extend([code] if isinstance(code, str) else [])
    builtins.exec(code, names, made)
compiled_classes.exec = execute
from shop.tea import Tea
print(len(texts), Tea("Darjeeling"), Tea("a") == Tea("a", 1), hash(Tea("a")) == hash(Tea("a")))

@dataclasses.dataclass
class Other:
    age: int
print(len(texts), Other(3))
"""
USE_OLD = """
import sys
sys.path.insert(0, sys.argv[1])
import front, dataclasses
from shop.tea import Tea
print("exec" in vars(dataclasses), Tea("a"))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with nothing but the standard library."""
    return subprocess.run(  # noqa: S603 - the code is this module's own
        [sys.executable, "-I", "-S", "-B", *arguments], capture_output=True, text=True, check=True
    )


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Create a layer with two packages, one of whose modules cannot be imported here."""
    for package in ("front", "shop"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(FRONT)
    (tmp_path / "shop" / "tea.py").write_text(TEA)
    (tmp_path / "shop" / "foreign.py").write_text(FOREIGN)
    return tmp_path


def test_methods_are_compiled_once_for_all_starts(layer: Path) -> None:
    built = run(str(prepared_classes.__file__), str(layer), "front", "shop")
    assert built.stdout.startswith("shop.foreign is not prepared: ")
    prepared, other = run("-c", USE, str(layer)).stdout.splitlines()
    assert prepared == "0 Tea(name='Darjeeling', cups=1) True True"
    assert other == "1 Other(age=3)"


def test_bytecode_of_another_python_is_not_used(layer: Path) -> None:
    run(str(prepared_classes.__file__), str(layer), "front", "shop")
    module = layer / "compiled_classes.py"
    source, expected = module.read_text(), repr(MAGIC_NUMBER)
    assert expected in source
    module.write_text(source.replace(f"MAGIC_NUMBER == {expected}", "MAGIC_NUMBER == b'old!'"))
    printed = run("-c", USE_OLD, str(layer))
    assert printed.stdout == "False Tea(name='a', cups=1)\n"


def test_garbage_is_looked_for_less_often_but_still_is(layer: Path) -> None:
    run(str(prepared_classes.__file__), str(layer), "front", "shop")
    use = "import sys; sys.path.insert(0, sys.argv[1]); import front, gc; "
    shown = run("-c", f"{use} print(gc.isenabled(), *gc.get_threshold())", str(layer)).stdout
    enabled, threshold, *_ = shown.split()
    assert (enabled, threshold) == ("True", "100000")
