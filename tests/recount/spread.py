"""Who ever used the network, and on which day each segment reached 10, 25 and 50 % of its enabled people.

Rules: looks at the shares of earlier days only through what `Spread` keeps.
"""

from datetime import date

from tests.recount.rows import SegmentKey, SpreadRow
from tests.recount.standing import Segments, share
from tests.recount.steps import Segment

MARKS = (0.10, 0.25, 0.50)


class Spread:
    """Rows of `spread`, day after day."""

    def __init__(self) -> None:
        self.rows: dict[SegmentKey, SpreadRow] = {}
        self.reached: dict[tuple[Segment, float], date] = {}  # the first day

    def close(self, day: date, segments: Segments) -> None:
        """Write the rows of a day. A day on which a segment has no row is none on which it reaches anything."""
        used = {segment: sum(p.ever_used for p in people) for segment, people in segments.items()}
        for segment, people in segments.items():
            for mark in MARKS:
                if share(used[segment], len(people)) >= mark:
                    self.reached.setdefault((segment, mark), day)
        for segment, people in segments.items():
            self.rows[SegmentKey(day, *segment)] = SpreadRow(
                enabled=len(people),
                ever_used=used[segment],
                share=share(used[segment], len(people)),
                reached_10=self.reached.get((segment, 0.10)),
                reached_25=self.reached.get((segment, 0.25)),
                reached_50=self.reached.get((segment, 0.50)),
                position=self.position(segment, segments),
            )

    def position(self, segment: Segment, segments: Segments) -> int | None:
        """One more than the segments of the dimension that have a row now and reached 10 % earlier."""
        own = self.reached.get((segment, 0.10))
        if own is None:
            return None
        others = [self.reached.get((other, 0.10)) for other in segments if other[0] == segment[0]]
        return 1 + sum(day < own for day in others if day is not None)
