"""Draws a dashboard from its executed queries, in the layout of its JSON: an SVG of about what Grafana would show.

Only what our panels use: stat, timeseries, table and barchart, with units, names, colours, thresholds and bands. It is
a preview and says so; Grafana itself draws more finely.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from tests.grafana.dashboards import Json, panels
from tests.grafana.executed import Frame

WIDTH: Final = 1440
ROW: Final = 38
GAP: Final = 8
HEAD: Final = 64
TITLE: Final = 30
COLORS: Final = (
    "#3274d9", "#56a64b", "#e0b400", "#8f3bb8", "#ff780a", "#e02f44", "#37872d", "#1f60c4", "#b877d9", "#c15c17",
    "#7c7c7c",
)  # fmt: skip
NAMED: Final = {"green": "#37872d", "orange": "#e07400", "red": "#c4162a", "blue": "#3274d9", "purple": "#8f3bb8"}
INK, FAINT, LINE, PAPER, PANEL = "#1f2329", "#6b7280", "#e3e6ea", "#f3f4f6", "#ffffff"
_TICK_HOURS: Final = (1, 2, 3, 6, 12, 24, 48, 96, 168, 336)
Answers = Mapping[int, Sequence[Frame]]
"""Frames by panel id."""


@dataclass
class Canvas:
    """Collects what is drawn."""

    parts: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, w: float, h: float, fill: str, **more: object) -> None:
        self._add("rect", x=x, y=y, width=max(w, 0), height=max(h, 0), fill=fill, **more)

    def line(self, points: Iterable[tuple[float, float]], color: str, width: float = 1.5, dash: str = "") -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        more = {"stroke-dasharray": dash} if dash else {}
        self._add("polyline", points=path, fill="none", stroke=color, **{"stroke-width": width, **more})

    def area(self, points: Iterable[tuple[float, float]], color: str, opacity: float) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self._add("polygon", points=path, fill=color, **{"fill-opacity": opacity})

    def text(self, x: float, y: float, words: object, size: float = 12, color: str = INK, **more: object) -> None:
        options = " ".join(f'{name}="{value}"' for name, value in more.items())
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" {options}>{escape(str(words))}</text>'
        )

    def _add(self, tag: str, **attributes: object) -> None:
        told = " ".join(
            f'{name}="{value:.1f}"' if isinstance(value, float) else f'{name}="{value}"'
            for name, value in attributes.items()
        )
        self.parts.append(f"<{tag} {told}/>")


@dataclass(frozen=True)
class Box:
    """Where a panel's content goes."""

    x: float
    y: float
    w: float
    h: float


def drawn(board: Json, answers: Answers, start: datetime, end: datetime, values: Mapping[str, str]) -> str:
    """Return the SVG."""
    grid = list(panels(board))
    height = HEAD + ROW * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in grid) + GAP
    canvas = Canvas()
    canvas.rect(0, 0, WIDTH, height, PAPER)
    canvas.text(16, 28, board["title"], 20, **{"font-weight": "600"})
    told = "  ·  ".join(f"{one['label']}: {values[one['name']]}" for one in _chosen(board, values))
    canvas.text(16, 50, told, 12, FAINT)
    when = f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    canvas.text(WIDTH - 16, 50, when, 12, FAINT, **{"text-anchor": "end"})
    canvas.rect(WIDTH - 586, 12, 570, 22, "#fff3cd", rx=4)
    canvas.text(
        WIDTH - 300, 27, "PREVIEW, drawn from the executed queries of a simulated company; not a screenshot of Grafana",
        11, "#7a5b00", **{"text-anchor": "middle"},
    )  # fmt: skip
    unit = (WIDTH - GAP) / 24
    for panel in grid:
        place = panel["gridPos"]
        x, y = GAP + unit * place["x"], HEAD + ROW * place["y"]
        w, h = unit * place["w"] - GAP, ROW * place["h"] - GAP
        canvas.rect(x, y, w, h, PANEL, stroke=LINE, rx=3)
        canvas.text(x + 10, y + 20, _cut(panel["title"], w - 16, 12.5), 12.5, **{"font-weight": "600"})
        frames = [frame for frame in answers[panel["id"]] if frame.rows]
        box = Box(x + 10, y + TITLE, w - 20, h - TITLE - 8)
        if not frames:
            canvas.text(
                x + w / 2,
                y + h / 2,
                panel["fieldConfig"]["defaults"]["noValue"],
                13,
                FAINT,
                **{"text-anchor": "middle"},
            )
            continue
        {"stat": _stat, "timeseries": _series, "table": _table, "barchart": _bars}[panel["type"]](
            canvas, box, panel, frames
        )
    font = "font-family=\"'DejaVu Sans', Arial, sans-serif\""
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>' + "".join(canvas.parts) + "</svg>"


