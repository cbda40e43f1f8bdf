"""Fixtures of the API's unit tests."""

import pytest

from tests.support.api_requests import AUTH_SECRET
from tests.support.logs import Logged


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Logged:
    return Logged(monkeypatch, capsys)


@pytest.fixture
def auth_secret(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Replace the secret of Secrets Manager; a test may change its content."""
    held = dict(AUTH_SECRET)
    monkeypatch.setattr("lunas.api.auth.secret", lambda _: held)
    return held
