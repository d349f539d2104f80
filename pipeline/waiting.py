"""What waits in its step until that step closes: updates of last times, to be folded into columns in order."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from pipeline.acts import Ints


class Updates(NamedTuple):
    """Columns of equal length: at step `step` (ms), `column[row, slot]` becomes at least `time` (ms)."""

    step: Ints
    row: Ints
    slot: Ints
    time: Ints


_NONE: Final = Updates(*([np.empty(0, np.int64)] * 4))


class Waiting:
    """Updates by step."""

    def __init__(self) -> None:
        self.parts: list[Updates] = []

    def add(self, step: Ints, row: int, slot: Ints, time: Ints) -> None:
        """Let updates of one row wait for their steps."""
        if len(step):
            self.parts.append(Updates(step, np.full(len(step), row), slot, time))

    def __len__(self) -> int:
        return sum(len(part.step) for part in self.parts)

    def first_step(self) -> int | None:
        """Return the earliest step for which something waits."""
        return min((int(part.step.min()) for part in self.parts), default=None)

    def forget(self, slots: Ints) -> None:
        """Drop the updates of these slots."""
        self.parts = [Updates(*(column[~np.isin(part.slot, slots)] for column in part)) for part in self.parts]
        self.parts = [part for part in self.parts if len(part.step)]

    def due(self, last_step: int) -> Updates:
        """Take out everything up to and including `last_step`, ordered by step."""
        if not self.parts:
            return _NONE
        joined = Updates(*(np.concatenate(columns) for columns in zip(*self.parts, strict=True)))
        order = np.argsort(joined.step, kind="stable")
        joined = Updates(*(column[order] for column in joined))
        cut = int(np.searchsorted(joined.step, last_step, side="right"))
        self.parts = [Updates(*(column[cut:] for column in joined))] if cut < len(order) else []
        return Updates(*(column[:cut] for column in joined))


def by_step(updates: Updates, steps: Ints) -> Iterator[Updates]:
    """Cut ordered updates: one part for each of `steps`, with what is not after it."""
    start = 0
    for end in np.searchsorted(updates.step, steps, side="right").tolist():
        yield Updates(*(column[start:end] for column in updates))
        start = end


def fold(columns: Ints, updates: Updates) -> None:
    """Fold updates into (rows, n) columns."""
    if len(updates.step):
        np.maximum.at(columns, (updates.row, updates.slot), updates.time)
