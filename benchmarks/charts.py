"""Draws charts as SVG: bars, and lines over a logarithmic axis. Lengths are in pixels.

A chart has a background of its own, light or dark as the reader prefers, so that its text is
legible on any page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from math import floor, log10

WIDTH, MARGIN, HEAD = 880, 24, 76
"""Width of a chart, its margin, and the height of its two lines of title."""
BAR, GAP = 20, 9
LABELS, ENDS = 340, 240
"""Width of the labels of bars, and of those at the ends of lines."""
AXIS = 30
"""Width of the numbers beside a chart of lines."""
PLOT = 320
"""Height of a chart of lines."""
LINE = 18
"""Least distance of two labels."""
STYLE = """
text { font: 14px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
.title { font-size: 17px; font-weight: 600; }
.quiet { fill: #59636e; }
.ground { fill: #ffffff; stroke: #d1d9e0; }
.bar { fill: #9aa4af; }
.bar.own { fill: #0969da; }
.own { font-weight: 600; }
.grid { stroke: #d1d9e0; }
.line { fill: none; stroke: #0969da; stroke-width: 2.5; }
.dot { fill: #0969da; }
.lead { fill: none; stroke: #9aa4af; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .quiet { fill: #9198a1; }
  .ground { fill: #0d1117; stroke: #3d444d; }
  .bar { fill: #656c76; }
  .bar.own { fill: #4493f8; }
  .grid { stroke: #3d444d; }
  .line { stroke: #4493f8; }
  .dot { fill: #4493f8; }
  .lead { stroke: #656c76; }
}
"""


@dataclass(frozen=True)
class Bar:
    """A labelled value; ``own`` ones have the accent color."""

    label: str
    value: float
    own: bool = False


def bars(title: str, note: str, values: Sequence[Bar]) -> str:
    """Draw horizontal bars from zero, each with its value."""
    room = WIDTH - LABELS - 2 * MARGIN - 60
    scale = room / max(each.value for each in values)
    body = [
        line
        for number, each in enumerate(values)
        for line in _bar(each, HEAD + number * (BAR + GAP), scale)
    ]
    return _chart(title, note, HEAD + len(values) * (BAR + GAP) + MARGIN - GAP, body)


def lines(title: str, note: str, axis: str, series: Mapping[str, Mapping[int, float]]) -> str:
    """Draw a line for each series: its values by size, on a logarithmic axis from left to right.

    Each line ends with its label and its last value.
    """
    sizes = sorted({size for values in series.values() for size in values})
    top = max(value for values in series.values() for value in values.values())
    frame = _Frame(sizes[0], sizes[-1], top * 1.1)
    body = [*_axes(frame, sizes, axis)]
    for values in series.values():
        body += _line(frame, values)
    body += _ends(frame, series)
    return _chart(title, note, HEAD + PLOT + 46 + MARGIN, body)


@dataclass(frozen=True)
class _Frame:
    """The sizes at the left and the right end, and the value at the top."""

    least: int
    most: int
    top: float

    def x(self, size: int) -> float:
        whole = log10(self.most / self.least) or 1
        share = log10(size / self.least) / whole
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        return HEAD + PLOT * (1 - value / self.top)

    @property
    def left(self) -> float:
        return MARGIN + AXIS

    @property
    def right(self) -> float:
        return WIDTH - ENDS - MARGIN


def _bar(bar: Bar, top: float, scale: float) -> Iterator[str]:
    own, middle = " own" if bar.own else "", top + BAR * 0.75
    left, length = LABELS + MARGIN, max(1, bar.value * scale)
    yield _text(left - 10, middle, bar.label, f"label{own}", "end")
    yield (
        f'<rect class="bar{own}" x="{left}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2"/>'
    )
    yield _text(left + length + 8, middle, f"{bar.value:,.0f}", f"value{own}")


def _axes(frame: _Frame, sizes: Sequence[int], axis: str) -> Iterator[str]:
    step = _step(frame.top)
    for number in range(int(frame.top / step) + 1):
        y = frame.y(number * step)
        yield _path("grid", (frame.left, y), (frame.right, y))
        yield _text(frame.left - 8, y + 5, f"{number * step:g}", "quiet", "end")
    for size in sizes:
        yield _text(frame.x(size), HEAD + PLOT + 22, f"{size:,}", "quiet", "middle")
    yield _text((frame.left + frame.right) / 2, HEAD + PLOT + 46, axis, "quiet", "middle")


def _step(top: float) -> float:
    """Return the distance of the grid's lines, of which there are at most six."""
    unit = 10.0 ** floor(log10(top / 6))
    return next(unit * each for each in (1, 2, 5, 10) if top / (unit * each) <= 6)  # noqa: PLR2004


def _line(frame: _Frame, values: Mapping[int, float]) -> Iterator[str]:
    points = [(frame.x(size), frame.y(value)) for size, value in sorted(values.items())]
    yield _path("line", *points)
    for x, y in points:
        yield f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'


def _ends(frame: _Frame, series: Mapping[str, Mapping[int, float]]) -> Iterator[str]:
    """Label the ends of the lines, apart from each other; equal values share a label."""
    named: dict[float, list[str]] = {}
    for name, values in series.items():
        named.setdefault(values[max(values)], []).append(name)
    for (value, names), y in zip(
        sorted(named.items(), reverse=True),
        _apart([frame.y(value) for value in sorted(named, reverse=True)]),
        strict=True,
    ):
        left = frame.right
        yield _path("lead", (left + 6, frame.y(value)), (left + 22, y))
        yield _text(left + 28, y + 5, f"{', '.join(names)}: {value:g}", "label")


def _apart(positions: Sequence[float]) -> list[float]:
    """Move positions, the highest on the page first, up until no two labels overlap."""
    found = list(positions)
    for lower, upper in pairwise(reversed(range(len(found)))):
        found[upper] = min(found[upper], found[lower] - LINE)
    return found


def _path(kind: str, *points: tuple[float, float]) -> str:
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline class="{kind}" points="{steps}"/>'


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{kind}" {place}>{escape(text)}</text>'


def _chart(title: str, note: str, height: float, body: Sequence[str]) -> str:
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    frame = f'x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="ground" {frame} rx="6"/>',
            _text(MARGIN, MARGIN + 10, title, "title"),
            _text(MARGIN, MARGIN + 33, note, "quiet"),
            *body,
            "</svg>\n",
        ]
    )
