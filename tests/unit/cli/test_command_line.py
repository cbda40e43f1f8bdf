"""The command line of operators: help and errors of each command."""

from pathlib import Path

import pytest

from lunas.cli.__main__ import COMMANDS, main, parser


def test_every_command_is_listed_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(f"    {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_explains_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert "--env" in shown
    assert "--state" in shown
    assert len(shown.split("\n\n")[1]) > len(command)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_uses_the_local_stack_by_default(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--state", str(tmp_path)]) == 1
    assert f"no stack is up in {tmp_path}" in capsys.readouterr().err
    assert main([command, "--env", "staging"]) == 1
    assert "no environment staging: there are local, dev, prod" in capsys.readouterr().err


def test_sale_reports_take_one_decision() -> None:
    given = parser().parse_args(["sale-reports", "--retry", "pay1"])
    assert (given.retry, given.dismiss, given.env) == ("pay1", "", "local")
