"""The build is complete by itself, and compiled.

Everything here is imported the way Lambda does it: by an interpreter that has the standard
library, the layer and one function's folder, and nothing else.
"""

import importlib.util
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import botocore.session
import pytest

from local.cloud.build import Target, build, this_machine
from local.cloud.state import ROOT

TARGET = this_machine()
LAYER = TARGET.artifacts / "SharedLayer" / "python"
FUNCTIONS = [path.parent.name for path in sorted((ROOT / "functions").glob("*/app.py"))]
MEGABYTE = 1_000_000
ELF_MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}

IMPORT_EVERYTHING = """
import importlib, pkgutil, lunas
for module in pkgutil.walk_packages(lunas.__path__, "lunas."):
    importlib.import_module(module.name)
"""
SERVICES = ("dynamodb", "secretsmanager", "sqs", "sts")
REGIONS = ("ap-southeast-3", "us-east-1", "cn-north-1", "us-gov-west-1")
PRINT_ENDPOINTS = """
from botocore import session
made = session.get_session()
for service, region in {asked!r}:
    print(made.create_client(service, region).meta.endpoint_url)
"""
PRINT_COMPILED = """
import compiled_classes
texts = []
def execute(code, names, made):
    texts.extend([code] if isinstance(code, str) else [])
    exec(code, names, made)
compiled_classes.exec = execute
import app, dataclasses
print(len(texts), dataclasses.exec is compiled_classes._execute)
"""
PRINT_BYTECODE = """
import sys
for name, module in sorted(sys.modules.items()):
    source = getattr(module, "__file__", None) or ""
    if source.startswith(sys.path[0]) and source.endswith(".py"):
        print(name, module.__cached__)
"""


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    build(TARGET)


def folder_of(function: str) -> Path:
    """Return the built folder of a function by the name of its source folder."""
    logical_id = function.title().replace("_", "") + "Function"
    return TARGET.artifacts / logical_id


