"""Checks policies by parliament and cloudsplaining; run by the interpreter of their environment.

Takes ``[[role, policy], …]`` on standard input and prints ``[[role, tool, code, detail], …]``. Both
bring their knowledge of AWS with them and make no network calls.
"""

import json
import sys
import warnings
from collections.abc import Iterator
from typing import Any

warnings.simplefilter("ignore")

from cloudsplaining.scan.policy_document import (  # type: ignore[import-not-found]  # noqa: E402
    PolicyDocument,
)
from parliament import analyze_policy_string  # type: ignore[import-not-found]  # noqa: E402

RISKS = (
    "allows_privilege_escalation",
    "allows_data_exfiltration_actions",
    "permissions_management_without_constraints",
    "credentials_exposure",
    "service_wildcard",
    "write_actions_without_constraints",
)

type Finding = tuple[str, str, str, str]


def found_by_parliament(role: str, policy: dict[str, Any]) -> Iterator[Finding]:
    """Give what is wrong by IAM's own grammar: unknown actions, resources that do not match."""
    analyzed = analyze_policy_string(json.dumps(policy), include_community_auditors=True)
    for each in analyzed.findings:
        yield role, "parliament", each.issue, str(each.detail or each.location)


def found_by_cloudsplaining(role: str, policy: dict[str, Any]) -> Iterator[Finding]:
    """Give what an attacker with the role could do beyond its own resources."""
    document = PolicyDocument(policy)
    for risk in RISKS:
        for each in getattr(document, risk):
            yield role, "cloudsplaining", risk, str(each)


if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(
        json.dumps(
            [
                finding
                for role, policy in given
                for look in (found_by_parliament, found_by_cloudsplaining)
                for finding in look(role, policy)
            ]
        )
    )
