"""A recorded period -> the drops that would have been alarmed, found by the judge that a worker runs.

Rules: hours are handed to `pipeline.judge` as the records of `esn.pulse` that a worker would publish; what a drop is,
is decided there. Here it is kept what was expected, hour by hour, so that it can be shown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.drops.withheld import Withheld
from pipeline import pulse
from pipeline.acts import MEASURES
from pipeline.calendars import Calendar
from pipeline.judge import Judge
from pipeline.partition import Partition, StepCounts
from pipeline.pulse_book import Key
from pipeline.segments import DIMENSIONS, MANAGER, REGION
from pipeline.windows import WINDOWS
from schemas.drops import Drop

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
HOUR: Final = 3600
_W1H: Final = WINDOWS.index("1h")


class Hour(NamedTuple):
    """What an hour brought; `row` says where a series is in `expected` and `low`."""

    people: Mapping[Key, int]
    row: Mapping[Key, int]
    expected: Singles
    low: Singles


@dataclass
class History:
    """A period that was judged."""

    at: list[int] = field(default_factory=list)
    """Ends of the hours, unix seconds; an empty gap of more than 28 days is left out."""
    drops: dict[str, Drop] = field(default_factory=dict)
    """By id, in the order in which they were found, as they were in the end."""
    enabled: dict[str, int] = field(default_factory=dict)
    """Enabled people per region in the last hour."""
    withheld: dict[str, Drop] = field(default_factory=dict)
    """What would have been alarmed on free days; ends are not known."""
    learning: int = 0
    """Segments that could not be judged by the end."""
    segment_hours: int = 0
    learning_hours: int = 0
    """Hours of all segments, and those of them in which a segment could not be judged."""
    hours: list[Hour] = field(default_factory=list)

    def of(self, key: Key) -> tuple[Floats, Floats, Floats]:
        """Return a series, (hours,) each: people, those expected, and the alarm line; NaN where nothing was judged."""
        people = np.array([hour.people.get(key, 0) for hour in self.hours], float)
        judged = [(hour, hour.row.get(key)) for hour in self.hours]
        expected = np.array([np.nan if row is None else hour.expected[row] for hour, row in judged], float)
        low = np.array([np.nan if row is None else hour.low[row] for hour, row in judged], float)
        return people, expected, low


def judge(state: Partition, steps: Iterable[StepCounts], calendar: Calendar) -> History:
    """Judge hours as they close; `state` is the partition whose hours they are."""
    judging, history = Judge(HOUR, calendar), History()
    withheld = Withheld(judging)
    history.withheld = withheld.drops
    for step in steps:
        judging.book.hear(pulse.records(state, [step], epoch=1))
        before = judging.outlook
        for drop in judging.judge():
            first = history.drops.get(drop.drop_id, drop)  # one that opens anew was found when it was first
            history.drops[drop.drop_id] = msgspec.structs.replace(drop, detected_at=first.detected_at)
        now = judging.outlook
        judged = now is not before
        history.at.append(step.at // 1000)
        expected, low = now.expected.astype(np.float32), now.low.astype(np.float32)
        history.hours.append(Hour(_people(state, step), now.row if judged else {}, expected, low))
        history.enabled = _enabled(state, step)
        history.learning = now.learning
        history.segment_hours += now.segments
        history.learning_hours += now.learning
        if judged:
            withheld.look(step.at // 1000, calendar.weighed(history.enabled))
    return history


def region_of(dimension: str, member: str) -> str | None:
    """Return the region whose calendar holds for a segment; None: the company's does."""
    return member if dimension == DIMENSIONS[REGION] else None


def _people(state: Partition, step: StepCounts) -> dict[Key, int]:
    dimension, member = state.segments.dimension, state.segments.member
    return {
        (DIMENSIONS[dimension[segment]], member[segment], MEASURES[measure]): people
        for segment, measure, people in zip(
            step.segment.tolist(), step.measure.tolist(), step.windows[:, _W1H].tolist(), strict=True
        )
        if people and dimension[segment] != MANAGER
    }


def _enabled(state: Partition, step: StepCounts) -> dict[str, int]:
    return {
        state.segments.member[segment]: enabled
        for segment, enabled in zip(step.segment.tolist(), step.enabled.tolist(), strict=True)
        if state.segments.dimension[segment] == REGION
    }
