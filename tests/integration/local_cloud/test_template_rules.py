"""Our own rules for the template find what they are there to find."""

import re
import subprocess
from pathlib import Path

import pytest

from local.cloud.state import ROOT, TOOLS

FAULTS = {
    "E9001": ("Action: sqs:ChangeMessageVisibility", 'Action: "sqs:*"'),
    "E9002": ("SSESpecification: {SSEEnabled: true}", "SSESpecification: {SSEEnabled: false}"),
    "E9003": ("SqsManagedSseEnabled: true", "SqsManagedSseEnabled: false"),
    "E9004": ("LoggingConfig: {LogFormat: JSON, LogGroup: !Ref CatalogLogs}", "Timeout: 20"),
    "E9005": ("RetentionInDays: !Ref LogRetentionDays", "LogGroupClass: STANDARD"),
    "E9006": ("Timeout: 75", "FunctionUrlConfig: {AuthType: NONE}"),
}
"""For each rule, a text of the template and what breaks the rule in its place."""


def findings(template: Path) -> set[str]:
    """Give the numbers of the rules that the template breaks."""
    return {rule for rule, _ in told(template)}


def told(template: Path) -> list[tuple[str, str]]:
    """Give what is wrong with a template: the number of the rule, and what it says."""
    linter = TOOLS / "sam" / "bin" / "cfn-lint"
    rules = ("--append-rules", ROOT / "local" / "lint")
    command: list[str | Path] = [linter, *rules, "--format", "parseable", "--template", template]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return re.findall(r":(E9\d{3}|E0000):(.*)$", done.stdout, re.MULTILINE)


def test_the_template_breaks_no_rule() -> None:
    assert findings(ROOT / "template.yaml") == set()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Break every rule in one copy of the template."""
    text = (ROOT / "template.yaml").read_text()
    for right, wrong in FAULTS.values():
        assert right in text
        text = text.replace(right, wrong, 1)
    template = tmp_path_factory.mktemp("template") / "template.yaml"
    template.write_text(text)
    return findings(template)


@pytest.mark.parametrize("rule", sorted(FAULTS))
def test_a_broken_rule_is_found(rule: str, found: set[str]) -> None:
    assert rule in found


def test_every_rule_is_broken_once() -> None:
    text = "".join(path.read_text() for path in (ROOT / "local" / "lint").glob("*_rules.py"))
    assert set(re.findall(r'id = "(E\d+)"', text)) == set(FAULTS)
