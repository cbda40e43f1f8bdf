"""The template as deployed: compared with the kept one, and its roles audited offline."""

import copy
import re
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from local.cloud.state import ROOT
from tests.golden.__main__ import difference
from tests.golden.expanded import ENVIRONMENTS, TEMPLATE, expanded, golden, kept, text_of
from tests.roles.__main__ import accepted, faults, findings
from tests.roles.policies import policies


def of_type(environment: str, kind: str) -> dict[str, Any]:
    """Return the properties of the resources of a type."""
    resources = kept(environment)["Resources"]
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_kept_template_is_what_would_be_deployed(environment: str) -> None:
    """Run ``make golden`` when a change is intended, and review the difference."""
    assert difference(environment) == ""


def test_a_change_of_the_template_shows_in_the_difference(tmp_path: Path) -> None:
    changed = tmp_path / "template.yaml"
    text = TEMPLATE.read_text()
    assert "MaxAge: 3600" in text
    changed.write_text(text.replace("MaxAge: 3600", "MaxAge: 7200"))
    before, after = golden("dev").read_text(), text_of(expanded("dev", changed))
    assert set(after.splitlines()) - set(before.splitlines()) == {"          maxAge: 7200"}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_kept_template_does_not_change_with_the_code(environment: str) -> None:
    """A digest or a path would make every edit a difference that no one reads."""
    text = golden(environment).read_text()
    assert not re.search(r"(Version|Layer)[0-9a-f]{10}\b", text)
    assert str(ROOT) not in text
    functions = of_type(environment, "AWS::Lambda::Function").values()
    assert {each["Code"]["S3Bucket"] for each in functions} == {"bucket"}


def test_a_setting_of_an_environment_is_filled_in() -> None:
    groups = {name: of_type(name, "AWS::CodeDeploy::DeploymentGroup") for name in ENVIRONMENTS}
    assert (len(groups["dev"]), len(groups["prod"]) > 10) == (0, True)
    (table,) = of_type("prod", "AWS::DynamoDB::Table").values()
    assert table["DeletionProtectionEnabled"] == "true"


# ── Cycles ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_no_resource_waits_for_itself(environment: str) -> None:
    """CloudFormation refuses a cycle, such as an alarm on the API in a deployment would be."""
    resources = kept(environment)["Resources"]
    graph = {name: set(_needed(each)) & set(resources) for name, each in resources.items()}
    assert list(TopologicalSorter(graph).static_order())


def _needed(value: Any) -> Iterator[str]:
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), _]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from re.findall(r"\$\{(\w+)", text)
        case dict():
            for key, each in value.items():
                yield from [each] if key == "DependsOn" and isinstance(each, str) else _needed(each)
        case list():
            for each in value:
                yield from _needed(each)


# ── Roles ────────────────────────────────────────────────────────────────────────────────────────


@cache
def found(environment: str) -> Any:
    """Return the findings of the tools about the roles of an environment."""
    return tuple(findings(kept(environment)))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_finding_about_the_roles_is_accepted_with_a_reason(environment: str) -> None:
    assert faults(found(environment)) == []
    assert all(len(each["reason"]) > 40 for each in accepted())


def test_every_function_and_schedule_has_an_audited_role() -> None:
    roles = {name for name, _ in policies(kept("prod"))}
    needing = {
        name for name, each in of_type("prod", "AWS::IAM::Role").items() if each.get("Policies")
    }
    assert roles == needing
    assert len(roles) > 20


TOO_MUCH: list[tuple[dict[str, Any], str]] = [
    ({"Action": "dynamodb:ReadEverything"}, "UNKNOWN_ACTION"),
    ({"Resource": "arn:aws:s3:::a-bucket"}, "RESOURCE_MISMATCH"),
    ({"Action": "iam:PassRole", "Resource": "*"}, "permissions_management_without_constraints"),
    ({"Action": "s3:GetObject", "Resource": "*"}, "allows_data_exfiltration_actions"),
    ({"Action": "dynamodb:*", "Resource": "*"}, "service_wildcard"),
    ({"Action": "dynamodb:DeleteTable", "Resource": "*"}, "write_actions_without_constraints"),
]
"""A change of one statement of a role, and the expected finding."""


@pytest.fixture(scope="module")
def problems() -> list[str]:
    """Return the findings in copies of a role, each with one of the changes."""
    template = copy.deepcopy(kept("prod"))
    resources = template["Resources"]
    for changes, code in TOO_MUCH:
        role = copy.deepcopy(resources["PaymentsFunctionRole"])
        role["Properties"]["Policies"][0]["PolicyDocument"]["Statement"][0] |= changes
        resources[f"May{code}"] = role
    return faults(findings(template))


@pytest.mark.parametrize("code", [code for _, code in TOO_MUCH])
def test_a_role_with_too_many_rights_is_found(problems: list[str], code: str) -> None:
    found = [each for each in problems if each.startswith(f"May{code}: ")]
    assert any(code in each.partition(": ")[2] for each in found), problems
