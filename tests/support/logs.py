"""Reading what a function logged."""

import io
import json
from typing import Any

import pytest

from lunas.observability import logger


class Logged:
    """The log lines written since the test began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._stream = io.StringIO()
        self._capsys = capsys
        monkeypatch.setattr(logger.registered_handler, "stream", self._stream)

    @property
    def text(self) -> str:
        """Return the log lines as written."""
        return self._stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the log lines, decoded."""
        return [json.loads(line) for line in self.text.split("\n") if line]

    def messages(self, level: str | None = None) -> list[str]:
        """Return the messages of a level, in order."""
        return [each["message"] for each in self.lines if level in {None, each["level"]}]

    def metrics(self) -> list[str]:
        """Return the names of the metrics written since they were asked for last."""
        return [name for each in self.embedded() for name in _names(each)]

    def values(self) -> dict[str, float]:
        """Return the metrics written since they were asked for last, with their last values."""
        return {name: each[name][-1] for each in self.embedded() for name in _names(each)}

    def embedded(self) -> list[dict[str, Any]]:
        """Return the lines in CloudWatch's embedded format since they were asked for last."""
        printed = self._capsys.readouterr().out.splitlines()
        return [json.loads(line) for line in printed if line.startswith('{"_aws"')]


def _names(embedded: dict[str, Any]) -> list[str]:
    groups = embedded["_aws"]["CloudWatchMetrics"]
    return [metric["Name"] for group in groups for metric in group["Metrics"]]
