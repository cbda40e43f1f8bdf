"""Charts are drawn to scale, and their labels do not overlap."""

from collections.abc import Iterator
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from benchmarks.charts import LINE, WIDTH, Bar, bars, lines

SVG = "{http://www.w3.org/2000/svg}"
SIZES = (1_000, 10_000, 1_000_000)


def elements(chart: str, tag: str, kind: str) -> list[ET.Element]:
    """Return the elements with a tag and a class."""
    root = ET.fromstring(chart)  # noqa: S314
    return [each for each in root.iter(f"{SVG}{tag}") if kind in each.get("class", "").split()]


def points(line: ET.Element) -> list[tuple[float, float]]:
    pairs = (each.split(",") for each in line.get("points", "").split())
    return [(float(x), float(y)) for x, y in pairs]


def heights(labels: list[ET.Element]) -> Iterator[float]:
    return (float(each.get("y", "0")) for each in labels)


def test_bars_are_as_long_as_their_values() -> None:
    chart = bars("Title", "note", [Bar("a", 500, own=True), Bar("b", 250), Bar("c", 2_000)])
    lengths = [float(each.get("width", "0")) for each in elements(chart, "rect", "bar")]
    assert lengths[0] == pytest.approx(2 * lengths[1])
    assert lengths[2] == pytest.approx(4 * lengths[0])
    assert [each.text for each in elements(chart, "text", "value")] == ["500", "250", "2,000"]


def test_own_bars_are_marked() -> None:
    chart = bars("Title", "note", [Bar("ours", 1, own=True), Bar("other", 1)])
    assert [each.text for each in elements(chart, "text", "own")] == ["ours", "1"]
    assert len(elements(chart, "rect", "own")) == 1


def test_sizes_have_a_logarithmic_scale() -> None:
    chart = lines("Title", "note", "size", {"a": dict.fromkeys(SIZES, 5.0)})
    (line,) = elements(chart, "polyline", "line")
    (first, _), (second, _), (last, _) = points(line)
    assert last - second == pytest.approx(2 * (second - first), abs=0.2)
    shown = [each.text for each in elements(chart, "text", "quiet")]
    assert {"1,000", "10,000", "1,000,000", "size"} <= set(shown)


def test_constant_values_are_a_level_line_and_growing_ones_rise() -> None:
    chart = lines(
        "Title", "note", "size", {"flat": dict.fromkeys(SIZES, 5.0), "up": {1_000: 1, 10_000: 9}}
    )
    flat, up = (points(each) for each in elements(chart, "polyline", "line"))
    assert len({y for _, y in flat}) == 1
    assert up[0][1] > flat[0][1] > up[1][1]


def test_labels_of_close_values_do_not_overlap_and_equal_ones_are_joined() -> None:
    close = {"a": 25.0, "b": 1.0, "c": 0.5, "d": 1.0, "e": 0.7}
    chart = lines("T", "n", "size", {name: {10: value} for name, value in close.items()})
    labels = elements(chart, "text", "label")
    assert [each.text for each in labels] == ["a: 25", "b, d: 1", "e: 0.7", "c: 0.5"]
    assert all(lower - upper >= LINE for upper, lower in pairwise(heights(labels)))


def test_a_chart_of_one_size_has_a_point() -> None:
    chart = lines("T", "n", "size", {"a": {1_000: 2.0}})
    assert len(elements(chart, "circle", "dot")) == 1


def test_text_is_escaped_and_colors_follow_the_reader() -> None:
    chart = bars("a < b & c", "note", [Bar("<x>", 1)])
    assert [each.text for each in elements(chart, "text", "title")] == ["a < b & c"]
    assert "prefers-color-scheme: dark" in chart
    assert f'width="{WIDTH}"' in chart
