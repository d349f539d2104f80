"""A bank of drop detectors: many series judged in one go, one interval at a time, strictly causal.

Here lies the order of things in a step: finished hours are learnt from, a new day is planned, the interval is
expected, corrected by kin, judged; then a drop opens, deepens or ends. What each of these means is in the files beside.
"""

from collections.abc import Mapping
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.drops import kin, ladder, profile, spread
from pipeline.drops.state import DAYS, LONG_AGO, NATS, NO_COUNT, Bools, Floats, Ints, State

DAY: Final = 86_400
HOUR: Final = 3_600
_LEARNING_DAYS: Final = 7
"""Each hour of the week was seen once; that a week may be unlike the next is for `spread.learn_days` to say."""
LEAST_PEOPLE: Final = 5
"""A group in which fewer people come is not judged: it would tell of one person's leave."""
_ACCEPTED_DAYS: Final = 21
"""A drop that is still open after so long is the new level."""
_LEAST_DEPTH: Final = 0.25
"""A drop that opens has lost at least so much of what is usual; an evening below a good morning has not."""
_CORRECTED: Final = 0.1
_FINE_PRIOR: Final = 50.0
_FINE_DECAY: Final = 0.9


class Bank:
    """Detectors of `rows` series on a grid of `interval` seconds: a divisor of an hour or hours (else ValueError).

    Between steps `state.parent` (row number or -1) and `state.family` may be set: the children of one parent that share
    a family do not overlap (departments are one, regions another). After a step, each (rows,): `expected` people and
    the alarm `line` (so many or fewer are a drop), NaN where nothing was judged; `state.smallest`, the smallest share
    lost that today would show; and the newest drop in `state.open`, `.start`, `.end` (local seconds; LONG_AGO: none),
    `.depth` (share lost) and `.lost` (people, summed over intervals).
    """

    def __init__(self, interval: int = HOUR, rows: int = 0) -> None:
        if interval <= 0 or (HOUR % interval and interval % HOUR):
            raise ValueError(f"an interval of {interval} s neither divides an hour nor is made of hours")
        self.interval = interval
        self.slots = max(1, HOUR // interval)
        self.state = State.empty(rows, self.slots)
        self.expected: Floats = np.full(rows, np.nan)
        self.line: Floats = np.full(rows, np.nan)

    def add(self, rows: int) -> None:
        """Add `rows` series that know nothing, behind the others."""
        self._replace(self.state.join(State.empty(rows, self.slots)))

    def keep(self, rows: Ints) -> None:
        """Keep these series only, in this order; a number twice is a copy (a segment that was renamed or split)."""
        place = np.full(len(self.state.parent) + 1, -1, np.int32)
        place[rows] = np.arange(len(rows), dtype=np.int32)
        kept = self.state.take(rows)
        kept.parent = place[kept.parent]  # -1 is the last place, which is never taken
        self._replace(kept)

    def clear(self, rows: Ints) -> None:
        """Let no drop of `rows` be open: another one needs new evidence, from the next interval on."""
        state = self.state
        state.open[rows] = False
        state.nats[rows] = state.seen[rows] = state.expected[rows] = 0
        state.since[rows] = state.last[rows, None] + self.interval

    def dump(self) -> dict[str, NDArray[Any]]:
        """Give the state as arrays by name; they are the bank's own, copy them before the next step."""
        return self.state.dump()

    @classmethod
    def load(cls, interval: int, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Make the bank that `dump` described; it goes on exactly as that one."""
        bank = cls(interval)
        bank._replace(State(**{name: np.array(column) for name, column in arrays.items()}))
        return bank

    def _replace(self, state: State) -> None:
        self.state = state
        self.expected = np.full(len(state.open), np.nan)
        self.line = np.full(len(state.open), np.nan)

    @property
    def learning(self) -> Bools:
        """Series that cannot be judged yet: too few days or people, or a week without any of them proves nothing."""
        return ~self.state.ready

    def step(
        self,
        at: Ints,
        counts: Floats,
        holiday: Bools | None = None,
        population: Floats | None = None,
        crowd: Floats | None = None,
    ) -> Floats:
        """Judge one interval of every series; returns the score (rows,): 1 or more is a drop.

        `at` is the interval's start in local wall-clock seconds; clock changes may skip an hour or come back to one.
        `counts` are people, NaN where the series was not fed: then nothing is judged or learnt. A `holiday` is neither
        judged nor learnt. `population` scales the expectation; at 0 nothing is judged. `crowd` is how many people came
        within the last weeks, each counted once; left out, they are enough.
        """
        state, fed = self.state, ~np.isnan(counts)
        if population is not None:
            fed &= population > 0
            self._move(population, fed)
        if holiday is None:
            holiday = np.zeros(len(fed), bool)
        self._turn(at, fed, holiday, np.full(len(fed), np.inf) if crowd is None else crowd)
        forecast = self.forecast(at)
        planned = forecast.people / state.level
        judged = fed & ~holiday & ~np.isnan(planned)
        people = np.where(judged, forecast.people, 1.0)
        seen = np.where(fed, counts, 0.0)
        hours = np.where(fed, spread.within((at - state.last) / HOUR, 0, 1e4), 0)
        state.last = np.where(fed, at, state.last)
        people, corrected = self._judge(seen, forecast._replace(people=people), hours, at, judged)
        self.expected = np.where(judged, people * np.exp(state.drift[:, 0]), np.nan)
        nats = state.nats.max(axis=1)
        alarm = np.where(judged, nats >= NATS, state.open)
        if alarm.any():
            alarm &= state.open | (state.ready & (self._depth() >= _LEAST_DEPTH))
        self._account(alarm, people, seen, at, judged)
        bad = fed & (alarm | holiday | corrected)
        state.day_bad |= bad
        state.hour_bad |= bad
        self._add_up(at, fed, seen, np.where(judged, people, 0), np.where(judged, planned, 0))
        score: Floats = np.where(alarm & judged, nats / NATS, np.minimum(nats / NATS, 0.99))
        return score

    def _add_up(self, at: Ints, fed: Bools, seen: Floats, expected: Floats, planned: Floats) -> None:
        """Add the interval to its hour."""
        state = self.state
        state.hour_seen += seen
        state.hour_expected += expected
        state.hour_planned += planned
        state.hour_fed += fed
        if self.slots > 1:
            state.fine_now[np.arange(len(at)), at % HOUR // self.interval] += seen

    def _judge(
        self, seen: Floats, forecast: ladder.Forecast, hours: Floats, at: Ints, judged: Bools
    ) -> tuple[Floats, Bools]:
        """Climb the ladder, children before parents; returns the people expected and whose count was corrected."""
        state, after = self.state, at + self.interval
        self.line = np.full(len(seen), np.nan)
        ladder.relax(state, slice(None), hours)
        children = np.flatnonzero(judged & (state.parent >= 0))
        if not len(children):
            self._climb(judged, seen, forecast, after)
            return forecast.people, np.zeros(len(seen), bool)
        base = forecast.people
        others = kin.common(state, children, seen, base, judged, hours)
        people = base.copy()
        people[children] *= kin.follow(state, children, others)
        forecast = forecast._replace(people=people)
        self._climb(judged & (state.parent >= 0), seen, forecast, after)
        rest = kin.rest(state, seen, people, judged)
        self._climb(judged & (state.parent < 0), rest, forecast, after)
        quiet = ~state.open[children]
        who = children[quiet]
        kin.learn(state, who, seen[who], base[who], others[quiet])
        return people, np.abs(rest - seen) > _CORRECTED * people

    def _climb(self, judged: Bools, seen: Floats, forecast: ladder.Forecast, after: Ints) -> None:
        if judged.all():
            self.line = ladder.climb(self.state, slice(None), seen, forecast, after)
            return
        rows = np.flatnonzero(judged)
        part = ladder.Forecast(*(column[rows] for column in forecast))
        self.line[rows] = ladder.climb(self.state, rows, seen[rows], part, after[rows])

    def forecast(self, at: Ints) -> ladder.Forecast:
        """Give what is expected of this interval before kin and drift, NaN without a plan."""
        state, each, hour = self.state, np.arange(len(at)), at // HOUR % 24
        kind = profile.weekend(at // DAY).astype(np.int64)
        people = state.plan[each, hour] * (state.level * state.population / state.planned_for)
        if self.slots > 1:
            past = state.fine[each, kind, hour]
            slot = at % HOUR // self.interval
            people *= (past[each, slot] + _FINE_PRIOR) / (past.sum(axis=1) + _FINE_PRIOR * self.slots)
        noise = ladder.spread_of(state, slice(None), kind, hour, self.slots)
        evidence = state.evidence[each, hour].astype(float) * self.slots
        return ladder.Forecast(np.maximum(people, 1e-3 / self.slots), noise, evidence)

    def _turn(self, at: Ints, fed: Bools, holiday: Bools, crowd: Floats) -> None:
        """Close the hour and the day that `at` has left behind, and open the new ones."""
        state, hour = self.state, at // HOUR
        rows = np.flatnonzero(fed & (hour != state.hour))
        if not len(rows):
            return
        self._close_hour(rows[state.hour[rows] > LONG_AGO])
        day = hour // 24
        new = rows[day[rows] > state.day[rows]]
        if len(new):
            self._new_day(new, day[new], crowd[new])
        state.hour[rows] = hour[rows]
        state.hour_holiday[rows] = holiday[rows]
        state.hour_bad[rows] = False
        for column in (state.hour_seen, state.hour_expected, state.hour_planned, state.hour_fed, state.fine_now):
            column[rows] = 0

    def _close_hour(self, rows: Ints) -> None:
        state, slots = self.state, self.slots
        rows = rows[~state.hour_holiday[rows] & (2 * state.hour_fed[rows] >= slots)]
        day, hour = state.hour[rows] // 24, state.hour[rows] % 24
        seen = state.hour_seen[rows]
        known = state.days[(rows, *profile.place(day))] == day
        code = profile.encode(seen * slots / np.maximum(state.hour_fed[rows], 1))
        state.hours[(rows[known], *(part[known] for part in profile.place(day)), hour[known])] = code[known]
        kind = profile.weekend(day).astype(np.int64)
        good = (state.hour_expected[rows] > 0) & ~state.hour_bad[rows]
        if slots > 1:
            whole = good & (state.hour_fed[rows] == slots)
            where = (rows[whole], kind[whole], hour[whole])
            state.fine[where] = state.fine[where] * _FINE_DECAY + state.fine_now[rows[whole]]
        rows, kind = rows[good], kind[good]
        state.day_seen[rows] += state.hour_seen[rows]
        state.day_expected[rows] += state.hour_planned[rows]
        spread.learn(state, rows, kind, state.hour_seen[rows], state.hour_expected[rows])

    def _new_day(self, rows: Ints, day: Ints, crowd: Floats) -> None:
        state = self.state
        good = rows[(state.day_expected[rows] > 0) & ~state.day_bad[rows]]
        for column, newest in ((state.ratio_seen, state.day_seen), (state.ratio_expected, state.day_expected)):
            column[good, state.good_days[good] % DAYS] = newest[good]
        state.good_days[good] += 1
        state.fed_days[rows] += state.hour_fed[rows] > 0
        state.day[rows], state.day_bad[rows] = day, False
        state.day_seen[rows] = state.day_expected[rows] = 0
        profile.level(state, rows)
        spread.learn_days(state, rows)
        profile.plan(state, rows, day, state.population[rows])
        state.week[rows] = state.week[rows] * 6 / 7 + np.nan_to_num(state.plan[rows]).sum(axis=1)
        enough = (state.week[rows] >= NATS) & (crowd >= LEAST_PEOPLE)
        state.ready[rows] = enough & (state.fed_days[rows] >= _LEARNING_DAYS)
        state.smallest[rows] = ladder.smallest(state, rows, profile.weekend(day).astype(np.int64))

    def _move(self, population: Floats, fed: Bools) -> None:
        """Take over a new population: those who came may be different, and so the level becomes less certain."""
        state = self.state
        moved = np.where(fed, population / state.population, 1)
        known = fed & (state.day > LONG_AGO)
        state.doubt += np.where(known, 0.5 * np.log(moved), 0)[:, None] ** 2
        state.population = np.where(fed, population, state.population)

    def _depth(self) -> Floats:
        """Give the share lost since the evidence began."""
        state, each = self.state, np.arange(len(self.state.open))
        best = state.nats.argmax(axis=1)
        depth: Floats = np.maximum(0, 1 - state.seen[each, best] / np.maximum(state.expected[each, best], 1e-9))
        return depth

    def _account(self, alarm: Bools, people: Floats, seen: Floats, at: Ints, judged: Bools) -> None:
        """Open, deepen and end drops."""
        state = self.state
        if not (alarm | state.open).any():
            return
        best, depth = state.nats.argmax(axis=1), self._depth()
        opens, ends = np.flatnonzero(alarm & ~state.open), np.flatnonzero(state.open & ~alarm)
        state.start[opens], state.end[opens] = state.since[opens, best[opens]], LONG_AGO
        state.end[ends] = at[ends]
        self.clear(ends)  # at its edge it would open again and again
        on = np.flatnonzero(alarm & judged)
        state.depth[on] = depth[on]
        state.lost[on] += people[on] - seen[on]
        state.lost[opens] = (state.expected - state.seen)[opens, best[opens]]
        state.open = alarm
        self._accept(on[at[on] - state.start[on] > _ACCEPTED_DAYS * DAY], at)

    def _accept(self, rows: Ints, at: Ints) -> None:
        """Take the depth of long drops for their new level: the history before them shrinks by it."""
        if not len(rows):
            return
        state = self.state
        kept = np.maximum(1 - state.depth[rows], 0.01)[:, None, None, None]
        codes = state.hours[rows]
        old = (state.days[rows] * DAY < state.start[rows, None, None])[..., None] & (codes != NO_COUNT)
        state.hours[rows] = np.where(old, np.round(codes * np.sqrt(kept)), codes)
        state.plan[rows] *= kept[:, 0, 0]
        state.good_days[rows] = 0
        state.level[rows] = 1
        state.end[rows] = at[rows]
        self.clear(rows)
