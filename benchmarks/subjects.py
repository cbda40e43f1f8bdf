"""The subjects of the benchmark: Lunas' functions and the peers, as the emulator runs them."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.building import AS_DEPLOYED, COMPILED, size_of
from benchmarks.metering import Meter
from local.cloud import Stack
from local.cloud.aws import Aws
from local.cloud.state import ROOT, TOOLS
from tests.support.lambda_runtime import Function, Running, running

PEERS = {
    "FastAPI + Mangum": "FastapiMangum",
    "Flask + serverless-wsgi": "FlaskServerlessWsgi",
    "Chalice-style router": "ChaliceStyle",
    "bare boto3 client": "BareBoto3",
}
FASTAPI, FLASK, CHALICE, BARE = PEERS
OWN_BYTECODE = ", our bytecode"
METERED_PYTHON = ROOT / "benchmarks" / "metered_python"


@dataclass(frozen=True)
class Subject:
    """One function to measure; ``package`` are its deployed folders."""

    name: str
    function: Function
    package: tuple[Path, ...]

    @property
    def megabytes(self) -> float:
        """Size of the package, unzipped."""
        return size_of(*self.package) / 1e6

    @contextmanager
    def metered(self, **settings: str) -> Iterator[tuple[Running, Meter]]:
        """Run the function with a meter; ``settings`` override its own."""
        with tempfile.TemporaryDirectory() as folder:
            meter = Meter(Path(folder) / "meter")
            more = {"METER": str(meter.path), "PYTHON": str(TOOLS / "runtime" / "bin" / "python")}
            function = replace(
                self.function,
                interpreter=METERED_PYTHON,
                settings={**self.function.settings, **more, **settings},
            )
            with running(function) as run:
                yield run, meter


def ours(stack: Stack, artifacts: Path) -> dict[str, Subject]:
    """Return every function of the stack by its folder's name, with its settings."""
    aws = Aws(stack.aws_endpoint_url, stack.region)
    pages = aws.functions.get_paginator("list_functions").paginate()
    found = {}
    for function in (each for page in pages for each in page["Functions"]):
        logical_id = function["FunctionName"].split("-")[1]
        settings = function.get("Environment", {}).get("Variables", {})
        subject = _ours(logical_id, artifacts, {**_surroundings(stack), **settings})
        found[subject.name] = subject
    return dict(sorted(found.items()))


def _ours(logical_id: str, artifacts: Path, settings: Mapping[str, str]) -> Subject:
    folder, layer = artifacts / logical_id, artifacts / "SharedLayer"
    words = logical_id.removesuffix("Function")
    name = "".join(f"_{each.lower()}" if each.isupper() else each for each in words).lstrip("_")
    function = Function(folder, (layer / "python",), settings, name=name)
    return Subject(name, function, (folder, layer))


def peers(stack: Stack) -> dict[str, Subject]:
    """Return every peer in both forms: as people deploy it, and with Lunas' bytecode."""
    settings = {
        **_surroundings(stack),
        "TABLE_NAME": stack.table_name,
        "JWT_SECRET": stack.jwt_secret,
        "DUITKU_MERCHANT_CODE": stack.duitku.merchant_code,
        "DUITKU_API_KEY": stack.duitku.api_key,
        "DUITKU_POP_URL": str(stack.duitku_url),
        "DUITKU_CALLBACK_URL": stack.duitku_webhook_url,
        "RETURN_URL": "https://example.com/",
        "CURSOR_SECRET": stack.service_api_key,
        "POWERTOOLS_SERVICE_NAME": "shop",
    }
    forms = {"": AS_DEPLOYED, OWN_BYTECODE: COMPILED}
    made = [
        Subject(
            f"{name}{form}", Function(root / folder, (), settings, name=folder), (root / folder,)
        )
        for form, root in forms.items()
        for name, folder in PEERS.items()
    ]
    return {subject.name: subject for subject in made}


def _surroundings(stack: Stack) -> dict[str, Any]:
    """Return the settings that Lambda gives a function, and the emulator's address."""
    return {
        "AWS_REGION": stack.region,
        "AWS_DEFAULT_REGION": stack.region,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_ENDPOINT_URL": stack.aws_endpoint_url,
    }
