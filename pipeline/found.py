"""The drops that were found, from the interval that opened one until the one that ends it.

    open        the detector's alarm: the id follows from segment, measure, window and begin, so it is found once
    recovered   people are back, or the detector has taken the new level for normal
    withdrawn   it began while a source was silent, or the segment is no more: no drop of people

Reported (without `parent_id`) is the highest segment that explains a drop: a drop of the company takes those of its
children that began with it, a drop of a segment the later ones of its other measures and windows. What one child
carries nearly alone is that child's: the company's drop is explained by it, and so is a region's. `causes` is JSON:

    {"members": [{"dimension": ..., "member": ..., "missing": ...}, ...], "measures": {"login": 31.0, ...}}

with the people who were missing in the newest interval, per child and, of the segment itself, per measure.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import numpy as np

from pipeline.calendars import Calendar
from pipeline.grid import COMPANY, Grid
from pipeline.pulse_book import Key
from schemas.drops import MAJOR_DEPTH, Drop, State, drop_id
from schemas.pulse import instant, unix_seconds

_TOGETHER_SECONDS: Final = 6 * 3600
"""A child's drop that began so long before the company's belongs to it."""
_CARRIES: Final = 0.7
"""Of the people that a segment misses, so many must be missing in a part of it that is said to carry its drop; in a
drop of the whole company each part misses its share only."""
_SMALLER: Final = 0.8
"""A part is expected to bring at most so much of what the segment brings: else the two are the same people."""
_ALL: Final = 0.95
_MOST_CAUSES: Final = 10


class Found:
    """The drops that are open, by window and series."""

    def __init__(self, drops: Iterable[Drop] = ()) -> None:
        self.open = {(drop.window, (drop.dimension, drop.member, drop.measure)): drop for drop in drops}

    def series(self) -> frozenset[Key]:
        """Return the series with an open drop, of any window."""
        return frozenset(key for _, key in self.open)

    def depths(self) -> dict[Key, float]:
        """Return the share lost in drops that are reported by themselves: of a series the deepest of its windows."""
        depths: dict[Key, float] = {}
        for (_, key), drop in self.open.items():
            if drop.parent_id is None:
                depths[key] = max(drop.depth, depths.get(key, 0.0))
        return depths

    def update(self, grid: Grid, at: int, calendar: Calendar) -> Iterator[Drop]:
        """Take over what the bank found in the interval that ends at `at`; give the drops that changed."""
        state = grid.bank.state
        for window, key in [place for place in self.open if place[0] == grid.window]:
            row = grid.row.get(key)
            if row is None or not grid.population[row]:
                yield from self._withdraw(grid, (window, key), at)
            elif not state.open[row]:
                yield self._end((window, key), "recovered", grid.instant(row, int(state.end[row]), at, calendar))
            elif not np.isnan(grid.bank.expected[row]):
                self.open[window, key] = drop = _measured(self.open[window, key], grid, row)
                yield drop
        children_first = np.argsort(state.parent < 0, kind="stable")  # they may carry what their parent shows
        for row in children_first[state.open[children_first]].tolist():
            if (grid.window, grid.keys[row]) not in self.open and grid.population[row] and not _is_company(grid, row):
                yield from self._begin(grid, row, at, calendar)

    def withdraw(self, grid: Grid, at: int, since: int) -> Iterator[Drop]:
        """Take back what began in the interval of `since`, or after it: then a source had gone silent."""
        for place, drop in list(self.open.items()):
            if place[0] == grid.window and unix_seconds(drop.began_at) + grid.seconds > since:
                yield from self._withdraw(grid, place, at)

    def _withdraw(self, grid: Grid, place: tuple[str, Key], at: int) -> Iterator[Drop]:
        row = grid.row.get(place[1])
        if row is not None:
            grid.bank.clear(np.array([row]))
        yield self._end(place, "withdrawn", at - grid.seconds)

    def _end(self, place: tuple[str, Key], state: State, at: int) -> Drop:
        return msgspec.structs.replace(self.open.pop(place), state=state, ended_at=instant(at))

    def _begin(self, grid: Grid, row: int, at: int, calendar: Calendar) -> Iterator[Drop]:
        key = dimension, member, measure = grid.keys[row]
        began_at = instant(grid.instant(row, int(grid.bank.state.start[row]), at, calendar))
        drop = Drop(
            drop_id=drop_id(dimension, member, measure, grid.window, began_at),
            parent_id=None,
            dimension=dimension,
            member=member,
            measure=measure,
            window=grid.window,
            severity="minor",
            began_at=began_at,
            detected_at=instant(at),
            ended_at=None,
            expected=0,
            observed=0,
            depth=0,
            lost_person_hours=0,
            causes="",
            state="open",
        )
        drop = _measured(drop, grid, row)
        drop = msgspec.structs.replace(drop, parent_id=self._carried_by(key, drop) or self._explained_by(key))
        self.open[grid.window, key] = drop
        yield drop
        if key[:2] == COMPANY and drop.parent_id is None:
            for place, other in list(self.open.items()):
                together = unix_seconds(other.began_at) + _TOGETHER_SECONDS >= unix_seconds(began_at)
                if place[1][:2] != COMPANY and together and other.parent_id is None:
                    self.open[place] = msgspec.structs.replace(other, parent_id=drop.drop_id)
                    yield self.open[place]

    def _carried_by(self, key: Key, drop: Drop) -> str | None:
        """Return the reported drop of a smaller segment that is open already and misses nearly all these people."""
        for (window, (dimension, member, measure)), other in self.open.items():
            if window != drop.window or measure != key[2] or (dimension, member) == COMPANY or dimension == key[0]:
                continue
            misses = other.expected - other.observed >= _CARRIES * (drop.expected - drop.observed)
            if misses and other.expected <= _SMALLER * drop.expected:
                carrier = other.parent_id or other.drop_id
                return carrier if carrier != drop.drop_id else None
        return None

    def _explained_by(self, key: Key) -> str | None:
        """Return the reported drop, of the company or else of the segment itself, that is open already."""
        for segment in (COMPANY, key[:2]):
            for (_, known), drop in self.open.items():
                if known[:2] == segment and drop.parent_id is None:
                    return drop.drop_id
        return None


def _is_company(grid: Grid, row: int) -> bool:
    """Say whether a region or department has nearly all people of the company: then it is for the company to tell."""
    parent = grid.bank.state.parent[row]
    mostly = parent >= 0 and grid.crowd[row] >= _ALL * grid.crowd[parent]
    return bool(mostly and grid.keys[row][0] in ("region", "department"))


def _measured(drop: Drop, grid: Grid, row: int) -> Drop:
    """Return the drop with the numbers as they are now."""
    state = grid.bank.state
    rung = state.nats[row].argmax()
    depth = float(state.depth[row])
    return msgspec.structs.replace(
        drop,
        severity="major" if depth >= MAJOR_DEPTH else "minor",
        expected=round(float(state.expected[row, rung]), 3),
        observed=round(float(state.seen[row, rung]), 3),
        depth=round(depth, 4),
        lost_person_hours=round(float(state.lost[row]) * grid.seconds / 3600, 3),
        causes=_causes(grid, row),
    )


def _causes(grid: Grid, row: int) -> str:
    missing = np.nan_to_num(grid.planned - grid.people)
    children = np.flatnonzero((grid.bank.state.parent == row) & (missing >= 1))
    most = sorted(children.tolist(), key=lambda child: (-missing[child], grid.keys[child]))[:_MOST_CAUSES]
    dimension, member, _ = grid.keys[row]
    rows = {measure: grid.row.get((dimension, member, measure)) for measure in ("active", "login", "contribute")}
    told = {
        "members": [
            {"dimension": grid.keys[child][0], "member": grid.keys[child][1], "missing": _tenth(missing[child])}
            for child in most
        ],
        "measures": {name: _tenth(missing[one]) for name, one in rows.items() if one is not None and missing[one] > 0},
    }
    return msgspec.json.encode(told).decode()


def _tenth(value: float) -> float:
    return round(float(value), 1)