def _chosen(board: Json, values: Mapping[str, str]) -> list[Json]:
    return [
        one
        for one in board["templating"]["list"]
        if one["name"] in values and one["type"] in ("custom", "query", "textbox")
    ]


def _cut(words: str, width: float, size: float) -> str:
    most = max(1, int(width / (size * 0.6)))
    return words if len(words) <= most else words[: most - 1] + "…"


def settings(panel: Json, name: str) -> Json:
    """Return the field's options: the defaults, and what its override says."""
    found: Json = {**panel["fieldConfig"]["defaults"]}
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            found |= {one["id"]: one["value"] for one in override["properties"]}
    return found


def written(value: object, options: Json) -> str:
    """Return a value as its unit shows it."""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, str):
        return value
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    for mapping in options.get("mappings", []):
        if found := mapping["options"].get(f"{value:g}"):
            return str(found["text"])
    return _number(value, options["unit"], options.get("decimals"))


def _number(value: float, unit: str, decimals: int | None) -> str:
    if unit == "percentunit":
        return f"{100 * value:.{decimals or 0}f} %"
    if unit == "s":
        return _duration(value)
    if unit == "bytes":
        return f"{value / 2**20:.0f} MiB"
    digits = decimals if decimals is not None else (0 if float(value).is_integer() else 2)
    return f"{value:,.{digits}f}".replace(",", " ") + (" /s" if unit in ("eps", "rowsps") else "")


def _duration(seconds: float) -> str:
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.2g} s" if abs(seconds) < 1 else f"{seconds:.0f} s"


def _color(options: Json, place: int, value: float | None = None) -> str:
    mode = options.get("color", {}).get("mode")
    if mode == "fixed":
        color: str = options["color"]["fixedColor"]
        return NAMED.get(color, color)
    if mode == "thresholds" and value is not None:
        steps = options["thresholds"]["steps"]
        return NAMED[[step["color"] for step in steps if step["value"] is None or value >= step["value"]][-1]]
    return COLORS[place % len(COLORS)]


def _stat(canvas: Canvas, box: Box, panel: Json, frames: Sequence[Frame]) -> None:
    width = box.w / len(frames)
    for place, frame in enumerate(frames):
        options, value = settings(panel, frame.names[1]), frame.rows[-1][1]
        told = written(value, options)
        color = _color(options, place, value) if panel["options"]["colorMode"] == "value" else INK
        size = min(34, width / max(len(told), 2) * 1.5)
        middle = box.x + width * (place + 0.5)
        canvas.text(middle, box.y + box.h * 0.58, told, size, color, **{"text-anchor": "middle", "font-weight": "600"})
        if len(frames) > 1:
            canvas.text(middle, box.y + box.h - 6, frame.names[1], 11.5, FAINT, **{"text-anchor": "middle"})


def _columns(frames: Sequence[Frame]) -> dict[str, list[tuple[float, float]]]:
    """Return graphs by name: (seconds, value)."""
    found: dict[str, list[tuple[float, float]]] = {}
    for frame in frames:
        label = next(
            (name for name, kind in zip(frame.names[1:], frame.types[1:], strict=True) if "String" in kind), None
        )
        for name in frame.names[1:]:
            if name == label:
                continue
            for row in frame.rows:
                at, value = row[0], row[frame.names.index(name)]
                if value is None or not math.isfinite(value):
                    continue
                seconds = at.replace(tzinfo=UTC).timestamp() if isinstance(at, datetime) else float(at)
                key = str(row[frame.names.index(label)]) if label else name
                found.setdefault(key, []).append((seconds, float(value)))
    return found


