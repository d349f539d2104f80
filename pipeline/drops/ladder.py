"""The test: is this what would have come, or did a share of the people stay away since some moment?

For each depth of DEPTHS a CUSUM of log-likelihood ratios, in nats, of a negative binomial. Both sides know that the
level swings: a Kalman filter per hypothesis follows the log level, which relaxes to 0 and is as free as the series was
in the past. So what the level explains is no drop, and a drop is no level: each hypothesis fits its own from the
moment the drop would have begun. The evidence is capped, so that recovery shows at once.
"""

from typing import Final, NamedTuple

import numpy as np

from pipeline.drops.spread import RELAX_HOURS
from pipeline.drops.state import DEPTHS, NATS, STEPS, Floats, Ints, State

_KEPT: Final = 1 - np.array(DEPTHS)
_CAP: Final = 1.3 * NATS
_SPREAD_FLOOR: Final = 0.004
_OUTLIER: Final = 3.0
_LONGEST: Final = 8 * 86_400
"""Seconds within which a drop must have shown; what takes longer is slow decay, or a level not yet learnt."""
_NO_DIFFERENCE: Final = 0.92
"""A hypothesis this near to the null is not tested: the null's level has come down to it."""
_SHARES: Final = np.arange(0.1, 1.001, 0.05)


class Forecast(NamedTuple):
    """What is expected of some rows in this interval, (rows,) each: people, spread, and the evidence behind it."""

    people: Floats
    spread: Floats
    evidence: Floats


def relax(state: State, rows: Ints | slice, hours: Floats) -> None:
    """Let `hours` pass for the levels of `rows`; hypotheses without evidence take the null's level."""
    rho = np.exp(-hours / RELAX_HOURS)[:, None]
    drift = state.drift[rows] * rho
    doubt = state.doubt[rows] * rho**2 + state.free[rows, None] * (1 - rho**2)
    rest = state.nats[rows] <= 0
    drift[:, 1:] = np.where(rest, drift[:, :1], drift[:, 1:])
    doubt[:, 1:] = np.where(rest, doubt[:, :1], doubt[:, 1:])
    state.drift[rows], state.doubt[rows] = drift, doubt


def climb(state: State, rows: Ints | slice, seen: Floats, forecast: Forecast, after: Ints) -> Floats:
    """Judge one interval of `rows`. Returns the alarm line: that many people or fewer would be a drop.

    `after` is the end of the interval, where a drop would begin if there is no evidence yet.
    """
    drift, doubt, nats = state.drift[rows], state.doubt[rows], state.nats[rows]
    people, expected = seen[:, None], forecast.people[:, None]
    mean = expected * np.exp(drift)
    mean[:, 1:] *= _KEPT
    null, less = mean[:, :1], mean[:, 1:]
    uncertain = 0.5 / np.maximum(forecast.evidence * forecast.people, 1)
    size = 1 / (forecast.spread + uncertain + doubt[:, 0])[:, None]
    odds = (size + null) / (size + less)
    slope, fixed = np.log(less / null * odds), size * np.log(odds)
    stale = (nats < NATS) & (after[:, None] - state.since[rows] > _LONGEST)
    far = ~stale & (less <= _NO_DIFFERENCE * null)
    risen = np.where(far, np.maximum(nats + people * slope + fixed, 0), 0)
    reach = np.where(far, (NATS - nats - fixed) / slope, -1)
    up = risen > 0
    state.seen[rows] = np.where(up, state.seen[rows] + people, 0)
    state.expected[rows] = np.where(up, state.expected[rows] + expected, 0)
    state.since[rows] = np.where(up, state.since[rows], after[:, None])
    state.nats[rows] = np.minimum(risen, _CAP)
    both = doubt + 1 / mean + forecast.spread[:, None]
    limit = _OUTLIER * np.sqrt(both)
    surprise = np.minimum(np.maximum(people / mean - 1, -limit), limit)
    gain = doubt / both
    state.drift[rows] = drift + gain * surprise
    state.doubt[rows] = (1 - gain) * doubt
    line: Floats = np.maximum(reach.max(axis=1), 0)
    return line


def spread_of(state: State, rows: Ints | slice, kind: Ints, hour: Ints, slots: int) -> Floats:
    """Give the spread of an interval: `slots` times that of its hour, for the intervals of an hour swing together."""
    each = np.arange(len(state.spread))[rows]
    spread: Floats = np.maximum(state.spread[each, kind, hour].astype(float), _SPREAD_FLOOR) * slots
    return spread


def smallest(state: State, rows: Ints, kind: Ints) -> Floats:
    """Give the smallest share lost that today would show by its end; infinite if not even a total loss would."""
    people = np.nan_to_num(state.plan[rows].astype(float)) * state.level[rows, None] + 1e-3
    spread = np.maximum(state.spread[rows, kind], _SPREAD_FLOOR) + state.free[rows, None]
    size = 1 / (spread + 0.5 / np.maximum(state.evidence[rows] * people, 1))
    best = np.zeros((len(rows), len(_SHARES)))
    for step in range(STEPS):
        less = people * _KEPT[step]
        slope = np.log(_KEPT[step] * (size + people) / (size + less))
        fixed = (size * np.log((size + people) / (size + less))).sum(axis=1)
        best = np.maximum(best, (people * slope).sum(axis=1)[:, None] * (1 - _SHARES) + fixed[:, None])
    shown = best >= NATS
    return np.where(shown.any(axis=1), _SHARES[shown.argmax(axis=1)], np.inf)
