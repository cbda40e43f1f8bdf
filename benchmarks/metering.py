"""Reads what the metered runtime client writes down, and makes figures of it."""

import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Meter:
    """The file of one process: one reading before each event."""

    path: Path

    def readings(self) -> list[dict[str, Any]]:
        """Give all readings: processor seconds since the start, most memory in KiB."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def start_cpu(self) -> float:
        """Give the milliseconds of processor time that the start took."""
        return float(self.readings()[0]["cpu"]) * 1000

    def request_cpu(self) -> list[float]:
        """Give the milliseconds of processor time that each request took."""
        used = [float(each["cpu"]) for each in self.readings()]
        return [(after - before) * 1000 for before, after in pairwise(used)]

    def megabytes(self) -> float:
        """Give the most memory that the process held."""
        return float(self.readings()[-1]["rss"]) / 1024


def median(values: Sequence[float]) -> float:
    """Give the median; figures are rounded where they are shown."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Give the value that ``share`` of all values, e.g. 0.95, do not exceed."""
    return sorted(values)[ceil(share * len(values)) - 1]
