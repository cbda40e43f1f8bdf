"""What the fault tests say at the end of a run: how much there was, beside pass and fail."""

import os
from dataclasses import dataclass, field

import pytest

LONG = os.environ.get("LUNAS_FAULTS") == "long"
"""Whether the long forms run, as by ``make faults``."""


@dataclass
class Figures:
    """Numbers by table and row, with a remark."""

    rows: dict[str, dict[str, tuple[int, str]]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        """Put a line below the tables."""
        self.said.append(line)

    def add(self, table: str, row: str, number: int, remark: str = "") -> None:
        """Put a number into a table."""
        self.rows.setdefault(table, {})[row] = number, remark

    def lines(self) -> list[str]:
        """Return the tables as text, each with its total."""
        lines = []
        for table, rows in self.rows.items():
            lines += [f"{number:6} {row:38} {remark}" for row, (number, remark) in rows.items()]
            total = sum(number for number, _ in rows.values())
            lines.append(f"{total:6} {table}, all survived")
        return lines + self.said


KEPT = pytest.StashKey[Figures]()
