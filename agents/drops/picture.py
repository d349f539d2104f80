"""Judged hours -> a picture, SVG written by hand: what was expected, what came, and where it fell short.

Rules: no file is written and nothing is decided here. A panel shows one series over the whole period, by the hour or,
if that would be too dense to read, by the local day; then come close-ups of its largest drops, by the hour.

    heading                              a panel, WIDTH wide
    |~~~~band~~~~|drop|~~~~~~~~~~~~~~~|
    |close-up 1  ||close-up 2 ||close-up 3 |
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from agents.terminal.printing import harmless
from pipeline.acts import Bools, Ints

Floats = NDArray[np.float64]

WIDTH: Final = 1200
_LEFT, _RIGHT, _GAP = 56, 16, 44
_TOP, _HEADING, _AXIS = 84, 30, 34
_TALL, _LOW = 150, 110
_CLOSE_UPS: Final = 3
_MOST_BINS: Final = 24 * 21  # hours; more are drawn by the day
_DAY: Final = 86400
_BEFORE_HOURS, _AFTER_HOURS, _LONGEST_HOURS = 36, 24, 10 * 24

_STYLE: Final = """
text{font:12px system-ui,sans-serif;fill:#333} .axis{font-size:11px;fill:#666} .end{text-anchor:end}
.title{font-size:20px;font-weight:600} .heading{font-size:14px;font-weight:600}
.line{fill:none;stroke-linejoin:round} .count{stroke:#111827;stroke-width:1.3} .expected{stroke:#3b82f6}
.band{fill:#bfdbfe} .holiday{fill:#a3a3a3;fill-opacity:.3} .grid{stroke:#e5e7eb} .frame{fill:none;stroke:#d1d5db}
.drop{fill:#ef4444;fill-opacity:.28} .mark{fill:#dc2626} .found{stroke:#dc2626;stroke-dasharray:4 3}
"""


class Shade(NamedTuple):
    """A drop in a panel: places of its first and last hour and of the one in which it was found, and its label."""

    first: int
    last: int
    found: int
    label: str


@dataclass(frozen=True)
class Panel:
    """One series; columns of equal length, one place per hour."""

    heading: str
    wall: Ints
    """Local start of each hour, read as UTC; unix seconds."""
    count: Floats
    expected: Floats
    low: Floats
    """The alarm line; like `expected` NaN where nothing was judged."""
    holiday: Bools
    drops: Sequence[Shade]
    """The largest first."""


@dataclass(frozen=True)
class _Frame:
    """A rectangle of the picture, with so many places across and counts up to `top`."""

    left: float
    upper: float
    width: float
    height: float
    places: int
    top: float

    def x(self, place: float) -> float:
        return self.left + self.width * place / self.places

    def y(self, count: float) -> float:
        return self.upper + self.height * (1 - min(count / self.top, 1))


def draw(title: str, panels: Sequence[Panel]) -> str:
    """Return the picture as SVG."""
    upper, parts = float(_TOP), []
    for panel in panels:
        below = _HEADING + _TALL + _AXIS
        whole = _by_day(panel) if len(panel.wall) > _MOST_BINS else panel
        parts.append(_text(_LEFT, upper + 16, panel.heading, "heading"))
        unit = (
            "people within each hour" if whole is panel else "by day, the sum of the hours' people; below by the hour"
        )
        parts.append(_text(WIDTH - _RIGHT, upper + 16, unit, "axis end"))
        parts += _chart(whole, upper + _HEADING, _LEFT, WIDTH - _LEFT - _RIGHT, _TALL)
        if whole is not panel and panel.drops:
            parts += _close_ups(panel, upper + below)
            below += _LOW + _AXIS + 22
        upper += below + 12
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {upper:.0f}" width="{WIDTH}" role="img">',
            f"<title>{_safe(title)}</title><style>{_STYLE}</style>",
            f'<rect width="{WIDTH}" height="{upper:.0f}" fill="white"/>',
            _text(_LEFT, 34, title, "title"),
            *_legend(),
            *parts,
            "</svg>\n",
        ]
    )


def _legend() -> Iterator[str]:
    x = float(_LEFT)
    for kind, told in (
        ("count", "what came"),
        ("expected", "expected"),
        ("band", "no alarm yet"),
        ("drop", "drop (dashed: when it was found)"),
        ("holiday", "holiday or campaign: not judged"),
    ):
        if kind in ("count", "expected"):
            yield f'<path class="line {kind}" d="M{x:.0f} 60h24"/>'
        else:
            yield f'<rect class="{kind}" x="{x:.0f}" y="53" width="24" height="14"/>'
        yield _text(x + 30, 64, told, "")
        x += 56 + 6.4 * len(told)


def _close_ups(panel: Panel, upper: float) -> Iterator[str]:
    width = (WIDTH - _LEFT - _RIGHT - _GAP * (_CLOSE_UPS - 1)) / _CLOSE_UPS
    for number, drop in enumerate(panel.drops[:_CLOSE_UPS]):
        first = max(0, drop.first - _BEFORE_HOURS)
        last = min(len(panel.wall), drop.last + _AFTER_HOURS, first + _LONGEST_HOURS)
        left = _LEFT + number * (width + _GAP)
        yield _text(left, upper + 8, drop.label, "")
        yield from _chart(_part(panel, first, last), upper + 22, left, width, _LOW)


def _part(panel: Panel, first: int, last: int) -> Panel:
    shades = [
        Shade(max(one.first - first, 0), min(one.last, last - 1) - first, one.found - first, one.label)
        for one in panel.drops
        if one.first < last and one.last >= first
    ]
    cut = {name: getattr(panel, name)[first:last] for name in ("wall", "count", "expected", "low", "holiday")}
    return replace(panel, drops=shades, **cut)


def _by_day(panel: Panel) -> Panel:
    """Add up the hours of each local day; a day is a holiday if one of its hours is."""
    start = np.flatnonzero(np.diff(panel.wall // _DAY, prepend=-1))

    def day(hour: int) -> int:
        return int(np.searchsorted(start, hour, side="right")) - 1

    return replace(
        panel,
        wall=panel.wall[start] // _DAY * _DAY,
        count=np.add.reduceat(panel.count, start),
        expected=_sums(panel.expected, start),
        low=_sums(panel.low, start),
        holiday=np.logical_or.reduceat(panel.holiday, start),
        drops=[Shade(day(one.first), day(one.last), -1, one.label) for one in panel.drops],
    )


def _sums(hours: Floats, start: Ints) -> Floats:
    """Add up stretches of hours; NaN where no hour is known."""
    known = ~np.isnan(hours)
    sums = np.add.reduceat(np.where(known, hours, 0), start)
    return np.where(np.logical_or.reduceat(known, start), sums, np.nan)


def _chart(panel: Panel, upper: float, left: float, width: float, height: float) -> Iterator[str]:
    top = max(1.0, float(np.max(np.fmax(panel.count, panel.expected), initial=0)) * 1.08)
    frame = _Frame(left, upper, width, height, max(len(panel.wall), 1), top)
    for run in _runs(panel.holiday):
        yield _column(frame, "holiday", run[0], run[-1])
    yield from _levels(frame)
    yield from _ticks(frame, panel.wall)
    runs = _runs(~np.isnan(panel.expected))
    low = np.clip(panel.low, 0, panel.expected)
    band = (_stairs(frame, panel.expected, run) + _stairs(frame, low, run[::-1], "L") + "Z" for run in runs)
    yield f'<path class="band" d="{"".join(band)}"/>'
    yield f'<path class="line expected" d="{"".join(_stairs(frame, panel.expected, run) for run in runs)}"/>'
    yield f'<path class="line count" d="{_stairs(frame, panel.count, range(len(panel.count)))}"/>'
    for drop in panel.drops:
        yield _column(frame, "drop", drop.first, drop.last, drop.label)
        middle = frame.x((drop.first + drop.last + 1) / 2)
        yield f'<path class="mark" d="M{middle - 4:.1f} {upper - 8:.1f}h8l-4 7z"/>'
        if 0 <= drop.found < frame.places:
            yield f'<path class="found" d="M{frame.x(drop.found + 1):.1f} {upper:.1f}v{height:.0f}"/>'
    yield f'<rect class="frame" x="{left:.1f}" y="{upper:.1f}" width="{width:.1f}" height="{height:.0f}"/>'


def _column(frame: _Frame, kind: str, first: int, last: int, told: str = "") -> str:
    width = max(frame.x(last + 1) - frame.x(first), 2.0)
    tip = f"<title>{_safe(told)}</title>" if told else ""
    x, y = f"{frame.x(first):.1f}", f"{frame.upper:.1f}"
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{width:.1f}" height="{frame.height:.0f}">{tip}</rect>'


def _runs(there: Bools) -> list[range]:
    """Return the stretches of places in which something is."""
    edges = np.flatnonzero(np.diff(there, prepend=False, append=False)).tolist()
    return [range(first, last) for first, last in zip(edges[::2], edges[1::2], strict=True)]


def _stairs(frame: _Frame, counts: Floats, places: range, begin: str = "M") -> str:
    """Return a path of stairs, for a count is of its whole hour; from the right if `places` go down."""
    end = int(places.step > 0)
    steps = (f"V{frame.y(counts[place]):.1f}H{frame.x(place + end):.1f}" for place in places)
    return f"{begin}{frame.x(places[0] + 1 - end):.1f} {frame.y(counts[places[0]]):.1f}" + "".join(steps)


def _levels(frame: _Frame) -> Iterator[str]:
    size = 10 ** np.floor(np.log10(frame.top))
    step = max(1.0, next(float(size * part) for part in (0.2, 0.5, 1, 2) if frame.top / (size * part) <= 5))
    for count in np.arange(0, frame.top, step).tolist():
        y = frame.y(count)
        yield f'<path class="grid" d="M{frame.left:.1f} {y:.1f}h{frame.width:.1f}"/>'
        yield _text(frame.left - 6, y + 4, f"{count:,.0f}", "axis end")


def _ticks(frame: _Frame, wall: Ints) -> Iterator[str]:
    """Mark the finest of quarters of a day, days, weeks, months and years that leaves room for its labels."""
    moments = [datetime.fromtimestamp(second, UTC) for second in wall.tolist()]
    kinds = (
        ("%H:%M", 46, [second // 21600 for second in wall.tolist()]),
        ("%a %-d", 48, [moment.date() for moment in moments]),
        ("%-d %b", 54, [moment.isocalendar()[:2] for moment in moments]),
        ("%b %Y", 64, [(moment.year, moment.month) for moment in moments]),
        ("%Y", 40, [moment.year for moment in moments]),
    )
    for form, room, keys in kinds:  # noqa: B007  (the last one is drawn, whatever its room)
        places = [place for place, (last, key) in enumerate(pairwise(keys), start=1) if key != last]
        if len(places) * room <= frame.width:
            break
    bottom, right = frame.upper + frame.height, frame.left + frame.width
    for place in places:
        x = frame.x(place)
        midnight = form == "%H:%M" and moments[place].hour == 0
        yield f'<path class="frame" d="M{x:.1f} {bottom:.1f}v5"/>'
        if x < right - 30:
            yield _text(x - 2, bottom + 18, moments[place].strftime("%a %-d" if midnight else form), "axis")


def _text(x: float, y: float, told: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{_safe(told)}</text>'


def _safe(text: str) -> str:
    return escape(harmless(text))
