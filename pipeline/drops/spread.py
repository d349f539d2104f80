"""How much a series swings: learnt from each finished hour, apart from the noise that small numbers have by nature.

Two things are learnt of the residual e = seen / expected - 1. Its variance beyond Poisson noise per hour of day is the
spread of a negative binomial. Its product with that of the hour before is free of counting noise and tells what swings
together (weather, a slow season): how free the level is. Where a few people make all the counts, hours tell too little
of that: until they do, whole days are asked, and until there are enough of these, a series is taken to swing a lot.
"""

from typing import Final

import numpy as np

from pipeline.drops.state import DAYS, Floats, Ints, State

RELAX_HOURS: Final = 90.0
"""How long the level's swing lasts."""
_SPREAD_RATE: Final = 0.03
_SPREAD_LIMITS: Final = (0.002, 0.6)
_SWING_DECAY: Final = 0.9993
_SWING_SHARE: Final = 0.6
"""Of the hour-to-hour covariance; the rest is over within hours."""
_SWING_LIMITS: Final = (1e-4, 1.0)
_SWING_PRIOR: Final = 100.0
"""Weight of the days' swing beside that of hours."""
_DAYS_SWING_PRIOR: Final = 0.3
_DAYS_PRIOR: Final = 50.0
"""Weight of that prior; a day of ten people weighs 44."""
_DAYS_SWING_LEAST: Final = 0.003


def within(values: Floats, least: float, most: float) -> Floats:
    """Limit values: what np.clip does, but quick on a few of them."""
    limited: Floats = np.minimum(np.maximum(values, least), most)
    return limited


def learn(state: State, rows: Ints, kind: Ints, seen: Floats, expected: Floats) -> None:
    """Learn from the finished hour of `rows`, whose `kind` is 1 at weekends."""
    hour = state.hour[rows] % 24
    least = np.maximum(expected, 0.5)
    residual = (seen - expected) / least
    old = state.spread[rows, kind, hour].astype(float)
    beyond = residual**2 - expected / least**2 - state.free[rows]
    step = np.minimum(np.maximum(beyond, -old), 6 * old + 4 / least) - old
    state.spread[rows, kind, hour] = within(old + _SPREAD_RATE * step, *_SPREAD_LIMITS)
    noise = 1 / np.maximum(expected, 0.2) + 0.02
    residual = within(residual, -0.7, 0.7)
    follows = state.before_hour[rows] == state.hour[rows] - 1
    weight = np.where(follows, 0.01 / (noise * state.before_noise[rows]), 0)
    together = state.swing[rows] * _SWING_DECAY + weight * residual * state.before[rows]
    total = state.swing_weight[rows] * _SWING_DECAY + weight
    state.swing[rows], state.swing_weight[rows] = together, total
    swing = (together + _SWING_PRIOR * state.days_swing[rows]) / (total + _SWING_PRIOR)
    state.free[rows] = within(_SWING_SHARE * swing, *_SWING_LIMITS)
    state.before[rows], state.before_noise[rows], state.before_hour[rows] = residual, noise, state.hour[rows]


def learn_days(state: State, rows: Ints) -> None:
    """Learn from the good days of `rows` how much days swing beyond Poisson noise."""
    have = np.arange(DAYS) < state.good_days[rows, None]
    seen, expected = np.where(have, state.ratio_seen[rows], 0), np.where(have, state.ratio_expected[rows], 0)
    usual = seen.sum(axis=1) / np.maximum(expected.sum(axis=1), 1e-9)
    due = np.maximum(expected.astype(float) * np.maximum(usual, 0.05)[:, None], 0.1)
    beyond = within(seen / due - 1, -1, 2) ** 2 - 1 / due
    weight = np.where(have, 1 / (1 / due + 0.05) ** 2, 0)
    told = (weight * beyond).sum(axis=1) + _DAYS_PRIOR * _DAYS_SWING_PRIOR
    state.days_swing[rows] = np.maximum(told / (weight.sum(axis=1) + _DAYS_PRIOR), _DAYS_SWING_LEAST)
