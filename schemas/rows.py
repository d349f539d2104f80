"""What is written to ClickHouse: one frozen type per table, a batch of rows held as columns.

Rules
- A field is a column, all columns of a batch equally long: an array, or a list where rows are few. Strings that come
  again and again are `Names`; a masked entry of an array is NULL. Fields are in the order of the table's columns.
- Columns are not changed once they are in a batch, for it may wait to be written.
- The table's last column, `written_at`, is not here: ClickHouse fills it in, and rows age by it.
- A row holds absolute values and replaces the one with the same key and a smaller `version`: writing twice is
  harmless. Of refused messages, which have no version, the row written last stays.
- Times are whole numbers, UTC: seconds where the field says s, milliseconds where it says ms.
- Yes and no are bool (or 0 and 1).

    type          table               key
    ActivePeople  active_people_rows  at, dimension, member, measure, source_partition
    Activity      activity_rows       minute, dimension, member, verb, object_kind, client, late,
                                        source_partition
    People        people_rows         person
    Daily         daily_rows          dimension, member, what, day, n, source_partition
    Managers      managers_rows       person, day
    Rejects       rejects_rows        topic, partition, offset
    Drops         drops_rows          drop_id
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """A column of strings: row i is `names[codes[i]]`. A name may be unused, or there twice."""

    names: Sequence[str]
    codes: NDArray[np.integer[Any]]

    @classmethod
    def joined(cls, parts: "Iterable[Names]") -> "Names":
        """Return the rows of all parts, in order; a list of names that several parts share is taken once."""
        names: list[str] = []
        start: dict[int, int] = {}
        codes = []
        for part in parts:
            if id(part.names) not in start:
                start[id(part.names)] = len(names)
                names += part.names
            codes.append(part.codes + start[id(part.names)])
        return cls(names, np.concatenate(codes))

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice) -> "Names":
        return Names(self.names, self.codes[rows])

    def tolist(self) -> list[str]:
        """Return the strings, one per row."""
        return [self.names[code] for code in self.codes.tolist()]


Numbers = Sequence[int | None] | NDArray[Any]
Strings = Sequence[str] | Names


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one table."""

    TABLE: ClassVar[str]

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the columns' names in order."""
        return tuple(field.name for field in fields(cls))

    @classmethod
    def joined(cls, batches: Iterable[Self]) -> Self:
        """Return the rows of all `batches`, whose columns are of the same kind, in order, in columns of its own."""
        parts = list(batches)
        return cls(*(_joined([getattr(part, name) for part in parts]) for name in cls.names()))

    def columns(self) -> list[Any]:
        """Return the columns in order; they are the batch's own."""
        return [getattr(self, name) for name in self.names()]

    def __len__(self) -> int:
        return len(self.columns()[0])


def _joined(parts: list[Any]) -> Any:
    match parts:
        case [Names(), *_]:
            return Names.joined(parts)
        case [np.ma.MaskedArray(), *_]:
            return np.ma.concatenate(parts)  # type: ignore[no-untyped-call]
        case [np.ndarray(), *_]:
            return np.concatenate(parts)
    return [value for part in parts for value in part]


@dataclass(frozen=True, slots=True)
class ActivePeople(Batch):
    """People per step, segment, measure and source partition; people add up over source partitions."""

    TABLE: ClassVar[str] = "active_people_rows"

    at: Numbers  # s, the end of every window
    dimension: Strings
    member: Strings
    measure: Strings
    source_partition: Numbers
    partitions: Numbers  # how many source partitions there are
    enabled: Numbers
    adopted_7d: Numbers  # those of w7d that are in enabled
    w5m: Numbers
    w1h: Numbers
    w24h: Numbers
    w7d: Numbers
    w28d: Numbers
    version: Numbers


@dataclass(frozen=True, slots=True)
class Activity(Batch):
    """Events per minute, segment, verb, object kind, client and source partition."""

    TABLE: ClassVar[str] = "activity_rows"

    minute: Numbers  # s, the minute's start
    dimension: Strings
    member: Strings
    verb: Strings
    object_kind: Strings
    client: Strings
    late: Numbers  # 0: counted when the minute closed; 1: came after that
    source_partition: Numbers
    events: Numbers
    version: Numbers


@dataclass(frozen=True, slots=True)
class People(Batch):
    """What is known of each person; a row with `is_deleted` forgets them."""

    TABLE: ClassVar[str] = "people_rows"

    person: Sequence[str]
    kind: Strings
    listed: Numbers
    enabled: Numbers
    region: Strings
    department: Strings
    manager: Sequence[str]
    leader: Numbers
    ambassador: Numbers
    first_seen: Numbers  # ms or NULL, as are the next three
    last_seen: Numbers
    last_login: Numbers
    last_contribution: Numbers
    logins: Numbers
    presences: Numbers
    reactions: Numbers
    contributions: Numbers
    first_contribution: Numbers  # ms or NULL
    communities: Numbers
    owned: Numbers
    version: Numbers
    is_deleted: Numbers


@dataclass(frozen=True, slots=True)
class Daily(Batch):
    """People per local day, segment, what is counted of them, and source partition."""

    TABLE: ClassVar[str] = "daily_rows"

    day: Numbers  # days since 1970-01-01
    dimension: Strings
    member: Strings
    what: Strings
    n: Numbers
    source_partition: Numbers
    partitions: Numbers
    people: Numbers
    version: Numbers


@dataclass(frozen=True, slots=True)
class Managers(Batch):
    """To whom people report, from which local day on."""

    TABLE: ClassVar[str] = "managers_rows"

    person: Sequence[str]
    day: Numbers  # days since 1970-01-01
    manager: Sequence[str]
    version: Numbers


@dataclass(frozen=True, slots=True)
class Rejects(Batch):
    """Messages that were refused, and why; the messages themselves are in the topic of rejects."""

    TABLE: ClassVar[str] = "rejects_rows"

    received_at: Numbers  # ms
    topic: Strings
    partition: Numbers
    offset: Numbers
    reason: Strings


@dataclass(frozen=True, slots=True)
class Drops(Batch):
    """Engagement drops."""

    TABLE: ClassVar[str] = "drops_rows"

    drop_id: Sequence[str]
    parent_id: Sequence[str | None]
    dimension: Strings
    member: Strings
    measure: Strings
    window: Strings
    severity: Strings
    began_at: Numbers  # s, as are the next two
    detected_at: Numbers
    ended_at: Numbers
    expected: Sequence[float]
    observed: Sequence[float]
    depth: Sequence[float]
    lost_person_hours: Sequence[float]
    causes: Sequence[str]
    state: Strings
    version: Numbers


BATCHES: tuple[type[Batch], ...] = (ActivePeople, Activity, People, Daily, Managers, Rejects, Drops)
