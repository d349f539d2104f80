"""Who explains what: a child is judged against what its parent without it does, a parent without what children explain.

Weather, a bridge day or a summer show in the others too: the child's expectation follows their ratio of seen to
expected, as far as it did so in the past. A child that drops by itself is left out of its parent, which then has
nothing left to explain. There is one level of parents: a parent has none itself.
"""

from typing import Final

import numpy as np

from pipeline.drops.state import NATS, Bools, Floats, Ints, State

_MEMORY_HOURS: Final = 2.0
_PRIOR: Final = 10.0
_SPREAD: Final = 0.01
_SUDDEN: Final = 4.0
_SUDDEN_WEIGHT: Final = 10.0
_FOLLOWS_LIMITS: Final = (0.0, 1.2)
_LEAST_FACTOR: Final = 0.002
_FOLLOWS_DECAY: Final = 0.9995
_MOST_SUSPECTS: Final = 0.5


def suspects(state: State, seen: Floats, expected: Floats, judged: Bools) -> Bools:
    """Say which children are to be left out of their parent, for they may be dropping by themselves.

    Of each parent those of the family that misses most; none where they are more than half of it: that is its own drop.
    """
    out: Bools = (state.parent >= 0) & judged & (state.nats.max(axis=1) >= NATS / 2)
    found = np.flatnonzero(out)
    if not len(found):
        return out
    families, family = np.unique(state.family[found], return_inverse=True)
    cell = state.parent[found] * len(families) + family
    cells = len(out) * len(families)
    gone = np.bincount(cell, expected[found] - seen[found], cells).reshape(len(out), -1).argmax(axis=1)
    share = np.bincount(cell, expected[found], cells)[cell]
    parent = state.parent[found]
    out[found] = (gone[parent] == family) & (share <= _MOST_SUSPECTS * expected[parent])
    return out


def without(state: State, people: Floats, left_out: Bools) -> Floats:
    """Give the people of each series less those of its children that are left out."""
    rows = np.flatnonzero(left_out)
    others: Floats = np.maximum(people - np.bincount(state.parent[rows], people[rows], len(people)), 0)
    return others


def rest(state: State, seen: Floats, expected: Floats, judged: Bools) -> Floats:
    """Give the people of each parent as they would be if the suspects among its children did as the rest."""
    left_out = suspects(state, seen, expected, judged)
    return without(state, seen, left_out) * expected / np.maximum(without(state, expected, left_out), 1e-9)


def common(state: State, rows: Ints, seen: Floats, expected: Floats, judged: Bools, hours: Floats) -> Floats:
    """Give the factor by which the others of each of `rows`, all children, differ from what was expected of them."""
    parent = state.parent[rows]
    left_out = suspects(state, seen, expected, judged)
    counted = ~left_out[rows]
    came = np.maximum(without(state, seen, left_out)[parent] - seen[rows] * counted, 0)
    due = np.maximum(without(state, expected, left_out)[parent] - expected[rows] * counted, 0)
    known = judged[parent] & (due > 0)
    keep = np.exp(-hours[rows] / _MEMORY_HOURS)
    before, before_due = state.others_seen[rows] * keep, state.others_expected[rows] * keep
    mean = due * _ratio(before, before_due)
    sudden = np.abs(came - mean) > _SUDDEN * np.sqrt(mean + _SPREAD * mean**2 + 1)
    after = np.where(sudden, _SUDDEN_WEIGHT * came, before + came)
    after_due = np.where(sudden, _SUDDEN_WEIGHT * due, before_due + due)
    state.others_seen[rows] = after = np.where(known, after, before)
    state.others_expected[rows] = after_due = np.where(known, after_due, before_due)
    return _ratio(after, after_due)


def _ratio(seen: Floats, expected: Floats) -> Floats:
    return (seen + _PRIOR) / (expected + _PRIOR)


def follow(state: State, rows: Ints, factor: Floats) -> Floats:
    """Give the factor for the children `rows`: as much of the others' as they have followed so far."""
    share = np.clip(state.follows[rows] / state.follows_weight[rows], *_FOLLOWS_LIMITS)
    share += (1 - share) * np.maximum(1 - factor, 0)  # nobody is exempt from what takes almost all
    return np.maximum(factor**share, _LEAST_FACTOR)


def learn(state: State, rows: Ints, seen: Floats, expected: Floats, factor: Floats) -> None:
    """Learn how far `rows` follow their others: a regression of the one ratio on the other, through no change."""
    weight = 1 / (1 / np.maximum(expected, 1e-3) + 0.05)
    other = np.clip(factor - 1, -1, 1)
    ratio = np.clip(seen / np.maximum(expected, 1e-3) - 1, -1, 1)
    state.follows[rows] = state.follows[rows] * _FOLLOWS_DECAY + weight * other * ratio
    state.follows_weight[rows] = state.follows_weight[rows] * _FOLLOWS_DECAY + weight * other**2
