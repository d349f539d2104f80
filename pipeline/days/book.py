"""All that is known per local day of one source partition, in its order: acts are seen, steps and days close.

    see       acts of somebody, with the watermark before each
    step      a step closes: what its acts and the directory changed is told
    close     a day closes, once all steps up to its end did: it is counted, but for who is aware
    settle    every source partition has closed a day: who is aware, and who moved

Whom an act names concerns other source partitions: `told` holds what they are to be told, `hear` takes what they say.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Final

import numpy as np
from xxhash import xxh3_64_intdigest

from pipeline.acts import NEVER, Acts, Ints
from pipeline.communities import Pairs
from pipeline.days import journey, tally, transitions
from pipeline.days.journey import Pending
from pipeline.days.local import LocalDays
from pipeline.days.record import LAST, NO_DAY, NOT_ENABLED, Record
from pipeline.days.transitions import Transition
from pipeline.days.what import CODE, DayCounts
from pipeline.people import ABSENT, People
from pipeline.segments import MANAGER, OF_PERSON
from pipeline.waiting import Updates
from pipeline.windows import DAY_MS, LONGEST_MS

_QUIET_MS: Final = LONGEST_MS + 2 * DAY_MS
"""In a jump of the record, days that end so much later than it began are skipped: by then everybody is dormant."""
MOST_STRANGERS: Final = 200_000
"""Names that are remembered though nobody has them: the directory may list them later."""


class Days:
    """The state; `partitions` is how many source partitions there are."""

    def __init__(self, partitions: int, zone: tzinfo = UTC) -> None:
        self.partitions = partitions
        self.local = LocalDays(zone)
        self.record = Record(self.local)
        self.closed: int = NO_DAY
        """The day that closed last."""
        self.happened: Counter[tuple[int, int]] = Counter()
        """(what, segment) -> people, of the open day."""
        self.pending: list[Pending] = []
        self.closed_by: dict[int, int] = {}
        """Source partition -> the day that closed last there, as it told us."""
        self.strangers: dict[int, int] = {}
        """Digest of a name that nobody has -> from which day on it is known that somebody named it."""
        self.told: list[tuple[str, int]] = []
        """To be told to others: (name, from which day on it is known that somebody named it); `""` for all source
        partitions: this day has closed here."""
        self.jumps: list[tuple[int, int]] = []
        """(from, to) ms: days that end in between are skipped."""
        self._told_names: set[tuple[str, int]] = set()
        self._directory = -1

    # -- seeing

    def see(self, acts: Acts, watermark: Ints, named: Sequence[tuple[int, Sequence[str]]]) -> None:
        """Take acts of somebody; `named`: (place among the acts, whom it names)."""
        known = self.record.see(acts, watermark)
        for place, names in named:
            day = int(known[place])
            for name in names:
                if (name, day) not in self._told_names:
                    self._told_names.add((name, day))
                    self.told.append((name, day))

    def note_jump(self, before: int, to: int) -> None:
        """Remember that the watermark went from `before` + lateness to `to` at once."""
        self.jumps.append((before + _QUIET_MS, to))

    def hear(self, name: str, day: int, slot: int | None) -> None:
        """Take from a source partition that somebody named a person, whose slot is None if nobody has that name."""
        if slot is not None:
            self.record.named_from[slot] = min(day, int(self.record.named_from[slot]))
            return
        digest = xxh3_64_intdigest(name.encode())
        self.strangers[digest] = min(day, self.strangers.get(digest, LAST))
        if len(self.strangers) > MOST_STRANGERS:
            del self.strangers[next(iter(self.strangers))]

    def hear_closing(self, source_partition: int, day: int) -> None:
        """Take from a source partition that a day has closed there: it names nobody any more that is known by then."""
        self.closed_by[source_partition] = max(day, self.closed_by.get(source_partition, NO_DAY))

    def fit(self, slots: int) -> None:
        """Have room for so many slots; to be called before any of them is used."""
        self.record.fit(slots)

    def release(self, name: str, slot: int) -> None:
        """Let go of the slot of somebody who is not forgotten."""
        named = int(self.record.named_from[slot])
        self.record.forget(slot)
        if named < LAST:
            self.hear(name, named, None)

    def start(self, name: str, slot: int) -> None:
        """Take note that somebody has a slot now who had none."""
        day = self.strangers.pop(xxh3_64_intdigest(name.encode()), LAST) if self.strangers else LAST
        self.record.named_from[slot] = min(day, int(self.record.named_from[slot]))

    def forget(self, name: str, slot: int | None) -> None:
        """Forget somebody, whose slot is None if they had none."""
        self.strangers.pop(xxh3_64_intdigest(name.encode()), None)
        if slot is not None:
            named = int(self.record.named_from[slot])
            self.pending = [journey.forget(day, slot, named) for day in self.pending]
            self.record.forget(slot)

    # -- closing

    @property
    def end(self) -> int:
        """When the open day ends, ms; after all times before the first one."""
        open_ = self.record.open
        return -NEVER if open_ == NO_DAY else self.local.start(open_ + 1)

    def step(self, at: int, acts: Updates, people: People) -> list[Transition]:
        """Close a step, before its acts are folded into `people.closed`."""
        told = list(transitions.of_step(at, acts, people)) if len(acts.step) else []
        if self._directory != people.listing_version:
            told += transitions.of_directory(at, people, self.record)
            self._directory = people.listing_version
        self._count(told, people)
        return told

    def is_skipped(self, end: int) -> bool:
        """Say whether a day that ends then lies in a jump of the record."""
        self.jumps = [jump for jump in self.jumps if jump[1] > end]
        return any(start < end for start, _ in self.jumps)

    def skip(self) -> None:
        """Pass over the open day."""
        self.record.skip(self.record.open + 1)
        self.record.pass_missing()

    def close(self, people: People, pairs: Pairs) -> tuple[DayCounts, list[Transition]]:
        """Close the open day, whose steps are all closed."""
        record, end = self.record, self.end
        before, day = self.closed, record.close()
        self.closed = day
        told = list(transitions.of_day(day, end, people, record))
        self._count(told, people)
        stage: Ints = journey.stages(record).astype(np.int64)
        of = tally.members(people, pairs)
        counts = tally.count(day, of, people, record, stage)
        self.pending.append(journey.pending(day, before, record.stage.astype(np.int64), stage, *of))
        enabled = people.enabled[: len(stage)]
        record.stage = np.where(enabled, stage, NOT_ENABLED).astype(np.uint8)
        record.pass_missing()
        self.told.append(("", day))
        self._told_names.clear()
        return self._with_happened(counts), told

    def reports(self, people: People) -> Ints:
        """Return the slots of listed people whose manager is another than when this was last asked."""
        many = len(people.name)
        manager, known = people.segment[MANAGER, :many], self.record.manager_told[:many]
        changed = np.flatnonzero((people.kind[:many] != ABSENT) & (manager != known))
        known[changed] = manager[changed]
        return changed

    def _count(self, told: Sequence[Transition], people: People) -> None:
        for one in told:
            for segment in people.segment[: len(OF_PERSON), one.slot].tolist():
                self.happened[CODE[one.kind], segment] += 1

    def _with_happened(self, counts: DayCounts) -> DayCounts:
        keys = np.array(sorted(self.happened), np.int64).reshape(-1, 2)
        many = np.array([self.happened[what, segment] for what, segment in keys.tolist()], np.int64)
        self.happened.clear()
        more = (keys[:, 0], keys[:, 1], np.zeros(len(keys), np.int64), many)
        return DayCounts(counts.day, *map(np.append, counts[1:], more))

    def can_settle(self) -> bool:
        """Say whether every source partition has closed the oldest day that waits."""
        return bool(self.pending) and all(
            self.closed_by.get(number, NO_DAY) >= self.pending[0].day for number in range(self.partitions)
        )

    def settle(self) -> DayCounts:
        """Return the rest of that day's counts."""
        return journey.settle(self.pending.pop(0), self.record.named_from)
