"""Weeks of counts for the tests of drops: a working week's shape, thinned to a size, and a bank fed with them."""

from collections.abc import Iterator

import numpy as np

from pipeline.drops import Bank
from pipeline.drops.state import Bools, Floats, Ints

HOUR = 3_600
DAY = 24 * HOUR
MONDAY = 4 * DAY + 2_600 * 7 * DAY
"""A Monday's midnight."""


def rates(weeks: int, per_hour: float = 1.0) -> Floats:
    """Expected people per hour, `per_hour` in the middle of a working day, nearly none at night."""
    hour = np.arange(24)
    shape = 0.01 + np.exp(-(((hour - 12) / 3.5) ** 4))
    week: Floats = np.outer([1, 1.05, 1, 0.95, 0.85, 0.05, 0.04], shape).ravel()
    return np.tile(week * per_hour, weeks)


def crowd(weeks: int, sizes: list[float], seed: int = 1) -> Floats:
    """Counts (hours, series) of independent groups."""
    rng = np.random.default_rng(seed)
    counts: Floats = rng.poisson(rates(weeks)[:, None] * np.array(sizes)).astype(float)
    return counts


def feed(
    bank: Bank, counts: Floats, start: int = MONDAY, holidays: Bools | None = None
) -> Iterator[tuple[int, Floats]]:
    """Feed interval after interval; gives each one's start and scores."""
    for step, row in enumerate(counts):
        at = start + step * bank.interval
        yield at, bank.step(times(at, len(row)), row, None if holidays is None else holidays[step])


def run(bank: Bank, counts: Floats, start: int = MONDAY, holidays: Bools | None = None) -> Floats:
    """Feed everything; gives the scores (hours, series)."""
    return np.array([scores for _, scores in feed(bank, counts, start, holidays)])


def times(at: int, rows: int) -> Ints:
    return np.full(rows, at, np.int64)