def _nice(low: float, high: float) -> list[float]:
    span = high - low or 1
    step = 10 ** math.floor(math.log10(span / 4))
    step *= next(times for times in (1, 2, 5, 10) if span / (step * times) <= 5)
    first = math.ceil(low / step) * step
    return [first + step * place for place in range(int((high - first) / step + 1e-9) + 1)]


def _ticks(first: float, last: float) -> list[tuple[float, str]]:
    """Return at most nine round times and what is written there: the day at midnight, else the hour."""
    step = next((hours for hours in _TICK_HOURS if (last - first) / (hours * 3600) <= 8), _TICK_HOURS[-1]) * 3600
    times = [place * step for place in range(math.ceil(first / step), math.floor(last / step) + 1)]
    return [(one, f"{datetime.fromtimestamp(one, UTC):{'%b %d' if one % 86_400 == 0 else '%H:%M'}}") for one in times]


def _series(canvas: Canvas, box: Box, panel: Json, frames: Sequence[Frame]) -> None:
    graphs = _columns(frames)
    custom = panel["fieldConfig"]["defaults"]["custom"]
    stacked, bars = custom["stacking"]["mode"] == "normal", custom["drawStyle"] == "bars"
    times = sorted({at for points in graphs.values() for at, _ in points})
    stacks = _stacked(graphs) if stacked else {}
    drawn_values = (
        [value for points in graphs.values() for _, value in points]
        if not stacked
        else [end for points in stacks.values() for _, begin, end in points for end in (begin, end)]
    )
    low, high = min(0.0, *drawn_values), max(*drawn_values, 0.0)
    high = max(high, panel["fieldConfig"]["defaults"].get("max", high)) or 1.0
    plot = Box(box.x + 46, box.y + 4, box.w - 52, box.h - 46)
    first, last = times[0], max(times[-1], times[0] + 1)
    if bars:
        day = (last - first) / max(len(times) - 1, 1)
        first, last = first - day / 2, last + day / 2

    def at(seconds: float, value: float) -> tuple[float, float]:
        return plot.x + plot.w * (seconds - first) / (last - first), plot.y + plot.h * (high - value) / (high - low)

    marks = _nice(low, high)
    percent = 2 if panel["fieldConfig"]["defaults"]["unit"] == "percentunit" else 0
    digits = max(0, -math.floor(math.log10(marks[1] - marks[0])) - percent) if len(marks) > 1 else 0
    for value in marks:
        _, y = at(first, value)
        canvas.line([(plot.x, y), (plot.x + plot.w, y)], LINE, 1)
        canvas.text(
            plot.x - 6,
            y + 4,
            written(value, settings(panel, "") | {"decimals": digits}),
            10.5,
            FAINT,
            **{"text-anchor": "end"},
        )
    for seconds, words in _ticks(first, last):
        canvas.text(at(seconds, low)[0], plot.y + plot.h + 15, words, 10.5, FAINT, **{"text-anchor": "middle"})
    keys: list[tuple[str, str, str]] = []
    for place, (name, points) in enumerate(graphs.items()):
        options = settings(panel, name)
        color = _color(options, place)
        dash = "7 5" if options.get("custom.lineStyle") else ""
        keys.append((name, color, dash))
        if bars:
            width = 0.8 * plot.w / max(len(times), 1)
            for seconds, begin, end in stacks[name]:
                x, top = at(seconds, max(begin, end))
                canvas.rect(x - width / 2, top, width, at(seconds, min(begin, end))[1] - top, color)
            continue
        if stacked:
            edge = [at(seconds, end) for seconds, _, end in stacks[name]]
            canvas.area([*edge, *(at(seconds, begin) for seconds, begin, _ in reversed(stacks[name]))], color, 0.75)
            continue
        if below := options.get("custom.fillBelowTo"):
            floor = graphs.get(below, [])
            canvas.area([*(at(*point) for point in points), *(at(*point) for point in reversed(floor))], color, 0.14)
        elif custom["fillOpacity"]:
            canvas.area([at(points[0][0], low), *(at(*point) for point in points), at(points[-1][0], low)], color, 0.1)
        canvas.line(
            [at(*point) for point in points], color, options.get("custom.lineWidth", custom["lineWidth"]) * 0.8, dash
        )
    _legend(canvas, box, keys)


