"""What a bank of detectors remembers: one array per thing, one row per series.

Here live the columns, their sizes and first values, and nothing that decides. Every array is kept in the precision it
is written down in, so that a bank read back from `dump` goes on as if it had never stopped, bit by bit. About 6 KB per
series on hours and 10 KB on five minutes.
"""

from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

WEEKS: Final = 12
"""Weeks of hours that are remembered."""
DAYS: Final = 20
"""Good days whose ratio to the profile makes the level."""
DEPTHS: Final = (0.4, 0.7, 0.99)
"""Shares lost that the ladder looks for."""
STEPS: Final = len(DEPTHS)
NATS: Final = 9.0
"""Evidence at which it is a drop."""
NO_COUNT: Final = 65535
LONG_AGO: Final = -(10**9)


def _of(dtype: Any, fill: float, *shape: int) -> dict[str, Any]:
    """Describe a column: what its rows are made of; -1 stands for the intervals in an hour."""
    return {"dtype": dtype, "fill": fill, "shape": shape}


@dataclass
class State:
    """The columns. `slots` is the number of intervals in an hour; times are local wall-clock seconds, read as UTC."""

    # the past: counts of hours (week in the ring, day of week, hour of day), coded by `profile.encode`
    hours: NDArray[np.uint16] = field(metadata=_of(np.uint16, NO_COUNT, WEEKS, 7, 24))
    days: NDArray[np.int32] = field(metadata=_of(np.int32, LONG_AGO, WEEKS, 7))
    people: Singles = field(metadata=_of(np.float32, 1, WEEKS, 7))
    """Which day each place of the ring holds, and the population on it."""
    ratio_seen: Singles = field(metadata=_of(np.float32, 0, DAYS))
    ratio_expected: Singles = field(metadata=_of(np.float32, 0, DAYS))
    good_days: NDArray[np.int32] = field(metadata=_of(np.int32, 0))
    fed_days: NDArray[np.int32] = field(metadata=_of(np.int32, 0))
    # today's forecast, per hour of day, for the population `planned_for`
    plan: Singles = field(metadata=_of(np.float32, np.nan, 24))
    evidence: Singles = field(metadata=_of(np.float32, 0, 24))
    planned_for: Floats = field(metadata=_of(np.float64, 1))
    population: Floats = field(metadata=_of(np.float64, 1))
    """The population the plan is for, and that of the last step."""
    level: Floats = field(metadata=_of(np.float64, 1))
    week: Floats = field(metadata=_of(np.float64, 0))
    """People expected in a week, about."""
    ready: Bools = field(metadata=_of(np.bool_, 0))
    smallest: Singles = field(metadata=_of(np.float32, np.inf))
    # the open day and hour
    day: Ints = field(metadata=_of(np.int64, LONG_AGO))
    hour: Ints = field(metadata=_of(np.int64, LONG_AGO))
    last: Ints = field(metadata=_of(np.int64, LONG_AGO))
    day_seen: Floats = field(metadata=_of(np.float64, 0))
    day_expected: Floats = field(metadata=_of(np.float64, 0))
    day_bad: Bools = field(metadata=_of(np.bool_, 0))
    hour_seen: Floats = field(metadata=_of(np.float64, 0))
    hour_expected: Floats = field(metadata=_of(np.float64, 0))
    hour_planned: Floats = field(metadata=_of(np.float64, 0))
    hour_fed: NDArray[np.int32] = field(metadata=_of(np.int32, 0))
    hour_bad: Bools = field(metadata=_of(np.bool_, 0))
    hour_holiday: Bools = field(metadata=_of(np.bool_, 0))
    # how much it swings: by itself per hour (workday or weekend, hour of day), and together with the hour before
    spread: Singles = field(metadata=_of(np.float32, 0.03, 2, 24))
    free: Floats = field(metadata=_of(np.float64, 0.003))
    """The variance of the level that follows from the two swings: of hours that follow one another, and of days."""
    swing: Floats = field(metadata=_of(np.float64, 0))
    swing_weight: Floats = field(metadata=_of(np.float64, 0))
    days_swing: Floats = field(metadata=_of(np.float64, 0.3))
    before: Floats = field(metadata=_of(np.float64, 0))
    before_noise: Floats = field(metadata=_of(np.float64, 1))
    before_hour: Ints = field(metadata=_of(np.int64, LONG_AGO))
    # within the hour: people seen per interval (workday or weekend, hour of day); only on grids finer than an hour
    fine: Singles = field(metadata=_of(np.float32, 0, 2, 24, -1))
    fine_now: Singles = field(metadata=_of(np.float32, 0, -1))
    # the ladder: column 0 is the null's level, the others those under each depth
    drift: Floats = field(metadata=_of(np.float64, 0, STEPS + 1))
    doubt: Floats = field(metadata=_of(np.float64, 0, STEPS + 1))
    nats: Floats = field(metadata=_of(np.float64, 0, STEPS))
    since: Ints = field(metadata=_of(np.int64, 0, STEPS))
    seen: Floats = field(metadata=_of(np.float64, 0, STEPS))
    expected: Floats = field(metadata=_of(np.float64, 0, STEPS))
    # the drop that is open or was the last
    open: Bools = field(metadata=_of(np.bool_, 0))
    start: Ints = field(metadata=_of(np.int64, LONG_AGO))
    end: Ints = field(metadata=_of(np.int64, LONG_AGO))
    depth: Floats = field(metadata=_of(np.float64, 0))
    lost: Floats = field(metadata=_of(np.float64, 0))
    # kin
    parent: NDArray[np.int32] = field(metadata=_of(np.int32, -1))
    family: NDArray[np.int32] = field(metadata=_of(np.int32, 0))
    others_seen: Floats = field(metadata=_of(np.float64, 0))
    others_expected: Floats = field(metadata=_of(np.float64, 0))
    follows: Floats = field(metadata=_of(np.float64, 1.6))
    follows_weight: Floats = field(metadata=_of(np.float64, 2))

    @classmethod
    def empty(cls, rows: int, slots: int) -> Self:
        """Make `rows` series that know nothing."""
        made = {}
        for column in fields(cls):
            shape = [(slots if slots > 1 else 0) if size == -1 else size for size in column.metadata["shape"]]
            made[column.name] = np.full((rows, *shape), column.metadata["fill"], column.metadata["dtype"])
        return cls(**made)

    def dump(self) -> dict[str, NDArray[Any]]:
        """Give the columns by name; they are not copied."""
        return {column.name: getattr(self, column.name) for column in fields(self)}

    def take(self, rows: Ints) -> Self:
        """Copy these rows, in this order; parents keep their old numbers."""
        return type(self)(**{name: column[rows] for name, column in self.dump().items()})

    def join(self, more: Self) -> Self:
        """Put the rows of another behind these."""
        there = more.dump()
        return type(self)(**{name: np.concatenate([column, there[name]]) for name, column in self.dump().items()})
