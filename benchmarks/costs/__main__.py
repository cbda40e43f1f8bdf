"""Prints the cost tables of costs.md; ``--write`` updates the page, ``--check`` compares it."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.costs.bill import COLD, GROUPS, bill, measured, operations

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "costs.md"
TABLES = re.compile(r"(?<=<!-- computed -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main(arguments: list[str]) -> int:
    """Run the command; return 1 if ``--check`` finds a difference."""
    measured.cache_clear()
    tables, text = f"\n{computed()}\n\n", PAGE.read_text()
    if "--write" in arguments:
        PAGE.write_text(TABLES.sub(lambda _: tables, text))
    elif "--check" in arguments:
        return _compare(tables, text)
    else:
        print(tables.strip())
    return 0


def computed() -> str:
    """Return the tables: the bill by volume, then the usage of each operation."""
    return "\n".join([*_bills(), "", *_operations()])


def _bills() -> Iterator[str]:
    """Yield the lines of a table with one column for each number of payments."""
    bills = {payments: bill(payments) for payments in COLD}
    yield f"| US dollars a month | {' | '.join(f'{payments:,}' for payments in COLD)} |"
    yield f"|---|{'---:|' * len(COLD)}"
    for line in GROUPS:
        yield f"| {line} | {' | '.join(f'{each[line]:,.2f}' for each in bills.values())} |"
    totals = {payments: sum(each.values()) for payments, each in bills.items()}
    yield f"| **together** | {' | '.join(f'**{total:,.2f}**' for total in totals.values())} |"
    yield (
        "| for one payment | "
        + " | ".join(f"{total / payments:.5f}" for payments, total in totals.items())
        + " |"
    )


def _operations() -> Iterator[str]:
    yield "| operation | times | ms | waiting, ms | start, ms | reads | writes | log bytes |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for each in operations():
        yield (
            f"| {each.operation} | {each.times:,.0f} a {each.each} | {each.milliseconds:.0f} | "
            f"{each.waiting:.0f} | {each.start:.0f} | {each.reads:g} | {each.writes:g} | "
            f"{each.log_bytes:.0f} |"
        )


def _compare(tables: str, text: str) -> int:
    found = TABLES.search(text)
    if found and found[0] == tables:
        return 0
    print(
        "docs/reference/costs.md differs from benchmarks/costs: python -m benchmarks.costs --write"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
