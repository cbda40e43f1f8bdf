"""Starts the emulator of AWS and waits until it answers."""

import os
from pathlib import Path

import requests

from local.cloud.options import Options
from local.cloud.ports import HOST
from local.cloud.service import Service
from local.cloud.state import TOOLS, State

REGION = "ap-southeast-3"
NAME = "emulator"
_START_SECONDS = 60.0
_MAIN = Path(__file__).with_name("emulator_main.py")
# The emulator keeps the first worker of a function; later ones go after so many idle seconds.
_IDLE_WORKER_SECONDS = 60


def start(state: State, port: int, options: Options) -> Service:
    """Start the emulator on loopback; each function gets at most ``workers`` at once."""
    service = Service(NAME, state)
    python = TOOLS / "cloud" / "bin" / "python"
    service.start([python, "-P", _MAIN], _environment(state, port, options))
    return service


def wait(service: Service, endpoint: str) -> None:
    """Return once the emulator answers; raises ``ServiceFailed`` with its log otherwise."""

    def answers() -> bool:
        try:
            return requests.get(f"{endpoint}/_ministack/health", timeout=5).ok
        except requests.ConnectionError:
            return False

    service.wait_until(answers, _START_SECONDS)


def _environment(state: State, port: int, options: Options) -> dict[str, str]:
    """Give the emulator, and with it the functions, nothing of the user's own AWS settings.

    The default of the first three would open ports on every network interface; that of
    ``DOCKER_HOST`` would let it clean up containers that are not ours.
    """
    return {
        "BIND_HOST": HOST,
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "DOCKER_HOST": f"unix://{state.temporary}/no-docker",
        "AUTH": str(options.iam).lower(),
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": HOST,
        "MINISTACK_REGION": REGION,
        "LAMBDA_WARM_TTL_SECONDS": str(_IDLE_WORKER_SECONDS),
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_EC2_METADATA_DISABLED": "true",
        "LUNAS_FUNCTION_LOGS": str(state.function_logs),
        "LUNAS_UNPACKED": str(state.unpacked),
        "LUNAS_WORKERS_PER_FUNCTION": str(options.workers),
        "HOME": str(state.temporary),
        "TMPDIR": str(state.temporary),
        "STATE_DIR": str(state.temporary),
        "S3_DATA_DIR": str(state.temporary / "s3"),
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PYTHONUNBUFFERED": "1",
    }
