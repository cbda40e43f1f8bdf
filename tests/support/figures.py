"""What tests report at the end of a run beside pass and fail, e.g. counts."""

from dataclasses import dataclass, field

import pytest


@dataclass
class Figures:
    """Numbers by table and row, with a remark, and lines below the tables."""

    rows: dict[str, dict[str, tuple[int, str]]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def note(self, line: str) -> None:
        """Put a line below the tables."""
        self.notes.append(line)

    def add(self, table: str, row: str, number: int, remark: str = "") -> None:
        """Put a number into a table."""
        self.rows.setdefault(table, {})[row] = number, remark

    def merge(self, other: "Figures") -> None:
        """Add the figures of another process."""
        for table, rows in other.rows.items():
            self.rows.setdefault(table, {}).update(rows)
        self.notes += other.notes

    def lines(self) -> list[str]:
        """Return the tables as text, each with its total."""
        lines = []
        for table, rows in self.rows.items():
            lines += [f"{number:6} {row:38} {remark}" for row, (number, remark) in rows.items()]
            total = sum(number for number, _ in rows.values())
            lines.append(f"{total:6} {table}, all survived")
        return lines + self.notes


KEPT = pytest.StashKey[Figures]()


def figures_of(config: pytest.Config) -> Figures:
    """Return the figures of this run."""
    return config.stash.setdefault(KEPT, Figures())
