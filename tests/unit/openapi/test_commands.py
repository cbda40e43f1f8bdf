"""Writing the OpenAPI document, and comparing the committed one with the code."""

from pathlib import Path

import pytest

from local.openapi import __main__ as command
from local.openapi.routes import add_schemas


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "openapi.json"
    monkeypatch.setattr(command, "COMMITTED", file)
    return file


@pytest.mark.usefixtures("committed")
def test_a_written_document_passes_the_check() -> None:
    assert command.write() == 0
    assert command.check() == 0


def test_a_document_that_differs_fails_the_check(
    committed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command.write()
    committed.write_text(committed.read_text().replace("PENDING", "WAITING"))

    assert command.check() == 1
    assert "openapi.json" in capsys.readouterr().out


@pytest.mark.usefixtures("committed")
def test_a_missing_document_fails_the_check() -> None:
    assert command.check() == 1


def test_two_schemas_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="Body"):
        add_schemas({"Body": {"type": "object"}}, {"Body": {"type": "string"}})
