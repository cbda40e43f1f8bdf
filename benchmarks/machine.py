"""Describes the machine and the measured versions."""

import os
import platform
import re
from pathlib import Path

from local.cloud.state import ROOT


def machine() -> dict[str, str | int]:
    """Describe the machine."""
    model = re.search(r"model name\s*:\s*(.+)", _text("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _text("/proc/meminfo"))
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": os.cpu_count() or 0,
        "memoryGb": round(int(memory[1]) / 1_000_000) if memory else 0,
        "system": f"{platform.system()} {platform.release()}",
        "loadAverage": f"{os.getloadavg()[0]:.1f}",
    }


def versions() -> dict[str, str]:
    """Return the versions of the software in the measured processes."""
    return {
        "python": platform.python_version(),
        **_pinned("layers/shared/requirements.txt", "boto3", "aws-lambda-powertools", "pydantic"),
        **_pinned("benchmarks/peers/fastapi_mangum/requirements.txt", "fastapi", "mangum"),
        **_pinned("benchmarks/peers/flask_serverless_wsgi/requirements.txt", "flask"),
        **_pinned("benchmarks/peers/flask_serverless_wsgi/requirements.txt", "serverless-wsgi"),
        **_pinned("requirements/runtime.txt", "awslambdaric"),
        **_pinned("requirements/sam.txt", "aws-sam-cli"),
        **_pinned("requirements/cloud.txt", "ministack"),
    }


def _pinned(file: str, *names: str) -> dict[str, str]:
    pins = dict(re.findall(r"^([a-z0-9.-]+)==([^ ]+)", (ROOT / file).read_text(), re.MULTILINE))
    return {name: pins[name] for name in names}


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""