def _stacked(graphs: Mapping[str, list[tuple[float, float]]]) -> dict[str, list[tuple[float, float, float]]]:
    """Return (seconds, from, to) of each; what is negative is stacked downwards."""
    up: dict[float, float] = {}
    down: dict[float, float] = {}
    found: dict[str, list[tuple[float, float, float]]] = {}
    for name, points in graphs.items():
        found[name] = []
        for seconds, value in points:
            heap = up if value >= 0 else down
            begin = heap.get(seconds, 0.0)
            heap[seconds] = begin + value
            found[name].append((seconds, begin, begin + value))
    return found


def _legend(canvas: Canvas, box: Box, keys: Sequence[tuple[str, str, str]]) -> None:
    x, y = box.x + 4, box.y + box.h - 6
    for name, color, dash in keys:
        width = 24 + 6.6 * len(name)
        if x + width > box.x + box.w:
            break
        canvas.line([(x, y - 4), (x + 14, y - 4)], color, 3, "4 3" if dash else "")
        canvas.text(x + 18, y, name, 11, FAINT)
        x += width + 8


def _bars(canvas: Canvas, box: Box, panel: Json, frames: Sequence[Frame]) -> None:
    (frame,) = frames
    names, stacked = frame.names[1:], panel["options"]["stacking"] == "normal"
    sums = [sum(row[1:]) if stacked else max(row[1:]) for row in frame.rows]
    high = panel["fieldConfig"]["defaults"].get("max") or max(sums) or 1
    legend = 20 if len(names) > 1 else 0
    if panel["options"]["orientation"] == "vertical":
        _upright(canvas, Box(box.x, box.y, box.w, box.h - legend), panel, frame, high)
    else:
        longest = max(len(str(row[0])) for row in frame.rows)
        left = min(6.8 * longest + 10, box.w * 0.45)
        room = box.w - left - 46
        step = min((box.h - legend) / len(frame.rows), 40)
        for line, row in enumerate(frame.rows):
            y = box.y + step * line
            canvas.text(
                box.x + left - 8, y + step / 2 + 4, _cut(str(row[0]), left, 11.5), 11.5, **{"text-anchor": "end"}
            )
            x = box.x + left
            for place, value in enumerate(row[1:]):
                options = settings(panel, names[place])
                wide = room * value / high
                canvas.rect(x, y + step * 0.14, wide, step * 0.72, _color(options, place), **{"fill-opacity": 0.8})
                x += wide
            told = written(sum(row[1:]), settings(panel, names[0]))
            canvas.text(x + 6, y + step / 2 + 4, told, 11.5)
    if legend:
        _legend(canvas, box, [(name, _color(settings(panel, name), place), "") for place, name in enumerate(names)])


def _upright(canvas: Canvas, box: Box, panel: Json, frame: Frame, high: float) -> None:
    group = box.w / len(frame.rows)
    names = frame.names[1:]
    width = group * 0.7 / len(names)
    tall = box.h - 40
    for line, row in enumerate(frame.rows):
        for place, value in enumerate(row[1:]):
            options = settings(panel, names[place])
            x = box.x + group * (line + 0.15) + width * place
            top = box.y + 18 + tall * (1 - value / high)
            canvas.rect(x + 2, top, width - 4, box.y + 18 + tall - top, _color(options, place), **{"fill-opacity": 0.8})
            canvas.text(x + width / 2, top - 5, written(value, options), 11, **{"text-anchor": "middle"})
        canvas.text(box.x + group * (line + 0.5), box.y + box.h - 6, row[0], 11.5, FAINT, **{"text-anchor": "middle"})


