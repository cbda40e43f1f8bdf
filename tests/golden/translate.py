"""Expands a SAM template and prints it as JSON; run by the interpreter of SAM's own environment.

It takes the template and a JSON object of parameters, and asks neither AWS nor a network: the
template names no managed policy that AWS would have to be asked about. Loops are unrolled here,
since what SAM does to a template that has any also replaces what only AWS can know.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from samcli.lib.translate.sam_template_validator import (  # type: ignore[import-not-found]
    SamTemplateValidator,
)
from samcli.yamlhelper import yaml_parse  # type: ignore[import-not-found]

LOOP = "Fn::ForEach::"


class NoPolicies:
    """Stands for AWS's list of managed policies."""

    def load(self) -> dict[str, str]:
        """Return no policy."""
        return {}


def translated(template: Path, parameters: dict[str, str]) -> Any:
    """Return the template without SAM and without loops."""
    written = json.loads(json.dumps(yaml_parse(template.read_text())))
    resources = written["Resources"]
    written["Resources"] = {
        name: each for key, value in resources.items() for name, each in unrolled(key, value)
    }
    written["Transform"] = "AWS::Serverless-2016-10-31"
    validator = SamTemplateValidator(
        written, NoPolicies(), region="ap-southeast-3", parameter_overrides=parameters
    )
    return yaml.load(validator.get_translated_template_if_valid(), yaml.CSafeLoader)


def unrolled(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Give what a loop makes, or the resource itself."""
    if not key.startswith(LOOP):
        yield key, value
        return
    variable, items, body = value
    for item in items:
        made = json.loads(json.dumps(body).replace(f"${{{variable}}}", item))
        yield from ((name, _named(each)) for name, each in made.items())


def _named(value: Any) -> Any:
    """Make names out of texts in which nothing is left to put in."""
    match value:
        case {"Fn::Sub": str(text)} if "${" not in text:
            return text
        case dict():
            return {key: _named(each) for key, each in value.items()}
        case list():
            return [_named(each) for each in value]
    return value


if __name__ == "__main__":
    print(json.dumps(translated(Path(sys.argv[1]), json.loads(sys.argv[2]))))
