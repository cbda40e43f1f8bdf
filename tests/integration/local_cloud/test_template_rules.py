"""Our own rules for the template find what they are there to find."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local.cloud.state import ROOT, TOOLS

STATEMENT = {"Effect": "Allow", "Action": ["sqs:*"], "Resource": "*"}
POLICY = {"PolicyName": "wide", "PolicyDocument": {"Statement": [STATEMENT]}}
FAULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "E9001": ("AWS::IAM::Role", {"Policies": [POLICY]}),
    "E9002": ("AWS::DynamoDB::Table", {"SSESpecification": {"SSEEnabled": True}}),
    "E9003": ("AWS::SQS::Queue", {"SqsManagedSseEnabled": False}),
    "E9004": ("AWS::Lambda::Function", {"LoggingConfig": {"LogFormat": "JSON"}}),
    "E9005": ("AWS::Logs::LogGroup", {"LogGroupClass": "STANDARD"}),
    "E9006": ("AWS::Lambda::Url", {"AuthType": "NONE"}),
}


def findings(template: Path) -> set[str]:
    """Give the numbers of the rules that the template breaks."""
    linter = TOOLS / "sam" / "bin" / "cfn-lint"
    rules = ("--append-rules", ROOT / "local" / "lint")
    command: list[str | Path] = [linter, *rules, "--format", "parseable", "--template", template]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return set(re.findall(r":(E9\d{3}|E0000):", done.stdout))


def test_the_template_breaks_no_rule() -> None:
    assert findings(ROOT / "template.yaml") == set()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Break every rule in one template."""
    resources = {
        f"Faulty{rule}": {"Type": kind, "Properties": properties}
        for rule, (kind, properties) in FAULTS.items()
    }
    template = tmp_path_factory.mktemp("template") / "template.json"
    template.write_text(json.dumps({"Resources": resources}))
    return findings(template)


@pytest.mark.parametrize("rule", sorted(FAULTS))
def test_a_broken_rule_is_found(rule: str, found: set[str]) -> None:
    assert rule in found
