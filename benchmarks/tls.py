"""Measures a call by TLS with a plain session and with the sessions of Lunas."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest
import requests

from lunas import http_sessions
from lunas.http_sessions import KeptSession, fresh_session
from tests.support.servers import certificate, serving

TIMEOUT = 5


@dataclass(frozen=True)
class Tls:
    """Processor milliseconds of each call, by its kind of connection."""

    new_list: list[float]
    shared_list: list[float]
    kept: list[float]


def measure(rounds: int) -> Tls:
    """Call a server on loopback whose authority is at the end of the usual list."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        context, own = certificate("127.0.0.1", Path(folder))
        listed = Path(folder) / "authorities.pem"
        listed.write_text(Path(certifi.where()).read_text() + own.read_text())
        for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        patch.setattr(certifi, "where", lambda: str(listed))
        http_sessions._authorities.cache_clear()  # noqa: SLF001
        kept = KeptSession()
        with serving(context) as server:
            found = Tls(
                _timed(
                    rounds, lambda: requests.get(server.url, verify=str(listed), timeout=TIMEOUT)
                ),
                _timed(rounds, lambda: fresh_session().get(server.url, timeout=TIMEOUT)),
                _timed(rounds, lambda: kept.current().get(server.url, timeout=TIMEOUT)),
            )
    http_sessions._authorities.cache_clear()  # noqa: SLF001
    return found


def _timed(rounds: int, call: Callable[[], requests.Response]) -> list[float]:
    """Call once without timing, then measure this thread's time; the server has its own thread."""
    call().raise_for_status()
    found = []
    for _ in range(rounds):
        started = time.thread_time()
        call()
        found.append((time.thread_time() - started) * 1000)
    return found
