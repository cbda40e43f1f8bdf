"""Computes figures from the readings of the metered runtime client."""

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
        """Return all readings: processor seconds since the start, peak memory in KiB."""
        return [json.loads(line) for line in self.path.read_text().splitlines()]

    def start_cpu(self) -> float:
        """Return the processor time of the start in milliseconds."""
        return float(self.readings()[0]["cpu"]) * 1000

    def request_cpu(self) -> list[float]:
        """Return the processor time of each request in milliseconds."""
        used = [float(each["cpu"]) for each in self.readings()]
        return [(after - before) * 1000 for before, after in pairwise(used)]

    def megabytes(self) -> float:
        """Return the peak memory of the process."""
        return float(self.readings()[-1]["rss"]) / 1024


def median(values: Sequence[float]) -> float:
    """Return the median, not rounded."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of all values, such as 0.95, do not exceed."""
    return sorted(values)[ceil(share * len(values)) - 1]
