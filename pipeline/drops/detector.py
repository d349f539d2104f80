"""One series on its own: a bank of one row."""

from typing import Any

import numpy as np

from pipeline.drops.bank import DAY, HOUR, Bank
from pipeline.drops.state import LONG_AGO


class Detector:
    """Judges one series; timestamps are local wall-clock seconds, `holidays` day numbers (timestamp // 86400)."""

    def __init__(self, interval: int = HOUR, holidays: frozenset[int] | set[int] = frozenset()) -> None:
        self.bank = Bank(int(interval), 1)
        self.holidays = holidays

    def update(self, timestamp: float, count: float) -> float:
        """Judge one interval, given its start; returns the score, an alarm at 1.0 or more."""
        at = int(timestamp)
        holiday = np.array([at // DAY in self.holidays])
        return float(self.bank.step(np.array([at]), np.array([max(float(count), 0.0)]), holiday)[0])

    @property
    def event(self) -> dict[str, Any] | None:
        """The newest drop: `start`, `depth` (share lost) and `end` (None while it is open); None before the first."""
        state = self.bank.state
        if state.start[0] == LONG_AGO:
            return None
        end = None if state.end[0] == LONG_AGO else int(state.end[0])
        return {"start": int(state.start[0]), "depth": float(state.depth[0]), "end": end}


def make_detector(interval: int = HOUR, holidays: frozenset[int] | set[int] = frozenset()) -> Detector:
    """Make the detector of one series on a grid of `interval` seconds."""
    return Detector(interval, holidays)
