"""Makes cfn-lint's rules of functions that yield what is wrong.

``python -m cfnlint.runner.cli --append-rules local/lint`` loads them, run in the root of this
repository by the interpreter of cfn-lint's own environment. cfn-lint merges SAM's globals, unrolls
loops, and shows functions as SAM's own resources, with policies and URL inside; the tests check
against the template itself that each rule still finds what it is there for.
"""

from collections.abc import Callable, Iterator
from typing import Any

from cfnlint.rules import (  # type: ignore[import-not-found]
    CloudFormationLintRule,
    RuleMatch,
)

SAM_FUNCTION = "AWS::Serverless::Function"

type Properties = dict[str, Any]
type Check = Callable[[Properties], Iterator[str]]
type TemplateCheck = Callable[[Any], Iterator[tuple[str, str]]]


def resource_rule(number: str, title: str, *types: str) -> Callable[[Check], type]:
    """Make a rule of a check of the properties of each resource of some types."""

    def made(check: Check) -> type:
        def faults(cfn: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - cfn-lint's own type
            for each in types:
                for name, resource in cfn.get_resources(each).items():
                    for fault in check(resource.get("Properties", {})):
                        yield name, fault

        faults.__name__, faults.__doc__ = check.__name__, check.__doc__
        return template_rule(number, title)(faults)

    return made


def template_rule(
    number: str, title: str, section: str = "Resources"
) -> Callable[[TemplateCheck], type]:
    """Make a rule of a check that yields names of a section, each with what is wrong."""

    def made(check: TemplateCheck) -> type:
        def match(_rule: object, cfn: Any) -> list[RuleMatch]:  # noqa: ANN401
            return [RuleMatch([section, name], f"{name}: {fault}") for name, fault in check(cfn)]

        described = {"id": number, "shortdesc": title, "description": check.__doc__}
        members = {**described, "source_url": "", "tags": ["lunas"], "match": match}
        return type(check.__name__, (CloudFormationLintRule,), members)

    return made


def text_of(value: object) -> str:
    """Return a text, or the text of a Sub; nothing for what names a resource of the template."""
    if isinstance(value, dict):
        value = value.get("Fn::Sub", "")
    return value if isinstance(value, str) else ""