def _table(canvas: Canvas, box: Box, panel: Json, frames: Sequence[Frame]) -> None:
    frame = _merged(frames) if len(frames) > 1 else frames[0]
    shown = [name for name in frame.names if not settings(panel, name).get("custom.hidden")]
    kinds = dict(zip(frame.names, frame.types, strict=True))
    heat = panel["fieldConfig"]["defaults"].get("custom", {}).get("cellOptions", {}).get("type") == "color-background"
    if heat:
        return _heat(canvas, box, frame)
    told = {name: [written(value, settings(panel, name)) for value in frame.column(name)] for name in shown}
    heads = {name: str(settings(panel, name).get("displayName", name)) for name in shown}
    weights = {
        name: max(len(heads[name]), *map(len, told[name]), 4)
        + (14 if "custom.cellOptions" in settings(panel, name) else 2)
        for name in shown
    }
    step, x = 22.0, box.x
    lines = min(len(frame.rows), int(box.h / step) - 1)
    for name in shown:
        width = box.w * weights[name] / sum(weights.values())
        right = "Int" in kinds[name] or "Float" in kinds[name]
        anchor, edge = ("end", x + width - 8) if right else ("start", x + 2)
        options = settings(panel, name)
        canvas.text(edge, box.y + 13, _cut(heads[name], width, 11), 11, FAINT, **{"text-anchor": anchor})
        high = (
            options.get("max") or max((value or 0 for value in frame.column(name)), default=1)
            if "custom.cellOptions" in options
            else 0
        )
        for line in range(lines):
            y, value = box.y + step * (line + 1), frame.column(name)[line]
            if high and value is not None:
                room = width - 14 - 7 * max(map(len, told[name]))
                canvas.rect(x + 2, y + 4, room, step - 8, LINE)
                canvas.rect(
                    x + 2, y + 4, room * min(1, value / high), step - 8, _color(options, 0), **{"fill-opacity": 0.75}
                )
            canvas.text(edge, y + 15, _cut(told[name][line], width, 11.5), 11.5, **{"text-anchor": anchor})
        x += width
    for line in range(lines + 1):
        canvas.line([(box.x, box.y + step * (line + 1) - 1), (box.x + box.w, box.y + step * (line + 1) - 1)], LINE, 1)
    if lines < len(frame.rows):
        canvas.text(box.x + box.w, box.y - 11, f"{len(frame.rows)} rows", 11, FAINT, **{"text-anchor": "end"})
    return None


def _merged(frames: Sequence[Frame]) -> Frame:
    """Join tables by their labels, as the transformation `merge` does."""
    labels = frames[0].names[:-1]
    names = [*labels, *(f"Value #{chr(65 + place)}" for place in range(len(frames)))]
    found: dict[tuple[Any, ...], list[Any]] = {}
    for place, frame in enumerate(frames):
        for row in frame.rows:
            found.setdefault(row[:-1], [None] * len(frames))[place] = row[-1]
    kinds = [*frames[0].types[:-1], *["Float64"] * len(frames)]
    return Frame(names, kinds, [(*key, *values) for key, values in found.items()])


def _heat(canvas: Canvas, box: Box, frame: Frame) -> None:
    high = max(value for row in frame.rows for value in row[1:] if value is not None and math.isfinite(value)) or 1
    left, top = 46, 20
    w, h = (box.w - left) / (len(frame.names) - 1), (box.h - top) / len(frame.rows)
    for place, name in enumerate(frame.names[1:]):
        canvas.text(box.x + left + w * (place + 0.5), box.y + 13, name, 11, FAINT, **{"text-anchor": "middle"})
    for line, row in enumerate(frame.rows):
        canvas.text(box.x + 4, box.y + top + h * (line + 0.5) + 4, row[0], 11.5)
        for place, value in enumerate(row[1:]):
            if value is None or not math.isfinite(value):
                continue
            x, y = box.x + left + w * place, box.y + top + h * line
            canvas.rect(x, y, w - 1, h - 1, "#1f60c4", **{"fill-opacity": round(0.06 + 0.9 * value / high, 3)})
            color = "#ffffff" if value > high * 0.45 else INK
            canvas.text(x + w / 2, y + h / 2 + 4, f"{value:.0f}", 11, color, **{"text-anchor": "middle"})
