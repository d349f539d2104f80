"""When each source was heard of in one source partition, and so whether the partition's steps are fed.

A step is fed unless a source was silent (see sources.py) during it. What a source sends counts by its own time, but is
known no earlier than it was read, so that a step's answer does not change when it is asked for again after a crash:

    in time   known in the step of its time
    late      known in the first step that was still to close when it came, as in the windows

A source that was silent for a week is taken for one that is no more. Sources that talk only to other partitions are
not known here. Times are ms.
"""

from typing import Final, NamedTuple

import numpy as np

from pipeline.acts import Ints
from pipeline.sources import LONGEST_NAME, OTHER, REMEMBERED, Source
from pipeline.windows import DAY_MS, MINUTE_MS

GONE_MS: Final = 7 * DAY_MS


class Sound(NamedTuple):
    """What was heard of a source within a minute and known in one step."""

    number: int
    beats: bool
    first_ms: int
    newest_ms: int
    events: int


class Hearing:
    """The sources by number, and what waits for its step to close."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.sources: dict[int, Source] = {}
        """Those of which something was read in a step that closed."""
        self.waiting: dict[int, list[Sound]] = {}
        self._number: dict[str, int] = {}

    def number(self, name: str) -> int:
        """Return the number of a source, giving it one if it is new; when there are too many, that of `other`."""
        name = name[:LONGEST_NAME]
        found = self._number.get(name)
        if found is None and len(self.names) >= REMEMBERED:
            name = OTHER
            found = self._number.get(name)
        if found is None:
            found = self._number[name] = len(self.names)
            self.names.append(name)
        return found

    def hear(self, source: Ints, time: Ints, step: Ints) -> None:
        """Note what was applied: as in `Acts.source`, event times, and the step in which each is known."""
        if not len(time):
            return
        # minutes and steps end at their name: what is at 8:05 is of (8:04, 8:05]
        keys = np.stack([step, -(-time // MINUTE_MS), source])
        order = np.lexsort(keys[::-1])
        starts = np.flatnonzero(np.append(True, (np.diff(keys[:, order]) != 0).any(axis=0)))
        first, newest = np.minimum.reduceat(time[order], starts), np.maximum.reduceat(time[order], starts)
        many = np.diff(np.append(starts, len(time)))
        found = order[starts]
        columns = (step[found], source[found], first, newest, many)
        for at, code, early, late, events in zip(*(column.tolist() for column in columns), strict=True):
            beats = code % 2 == 1
            self.waiting.setdefault(at, []).append(Sound(code // 2, beats, early, late, 0 if beats else events))

    def close(self, at: int, step_ms: int) -> int | None:
        """Close the step that ends at `at`: return since when a source was silent during it, None if it is fed."""
        due = [sound for step in sorted(self.waiting) if step <= at for sound in self.waiting.pop(step)]
        silent = [self._hear(sound, at - step_ms) for sound in sorted(due, key=lambda sound: sound.first_ms)]
        silent += [_silent(source, at, at - step_ms) for source in self.sources.values()]
        return min((since for since in silent if since is not None), default=None)

    def _hear(self, sound: Sound, begin: int) -> int | None:
        """Hear of a source; return since when it had been silent, if that lasted into the step."""
        source = self.sources.setdefault(sound.number, Source(sound.first_ms, sound.first_ms))
        since = _silent(source, sound.first_ms, begin)
        source.hear(sound.newest_ms, sound.events, int(sound.beats))
        return since


def _silent(source: Source, now: int, begin: int) -> int | None:
    """Return since when a source is silent now; None if it is not, or `now` lies before the step, or it is gone."""
    if not begin < now < source.newest_ms + GONE_MS or not source.is_silent(now):
        return None
    return source.newest_ms