def run(code: str, *paths: Path) -> str:
    """Run code with nothing but ``paths`` and the standard library; return its output."""
    path = f"import sys; sys.path[:0] = {[str(path) for path in paths]!r}\n"
    done = subprocess.run(  # noqa: S603 - the code is this module's own
        [sys.executable, "-I", "-S", "-B", "-c", path + code],
        env={"AWS_REGION": "ap-southeast-3", "AWS_DEFAULT_REGION": "ap-southeast-3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def imported(function: str) -> tuple[str, str]:
    """Import a function; return whether it has a handler, and the path of its bytecode."""
    printed = run(
        "import app; print(callable(app.handler), app.__cached__)", folder_of(function), LAYER
    )
    handler, _, bytecode = printed.strip().partition(" ")
    return handler, bytecode


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_with_only_the_layer(function: str) -> None:
    handler, _ = imported(function)
    assert handler == "True"


@pytest.mark.parametrize("function", ["duitku_webhook", "initiate_payment", "deliver_enrollment"])
def test_a_function_compiles_no_methods_of_dataclasses(function: str) -> None:
    assert run(PRINT_COMPILED, folder_of(function), LAYER).split() == ["0", "True"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_holds_its_own_code_and_nothing_else(function: str) -> None:
    source = {path.name for path in (ROOT / "functions" / function).glob("[!.]*")}
    built = {path.name for path in folder_of(function).iterdir()}
    assert built == source | {"__pycache__"}


def test_a_function_is_built_without_caches_and_hidden_files(tmp_path: Path) -> None:
    source, built = tmp_path / "functions" / "sell_tea", tmp_path / "built"
    hidden = (".env", ".mypy_cache/3.13/app.json", "__pycache__/old.cpython-39.pyc", "data/.env")
    for path in ("app.py", "data/names.txt", *hidden):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).touch()
    built.mkdir()
    make(source.parent, ROOT / "functions" / "Makefile", "build-SellTeaFunction", built)
    assert {path.name for path in built.rglob("*")} == {
        "app.py",
        "data",
        "names.txt",
        "__pycache__",
        f"app.{sys.implementation.cache_tag}.pyc",
    }


def test_the_layer_holds_its_source_without_hidden_files_and_operators_commands() -> None:
    def files(folder: Path) -> set[Path]:
        return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}

    source = {path for path in files(ROOT / "layers/shared/lunas") if not is_left_behind(path)}
    assert Path("aws/descriptions/dynamodb/2012-08-10/service-2.sdk-extras.json") in source
    built = files(LAYER / "lunas")
    assert {path for path in built if "__pycache__" not in path.parts} == source


def is_left_behind(path: Path) -> bool:
    """Return whether a file of the source is a cache, hidden, or an operator's command."""
    if path.parts[0] == "cli":
        return True
    return any(part == "__pycache__" or part.startswith(".") for part in path.parts)


def make(folder: Path, makefile: Path, target: str, artifacts: Path) -> None:
    """Build as SAM does."""
    settings = [f"ARTIFACTS_DIR={artifacts}", f"PYTHON={sys.executable}"]
    subprocess.run(  # noqa: S603
        [shutil.which("make") or "make", "-C", str(folder), "-f", str(makefile), target, *settings],
        check=True,
        capture_output=True,
    )


def test_every_module_of_the_layer_imports() -> None:
    run(IMPORT_EVERYTHING, LAYER)


def test_every_imported_module_comes_from_bytecode_that_is_never_checked() -> None:
    printed = run(IMPORT_EVERYTHING + PRINT_BYTECODE, LAYER)
    modules = dict(line.split(" ", 1) for line in printed.splitlines())
    assert len(modules) > 100
    assert {name for name, path in modules.items() if is_checked(path)} == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_comes_from_bytecode_that_is_never_checked(function: str) -> None:
    _, bytecode = imported(function)
    assert not is_checked(bytecode)


def is_checked(bytecode: str) -> bool:
    """Return whether Python compares with the source first: anything but an unchecked hash."""
    path = Path(bytecode)
    if not path.exists():
        return True
    header = path.read_bytes()[:8]
    return header != importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")


def test_a_changed_source_does_not_change_what_is_imported(tmp_path: Path) -> None:
    shutil.copytree(LAYER / "lunas", tmp_path / "lunas")
    source = tmp_path / "lunas" / "__init__.py"
    source.write_text("raise RuntimeError('read from source')")
    run("import lunas", tmp_path, LAYER)
    shutil.rmtree(tmp_path / "lunas" / "__pycache__")
    with pytest.raises(AssertionError, match="read from source"):
        run("import lunas", tmp_path, LAYER)


@pytest.mark.parametrize("service", SERVICES)
def test_clients_of_used_services_find_their_descriptions(service: str) -> None:
    code = f"print(len(dir(session.get_session().create_client({service!r}))))"
    printed = run(f"from botocore import session; {code}", LAYER)
    assert int(printed) > 10


def test_clients_use_the_same_endpoints_as_with_all_descriptions() -> None:
    asked = [(service, region) for service in SERVICES for region in REGIONS]
    with_all = botocore.session.get_session()
    places = [with_all.create_client(*each).meta.endpoint_url for each in asked]
    printed = run(PRINT_ENDPOINTS.format(asked=asked), LAYER)
    assert dict(zip(asked, printed.split(), strict=True)) == dict(zip(asked, places, strict=True))


def test_descriptions_of_unused_services_are_omitted() -> None:
    with pytest.raises(AssertionError, match="UnknownServiceError"):
        run("from botocore import session; session.get_session().create_client('ec2')", LAYER)


def test_bytecode_names_no_folder_of_the_machine_that_built_it() -> None:
    bytecode = list(TARGET.artifacts.rglob("*.pyc"))
    assert bytecode
    assert not [path for path in bytecode if str(ROOT).encode() in path.read_bytes()]


@pytest.mark.skipif(bool(TARGET.platforms), reason="only Linux builds what Lambda runs")
def test_compiled_extensions_are_for_the_requested_processor() -> None:
    extensions = list(TARGET.artifacts.rglob("*.so"))
    machines = {machine_of(extension) for extension in extensions}
    assert machines == {ELF_MACHINES[TARGET.architecture]}


def test_builds_for_different_processors_share_no_cache() -> None:
    assert Target("arm64").cache != Target("x86_64").cache


def machine_of(extension: Path) -> int:
    """Read the processor from the header of an ELF file."""
    return int.from_bytes(extension.read_bytes()[18:20], "little")


def test_the_build_is_small() -> None:
    files = [path for path in TARGET.artifacts.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 45 * MEGABYTE
