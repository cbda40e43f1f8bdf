"""Reading what a function logged."""

import io
import json
from typing import Any

import pytest

from lunas.edges import telemetry


class Logged:
    """The log lines written since the test began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._stream = io.StringIO()
        self._capsys = capsys
        monkeypatch.setattr(telemetry.logger.registered_handler, "stream", self._stream)

    @property
    def text(self) -> str:
        """Return the log lines as written."""
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the log lines, decoded."""
        return [json.loads(line) for line in self.text.split("\n") if line]

    def messages(self, level: str | None = None) -> list[str]:
        """Return what was decided, in order."""
        return [each["message"] for each in self.lines if level in {None, each["level"]}]

    def metrics(self) -> list[str]:
        """Return the names of the metrics counted since this was asked last."""
        printed = self._capsys.readouterr().out.splitlines()
        written = [json.loads(line) for line in printed if line.startswith('{"_aws"')]
        return [
            metric["Name"]
            for each in written
            for group in each["_aws"]["CloudWatchMetrics"]
            for metric in group["Metrics"]
        ]
