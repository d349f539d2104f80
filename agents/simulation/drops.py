"""Drops of chosen depth, length and segment: a share of the segment's people falls silent for a while.

People, not events, because distinct people are what is judged. The silent ones are spread evenly over eager and lazy
people of every member, so that people and events both sink by about the depth.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np

from agents.errors import Usage
from agents.simulation.changes import Changes
from agents.simulation.dice import Dice, Ints, Mask
from agents.simulation.people import Staff

DIMENSIONS: Final = ("company", "region", "department", "manager", "community")
EXAMPLE: Final = "department=Sales,depth=0.8,start=2026-03-05T08:00Z,hours=24"


def moment(text: str) -> int:
    """Read an RFC 3339 time with a zone, seconds optional; return ms."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise Usage(f"{text!r} is not a time with a zone; write it like 2026-03-02T08:00Z")
    return round(read.timestamp() * 1000)


@dataclass(frozen=True)
class Drop:
    """`depth` (0 to 1) of a segment's people are silent from `start_ms` on for `hours`."""

    dimension: str
    member: str
    depth: float
    start_ms: int
    hours: float

    @classmethod
    def parse(cls, text: str) -> "Drop":
        """Read `department=Sales,depth=0.8,start=2026-03-05T08:00Z,hours=24`."""
        parts = dict(re.findall(r"(?:^|,)\s*(\w+)=([^=]*?)(?=,\s*\w+=|$)", text))
        segment = [name for name in parts if name in DIMENSIONS]
        if len(segment) != 1 or set(parts) != {segment[0], "depth", "start", "hours"}:
            raise Usage(f"cannot read the drop {text!r}; write it like {EXAMPLE}")
        try:
            depth, hours = float(parts["depth"]), float(parts["hours"])
        except ValueError:
            depth = hours = -1.0
        if not (0 <= depth <= 1 and 0 < hours < float("inf")):
            raise Usage(f"in the drop {text!r} depth must lie between 0 and 1 and hours above 0")
        return cls(segment[0], parts[segment[0]], depth, moment(parts["start"]), hours)

    @property
    def end_ms(self) -> int:
        """Return the first moment after the drop."""
        return self.start_ms + round(self.hours * 3_600_000)


class Silence:
    """Says who does not appear because of the drops."""

    def __init__(
        self, seed: int, drops: tuple[Drop, ...], staff: Staff, changes: Changes, communities: tuple[str, ...]
    ) -> None:
        self._staff, self._changes, self._communities = staff, changes, communities
        self._drops = [(drop, self._code(drop), self._silent(seed, number, drop)) for number, drop in enumerate(drops)]

    def covers(self, actor: Ints, time: Ints, community: list[str], bucket: Ints | None = None) -> Mask:
        """Tell which acts are missing; without buckets (logins) no community's drop counts."""
        missing = np.zeros(len(actor), dtype=np.bool_)
        for drop, code, silent in self._drops:
            rows = np.flatnonzero((time >= drop.start_ms) & (time < drop.end_ms) & silent[actor])
            if not len(rows):
                continue
            if drop.dimension == "community":
                if bucket is not None and drop.member in community:
                    missing[rows] |= bucket[rows] == community.index(drop.member)
            else:
                missing[rows] |= self._of(drop.dimension, actor[rows], time[rows]) == code
        return missing

    def _of(self, dimension: str, actor: Ints, time: Ints) -> Ints:
        """Return the code of each actor's member of a dimension at that time."""
        if dimension == "department":
            return self._changes.department(self._staff, actor, time)
        if dimension == "manager":
            return self._changes.manager(self._staff, actor, time)
        return self._staff.region[actor] if dimension == "region" else np.zeros_like(actor)

    def _code(self, drop: Drop) -> int:
        """Find the member's code; a member that cannot exist is a wrong call."""
        members = {
            "company": ["all"],
            "region": [region.name for region in self._staff.regions],
            "department": list(self._staff.departments),
            "manager": self._staff.ids,
            "community": list(self._communities),
        }[drop.dimension]
        if drop.member == "unknown" and drop.dimension in ("region", "department", "manager"):
            return -1
        if drop.member not in members:
            known = ", ".join(members[:8])
            raise Usage(f"there is no {drop.dimension} {drop.member!r} to drop; there are {known}")
        return members.index(drop.member)

    def _silent(self, seed: int, number: int, drop: Drop) -> Mask:
        """Choose the share of people, evenly along their eagerness within each member of the dimension."""
        total = len(self._staff.ids)
        first = np.zeros(total, dtype=np.int64)
        everybody = np.arange(total)
        order = np.lexsort((self._staff.weight, self._of(drop.dimension, everybody, first)))
        offset = Dice(seed, f"drop {number}").below(1000, 1) / 1000
        steps = np.floor(offset + np.arange(total + 1) * drop.depth)
        silent = np.zeros(total, dtype=np.bool_)
        silent[order] = np.diff(steps) > 0
        return silent
