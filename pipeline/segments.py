"""Segments: (dimension, member) pairs of one source partition, numbered in the order in which they turn up."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np

from pipeline.acts import Ints

DIMENSIONS: Final = ("company", "region", "department", "manager", "community")
COMPANY, REGION, DEPARTMENT, MANAGER, COMMUNITY = range(5)
OF_PERSON: Final = (COMPANY, REGION, DEPARTMENT, MANAGER)
"""The dimensions in which everybody has exactly one member."""
HOURLY: Final = (MANAGER, COMMUNITY)
"""The dimensions that are published on the hour only."""

ALL: Final = "all"
UNKNOWN: Final = "unknown"


class Segments:
    """The numbering. Segment 0 is the whole company; 1, 2 and 3 are the `unknown` region, department and manager."""

    def __init__(self) -> None:
        self.dimension: list[int] = []
        self.member: list[str] = []
        self._of: dict[tuple[int, str], int] = {}
        self._numbers: tuple[list[int], ...] = tuple([] for _ in DIMENSIONS)
        """The segments of each dimension, ascending."""
        self.of(COMPANY, ALL)
        for dimension in (REGION, DEPARTMENT, MANAGER):
            self.of(dimension, UNKNOWN)

    def __len__(self) -> int:
        return len(self.member)

    def of(self, dimension: int, member: str | None) -> int:
        """Return the segment's number, giving it one if it is new; an absent or empty member is `unknown`."""
        pair = (dimension, member or UNKNOWN)
        segment = self._of.get(pair)
        if segment is None:
            segment = self._of[pair] = len(self.member)
            self._numbers[dimension].append(segment)
            self.dimension.append(dimension)
            self.member.append(pair[1])
        return segment

    def within(self, dimensions: Sequence[int]) -> Ints:
        """Return the segments of these dimensions, ascending."""
        size = len(self)  # a copy shares the lists with its original, which goes on growing
        numbers = [self._numbers[dimension] for dimension in dimensions]
        return np.sort(np.concatenate([np.array(known[: bisect_left(known, size)], np.int64) for known in numbers]))

    def restore(self, dimensions: list[int], members: list[str]) -> None:
        """Take over a whole numbering; an empty member is one that nobody asks for again."""
        self.dimension, self.member = dimensions, members
        pairs = enumerate(zip(dimensions, members, strict=True))
        self._of = {pair: segment for segment, pair in pairs if pair[1]}
        self._numbers = tuple([] for _ in DIMENSIONS)
        for segment, dimension in enumerate(dimensions):
            self._numbers[dimension].append(segment)
