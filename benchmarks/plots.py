"""Draws the two charts of the page from the results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.charts import Bar, bars, lines
from benchmarks.subjects import PEERS
from local.cloud.state import ROOT

IMAGES = ROOT / "docs" / "images"
COLD_STARTS = IMAGES / "bench-cold-starts.svg"
UNITS = IMAGES / "bench-units.svg"
OPERATIONS = {
    "POST /webhooks/duitku first": "callback that settles",
    "POST /payments/initiate new": "purchase",
    "PATCH /payments/{id}/approve": "approval",
    "GET /payments of 100": "page of 100 payments",
    "GET /payments": "page of 20 payments",
    "GET /payments/{id}": "one payment",
    "GET /enrollments/my-enrollments": "learner's enrollments",
}
"""The operations whose units are drawn."""


def images(results: Mapping[str, Any]) -> dict[Path, str]:
    """Return the content of each image by its path."""
    return {COLD_STARTS: cold_starts(results), UNITS: units(results)}


def cold_starts(results: Mapping[str, Any]) -> str:
    """Draw the starts of all peers, and of Lunas' functions that have the same routes."""
    own = {next(iter(found)) for found in results["routes"].values()}
    values = [
        Bar(f"Lunas: {name}" if name in own else name, start["startCpuMs"], own=name in own)
        for name, start in results["functions"].items()
        if name in own or name.startswith(tuple(PEERS))
    ]
    return bars(
        "Start of a function: milliseconds of processor time",
        "Medians, less is better. “Our bytecode”: compiled as Lunas is; the others as people "
        "deploy them.",
        sorted(values, key=lambda each: each.value),
    )


def units(results: Mapping[str, Any]) -> str:
    """Draw the units of the main operations by the number of payments."""
    tables = results["units"]
    series = {
        shown: {int(size): each["operations"][name] for size, each in tables.items()}
        for name, shown in OPERATIONS.items()
    }
    return lines(
        "DynamoDB's units for one request, by payments in the table",
        "Read and write units together, with those of the indexes.",
        "payments in the table",
        series,
    )
