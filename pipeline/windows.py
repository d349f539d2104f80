"""A window is a query over a column of last times: no expiry, no increments that could drift.

Windows end at `at` and are half-open, (at - W, at]: somebody is in one if their last time of that measure lies in it.
That is exact as long as the columns hold nothing later than `at`, which the closing in order sees to.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.acts import Bools, Ints

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS

WINDOWS: Final = ("5m", "1h", "24h", "7d", "28d")
WINDOWS_MS: Final = np.array([5 * MINUTE_MS, HOUR_MS, DAY_MS, 7 * DAY_MS, 28 * DAY_MS], np.int64)
LONGEST_MS: Final = 28 * DAY_MS
W7D: Final = WINDOWS.index("7d")
_AGES: Final = len(WINDOWS)


def count(last: Ints, at: int, places: Sequence[Ints], size: int, counted: Bools, enabled: Bools) -> tuple[Ints, Ints]:
    """Count people per measure, segment and window.

    `last` (measures, n) ms; `places` one (n,) per dimension: everybody's segment, as a number below `size`; `counted`
    (n,) who counts; `enabled` (n,) who is in the segment's enabled.
    Returns people (measures, size, windows), and those of them in the 7-day window who are enabled (measures, size).
    Times after `at` count as if they were at it.
    """
    people = np.empty((len(last), size, _AGES), np.int64)
    adopted = np.empty((len(last), size), np.int64)
    for row, times in enumerate(last):
        live = np.flatnonzero(counted & (times > at - LONGEST_MS))
        # age k: in the windows k and longer; the enabled have ages of their own
        age = (times.take(live) <= at - WINDOWS_MS[:-1, None]).sum(axis=0, dtype=np.uint8)
        age += enabled.take(live).view(np.uint8) * np.uint8(_AGES)
        table = np.zeros(size * 2 * _AGES, np.int64)
        for place in places:
            table += np.bincount(place.take(live) * (2 * _AGES) + age, minlength=len(table))
        others, in_enabled = table.reshape(size, 2, _AGES).swapaxes(0, 1)
        people[row] = (others + in_enabled).cumsum(axis=1)
        adopted[row] = in_enabled[:, : W7D + 1].sum(axis=1)
    return people, adopted
