"""Holds templates against the rules of local/lint, one after the other.

Run by the interpreter of cfn-lint's own environment: each line of its input is a template as a JSON
string, each line of its output the list of what is wrong, as pairs of a rule and a message. To
start cfn-lint again, with all rules of its own, would take three seconds a template.
"""

import json
import sys

from cfnlint.api import lint  # type: ignore[import-not-found]
from cfnlint.rules import RulesCollection  # type: ignore[import-not-found]

RULES = "local/lint"


def main() -> None:
    """Answer until the input ends."""
    rules = RulesCollection()
    rules.create_from_directory(RULES)
    for line in sys.stdin:
        found = lint(json.loads(line), rules)
        print(json.dumps([[each.rule.id, each.message] for each in found]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
