"""The template of one configuration: without SAM, loops, conditions and parameters.

What changes with each edit of the code is left out: the place of the code is always the same, and
the digests that SAM puts into the names of versions and layers are taken off.
"""

import json
import re
import subprocess
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from local.cloud.state import ROOT, TOOLS

TEMPLATE = ROOT / "template.yaml"
GOLDEN = ROOT / "tests" / "golden"
ENVIRONMENTS = ("dev", "prod")
DIGEST = re.compile(r"(FunctionVersion|SharedLayer|PublicKeysLayer)[0-9a-f]{10}(?![0-9a-zA-Z])")
"""What SAM puts behind the name of a version or a layer: it differs with what is inside."""
NOTHING = {"Ref": "AWS::NoValue"}

type Values = Mapping[str, str]


class ExpansionError(Exception):
    """SAM did not expand the template; the message is SAM's."""


def parameters_of(environment: str) -> dict[str, str]:
    """Return what ``samconfig.toml`` sets for an environment."""
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = settings[environment]["deploy"]["parameters"]["parameter_overrides"]
    return dict(each.split("=", 1) for each in overrides)


def expanded(environment: str, template: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template that is deployed to an environment."""
    given = parameters_of(environment)
    found = json.loads(DIGEST.sub(r"\1", _translated(template, given)))
    defaults = {name: str(each.get("Default", "")) for name, each in found["Parameters"].items()}
    return decided(found, defaults | given)


def _translated(template: Path, given: Values) -> str:
    python = TOOLS / "sam" / "bin" / "python"
    script = Path(__file__).with_name("translate.py")
    command: list[str | Path] = [python, "-I", script, template, json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ExpansionError(done.stderr[-2000:])
    return done.stdout


def text_of(template: Mapping[str, Any]) -> str:
    """Return a template as it is kept: the same text for the same template."""
    text: str = yaml.dump(
        dict(template), Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True, width=100
    )
    return text


def golden(environment: str) -> Path:
    """Return the file that keeps the template of an environment."""
    return GOLDEN / f"template-{environment}.yaml"


@cache
def kept(environment: str) -> dict[str, Any]:
    """Return the template that is kept for an environment."""
    text = golden(environment).read_text()
    found: dict[str, Any] = yaml.load(text, yaml.CSafeLoader)
    return found


# ── Conditions and parameters ────────────────────────────────────────────────────────────────────


def decided(template: Mapping[str, Any], values: Values) -> dict[str, Any]:
    """Put parameters into a template and leave out what its conditions leave out."""
    written = template.get("Conditions", {})
    truth = {name: _holds(each, values, written) for name, each in written.items()}
    sections = {
        name: {
            key: _put_in({k: v for k, v in each.items() if k != "Condition"}, values, truth)
            for key, each in template.get(name, {}).items()
            if truth.get(each.get("Condition", ""), True)
        }
        for name in ("Resources", "Outputs")
    }
    return {
        "AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"],
        # The dashboard is written as YAML and made JSON by AWS.
        "Transform": "AWS::LanguageExtensions",
        **sections,
    }


def _holds(condition: Any, values: Values, others: Mapping[str, Any]) -> bool:
    """Decide a condition as CloudFormation does: values are compared as text."""
    ((name, given),) = condition.items()
    match name:
        case "Condition":
            return _holds(others[given], values, others)
        case "Fn::Not":
            return not _holds(given[0], values, others)
        case "Fn::And":
            return all(_holds(each, values, others) for each in given)
        case "Fn::Or":
            return any(_holds(each, values, others) for each in given)
        case "Fn::Equals":
            left, right = (_put_in(each, values, {}) for each in given)
            return str(left) == str(right)
    raise ExpansionError(f"a condition by {name} is not known here")


def _put_in(value: Any, values: Values, truth: Mapping[str, bool]) -> Any:
    match value:
        case {"Ref": str(name)} if name in values:
            return values[name]
        case {"Fn::If": [name, when, otherwise]}:
            return _put_in(when if truth[name] else otherwise, values, truth)
        case {"Fn::Sub": str(text)}:
            return _substituted(text, values)
        case dict():
            kept = {key: _put_in(each, values, truth) for key, each in value.items()}
            return {key: each for key, each in kept.items() if each != NOTHING}
        case list():
            return [each for each in (_put_in(e, values, truth) for e in value) if each != NOTHING]
    return value


def _substituted(text: str, values: Values) -> Any:
    put_in = re.sub(r"\$\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)
    return {"Fn::Sub": put_in} if "${" in put_in else put_in
