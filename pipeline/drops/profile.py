"""What would have come: the profile of a day from the weeks before, and the level of the last good days.

Expected in an hour = profile of the hour of week x level x population. The profile of a day is the shape of its kind
(workday or weekend) times the share of its day of week, moved towards the same hour of the same weekday as far as the
evidence goes. It is made once a day, per series, from whole days before it.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.drops.state import DAYS, NO_COUNT, WEEKS, Bools, Floats, Ints, Singles, State

_CODES_PER_ROOT: Final = 64.0
_WEEKLY_DECAY: Final = 0.92
_DAY_OF_WEEK_PRIOR: Final = 20.0
_LEVEL_PRIOR: Final = 100.0
_LEVEL_LIMITS: Final = (0.75, 1.25)
_LEAST_DAYS: Final = 4
_AT_ONCE: Final = 256
"""Series planned in one go: their histories fit into the cache."""
_LEAST_WEEKS: Final = 4


def encode(counts: Floats) -> NDArray[np.uint16]:
    """Code counts up to a million in 16 bits by their root: the error is at most 2 % of a Poisson count's own noise."""
    return np.minimum(np.round(np.sqrt(counts) * _CODES_PER_ROOT), NO_COUNT - 1).astype(np.uint16)


def decode(codes: NDArray[np.uint16], have: Bools) -> Singles:
    """Give the counts back, 0 where there is none."""
    roots: Singles = np.where(have, codes, 0).astype(np.float32) / np.float32(_CODES_PER_ROOT)
    return roots * roots


def weekend(day: Ints) -> Bools:
    """Say which days since 1970-01-01, a Thursday, are Saturdays or Sundays."""
    return (day + 3) % 7 >= 5


def place(day: Ints) -> tuple[Ints, Ints]:
    """Where days lie in the ring: week, day of week."""
    return day // 7 % WEEKS, (day + 3) % 7


def level(state: State, rows: Ints) -> None:
    """Set the level of `rows`: the median ratio of the last good days, shrunk to 1 and within limits."""
    rows = rows[state.good_days[rows] >= _LEAST_DAYS]
    if not len(rows):
        return
    have = np.arange(DAYS) < state.good_days[rows, None]
    seen, expected = state.ratio_seen[rows].astype(float), state.ratio_expected[rows].astype(float)
    ratio = np.sort(np.where(have, (seen + 0.5) / (expected + 0.5), np.inf), axis=1)
    count = have.sum(axis=1)
    each = np.arange(len(rows))
    median = (ratio[each, (count - 1) // 2] + ratio[each, count // 2]) / 2
    evidence = np.where(have, expected, 0).sum(axis=1)
    state.level[rows] = np.clip(1 + evidence / (evidence + _LEVEL_PRIOR) * (median - 1), *_LEVEL_LIMITS)


def plan(state: State, rows: Ints, day: Ints, population: Floats) -> None:
    """Make the forecast of `day` (one per row) for `population`, and clear that day's place in the ring."""
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        _plan(state, rows[part], day[part], population[part])


def _plan(state: State, rows: Ints, day: Ints, population: Floats) -> None:
    age = day[:, None, None] - state.days[rows]
    weight = np.where((age >= 1) & (age <= 7 * WEEKS), _WEEKLY_DECAY ** ((age - 1) // 7), 0.0).astype(np.float32)
    size = state.people[rows] / population.astype(np.float32)[:, None, None]
    codes = state.hours[rows]
    have = codes != NO_COUNT
    seen = decode(codes, have)
    of_kind = weight * (weekend(day)[:, None] == (np.arange(7) >= 5))[:, None]
    shape_evidence = np.einsum("rwd,rwdh->rh", of_kind * size, have).astype(float)
    shape = np.einsum("rwd,rwdh->rh", of_kind, seen) / np.maximum(shape_evidence, 1e-9)
    week, weekday = place(day)
    each = np.arange(len(rows))
    same = (each, slice(None), weekday)
    own_evidence, own_seen, own = _same_weekday(weight[same][..., None] * have[same], seen[same], size[same])
    here = own_evidence > 0
    factor = (own_seen + _DAY_OF_WEEK_PRIOR) / ((own_evidence * shape).sum(axis=1) + _DAY_OF_WEEK_PRIOR)
    pooled = shape * factor[:, None]
    noise = np.maximum(np.maximum(own, pooled), 0.3) / np.maximum(own_evidence, 1e-9)
    beyond = np.where(here, (own - pooled) ** 2 - noise, 0)
    common = np.maximum(beyond.sum(axis=1), 0) / np.maximum((pooled**2 * here).sum(axis=1), 1e-9)
    bias = 0.7 * np.maximum(beyond, 0) + (0.3 * common[:, None] + 0.03**2) * pooled**2
    trust = np.where(here, bias / (bias + noise), 0)
    state.plan[rows] = np.where(shape_evidence > 0, trust * own + (1 - trust) * pooled, np.nan)
    state.evidence[rows] = trust * own_evidence + (1 - trust) * shape_evidence / 2
    state.planned_for[rows] = population
    state.hours[rows, week, weekday] = NO_COUNT
    state.days[rows, week, weekday] = day
    state.people[rows, week, weekday] = population


def _same_weekday(weight: Any, seen: Singles, size: Any) -> tuple[Floats, Floats, Floats]:
    """Give evidence (rows, hours), people seen (rows) and the trimmed mean per hour of (rows, weeks, hours)."""
    have = weight > 0
    evidence, came = (weight * size[..., None]).sum(axis=1), (weight * seen).sum(axis=1)
    rate = np.where(have, seen / np.maximum(size[..., None], 1e-9), 0)
    count = have.sum(axis=1)
    rest = rate.sum(axis=1) - rate.max(axis=1) - np.where(count > 0, np.where(have, rate, np.inf).min(axis=1), 0)
    own = np.where(count >= _LEAST_WEEKS, rest / np.maximum(count - 2, 1), came / np.maximum(evidence, 1e-9))
    return evidence, came.sum(axis=1), own
