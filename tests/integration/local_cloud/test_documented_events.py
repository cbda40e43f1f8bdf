"""Every `sam local invoke` of the docs runs as far as it can without Docker, for every event.

SAM has read and unrolled the template with its settings before it needs the engine.
"""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.cloud import build
from local.cloud.state import ROOT, TOOLS
from local.sam_local import settings
from tests.integration.local_cloud import documented

NO_ENGINE = "requires a container runtime"
_EACH = """\
import json, os, sys, yaml
# Each command reads the template twice, which takes a second without libyaml.
yaml.SafeLoader = yaml.CSafeLoader
from click.testing import CliRunner
from samcli.cli.main import cli
for line in sys.stdin:
    answer = CliRunner().invoke(cli, json.loads(line))
    print(json.dumps([answer.exit_code, answer.output]))
"""
COMMANDS = [
    (document, command)
    for document in ("docs/guides/local.md", documented.EVENTS)
    for command in documented.commands(document)
]
EVENTS = documented.events()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """Build, and write the files of ``make sam-local``; return them by their names in the docs."""
    target = build.Target(build.this_machine().architecture)
    build.build(target)
    built = (target.artifacts / "template.yaml").read_text()
    template = target.artifacts / "sam-local-test.yaml"
    template.write_text(settings.template(built, target.architecture, "test"))
    variables = tmp_path_factory.mktemp("variables") / "env.json"
    variables.write_text(json.dumps({"PaymentsFunction": {"TABLE_NAME": "lunas"}}))
    yield {
        ".aws-sam/build/sam-local.yaml": template,
        ".local/sam-local.json": variables,
        "env.json": variables,
    }
    template.unlink()


def run(commands: list[list[str]]) -> list[tuple[int, str]]:
    """Run commands of SAM, one by one in one process, without an engine."""
    done = subprocess.run(  # noqa: S603
        [TOOLS / "sam" / "bin" / "python", "-c", _EACH],
        input="\n".join(json.dumps(each[1:]) for each in commands),
        cwd=ROOT,
        env={
            "PATH": "/nowhere",
            "HOME": "/nowhere",
            "DOCKER_HOST": "unix:///nowhere/docker.sock",
            "SAM_CLI_TELEMETRY": "0",
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def answers(written: dict[str, Path]) -> dict[str, list[Any]]:
    """Run the command of local.md for every listed event; return the answers."""
    (command,) = documented.commands("docs/guides/local.md")
    asked = [
        _with_files(documented.arguments(command, function, f"events/{event}"), written)
        for event, function in EVENTS
    ]
    pairs = zip(EVENTS, run(asked), strict=True)
    return {event: list(answer) for (event, _), answer in pairs}


def _with_files(words: list[str], written: dict[str, Path]) -> list[str]:
    return [str(written.get(word, word)) for word in words]


@pytest.mark.parametrize("event", [event for event, _ in EVENTS])
def test_an_event_runs_until_the_missing_engine(answers: dict[str, list[Any]], event: str) -> None:
    code, output = answers[event]
    assert (code, NO_ENGINE in output) == (1, True), output


@pytest.mark.parametrize(("document", "command"), COMMANDS)
def test_a_documented_command_runs_until_the_missing_engine(
    written: dict[str, Path], document: str, command: str
) -> None:
    words = documented.arguments(command, *_named(command))
    event = words[words.index("--event") + 1]
    words[words.index("--event") + 1] = event.replace("-", "events/payments-get.json", event == "-")
    ((code, output),) = run([_with_files(words, written)])
    assert (code, NO_ENGINE in output) == (1, True), f"{document}: {output}"


def _named(command: str) -> tuple[str, str]:
    words = command.split()
    return words[words.index("invoke") + 1], words[words.index("--event") + 1]


def test_every_listed_event_exists_and_its_function_is_built(written: dict[str, Path]) -> None:
    listed = {event for event, _ in EVENTS}
    assert listed == {path.name for path in (ROOT / "events").glob("*.json")}
    built = {path.name for path in written[".aws-sam/build/sam-local.yaml"].parent.iterdir()}
    assert {function for _, function in EVENTS} <= built


def test_without_its_settings_sam_fails_earlier(written: dict[str, Path]) -> None:
    """Proof that the test above can fail: the command without --config-file."""
    (command,) = documented.commands("docs/guides/local.md")
    words = documented.arguments(command, "PaymentsFunction", "events/payments-get.json")
    at = words.index("--config-file")
    ((code, output),) = run([_with_files(words[:at] + words[at + 2 :], written)])
    assert (code, NO_ENGINE in output) == (1, False)


def test_sam_has_the_known_version() -> None:
    """What the tests assume of SAM's containers, labels and variables is true of this version."""
    versions = sorted((TOOLS / "sam").glob("lib/python*/site-packages/aws_sam_cli-*.dist-info"))
    assert [each.name for each in versions] == ["aws_sam_cli-1.170.0.dist-info"]
