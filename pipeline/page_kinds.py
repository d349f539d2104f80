"""The kinds of pages, each a pair: state -> its pages, and its pages -> state.

Rules
- A kind's pages are numbered, and hold so many entries that none is larger than about half a MiB.
- What changes often is kept apart from what does not, and what grows grows at its end, so that few pages differ from
  those of the last checkpoint.
- Nothing here is in doubt: `pages.py` has checked that the pages are whole and of one moment.

    kind                       entries  changes with
    segments                      1024  somebody's first act or record there
    who        names, directory   2048  the directory, newcomers
    times      of closed steps    2048  every step; `latest` is these and what waits
    counts     per person         2048  every act
    pairs      people x community 4096  every step
    digests    duplicates        16384  every act, at the end; one series per six hours
    open, open-late  by minute   16384  every act, at the end; one series per open minute
    people-wait, pairs-wait      16384  every act, at the end; one series per open step
    late       counts by hour    16384  late acts; one series per hour
    before     directory         16384  the directory
    forgotten  names to delete    2048  forgetting, until ClickHouse knows
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from pipeline.activity import Activity, Before
from pipeline.acts import NEVER, Acts, Bools, Ints
from pipeline.communities import Pairs
from pipeline.duplicates import Digests, Duplicates, Table
from pipeline.page_columns import PageReader, PageWriter
from pipeline.partition import Partition
from pipeline.people import UNLISTED, People
from pipeline.segments import MANAGER, OF_PERSON
from pipeline.waiting import Updates, Waiting
from pipeline.windows import HOUR_MS, MINUTE_MS

Named = Iterator[tuple[str, bytes]]
Pages = Mapping[str, bytes]
_Write = Callable[[PageWriter, slice], None]

_FLAGS: Final = ("counted", "enabled", "is_enabled", "leader", "ambassador")


def cut(series: str, entries: int, most: int, write: _Write) -> Named:
    """Write the pages of one series: `entries`, at most `most` in each."""
    for number, start in enumerate(range(0, entries, most)):
        page = PageWriter()
        write(page, slice(start, min(start + most, entries)))
        yield f"{series}/{number:05}", page.page()


def ints(columns: Sequence[Ints]) -> _Write:
    """Return how to write a page of these columns."""

    def write(page: PageWriter, part: slice) -> None:
        for column in columns:
            page.ints(column[part])

    return write


def of_series(pages: Pages, kind: str) -> Iterator[tuple[int, PageReader]]:
    """Return the pages of a kind in order, each with the number of its series (0 where there is one only)."""
    places = []
    for key in pages:
        this, *numbers = key.split("/")
        if this == kind:
            places.append((int(numbers[0]) if len(numbers) > 1 else 0, int(numbers[-1]), key))
    for series, _, key in sorted(places):
        page = PageReader(pages[key])
        yield series, page
        page.done()


def _series(values: Ints) -> Iterator[tuple[int, Ints]]:
    """Return each value with its places, in order of reading."""
    if len(values):
        order = np.argsort(values, kind="stable")
        found, starts = np.unique(values[order], return_index=True)
        yield from zip(found.tolist(), np.split(order, starts[1:]), strict=True)


def write_segments(state: Partition, history: Ints) -> Named:
    """Write the numbering. A manager whom nobody has (any more) goes without a name, which may be a forgotten one."""
    known = state.segments
    size = len(known)
    shown = np.zeros((len(state.shown), size), bool)
    shown[:, : state.shown.shape[1]] = state.shown
    dimension = np.array(known.dimension)
    named = (dimension != MANAGER) | shown.any(axis=0)
    named[UNLISTED] = True
    named[state.people.segment[MANAGER, : len(state.people.name)]] = True
    named[[key[1] for key in state.activity.late]] = True
    named[history[:, 3 + MANAGER]] = True
    member = [name if keep else "" for name, keep in zip(known.member, named.tolist(), strict=True)]

    def write(page: PageWriter, part: slice) -> None:
        page.ints(dimension[part])
        page.texts(member[part])
        page.bools(shown[:, part])

    return cut("segments", size, 1024, write)


def read_segments(pages: Pages, state: Partition) -> None:
    """Read the numbering and what was shown."""
    dimension: list[int] = []
    member: list[str] = []
    shown = []
    for _, page in of_series(pages, "segments"):
        dimension += page.ints().tolist()
        member += page.texts()
        shown.append(page.bools().reshape(len(state.shown), -1))
    state.segments.restore(dimension, member)
    state.shown = np.concatenate(shown, axis=1)


def write_people(people: People) -> Named:
    """Write who there is, and what they did."""
    size = len(people.name)
    names = [name or "" for name in people.name]

    def who(page: PageWriter, part: slice) -> None:
        page.texts(names[part])
        page.ints(people.segment[1:, part])
        page.ints(people.kind[part])
        page.bools(np.stack([getattr(people, flag)[part] for flag in _FLAGS]))
        page.ints(people.first[part], absent=-NEVER)
        page.ints(people.first_made[part], absent=-NEVER)

    def counts(page: PageWriter, part: slice) -> None:
        page.ints(people.counters[:, part])
        page.bools(people.changed[part])

    yield from cut("who", size, 2048, who)
    yield from cut("times", size, 2048, lambda page, part: page.ints(people.closed[:, part], absent=NEVER))
    yield from cut("counts", size, 2048, counts)


def read_people(pages: Pages, people: People) -> None:
    """Read them."""
    names: list[str | None] = []
    parts: dict[str, list[Ints | Bools]] = {column: [] for column in People.COLUMNS}
    for _, page in of_series(pages, "who"):
        names += [name or None for name in page.texts()]
        segment = page.ints().reshape(len(OF_PERSON) - 1, -1)
        parts["segment"].append(np.concatenate([np.zeros_like(segment[:1]), segment]))
        parts["kind"].append(page.ints())
        for flag, values in zip(_FLAGS, page.bools().reshape(len(_FLAGS), -1), strict=True):
            parts[flag].append(values)
        parts["first"].append(page.ints(absent=-NEVER))
        parts["first_made"].append(page.ints(absent=-NEVER))
    for _, page in of_series(pages, "times"):
        parts["closed"].append(page.ints(absent=NEVER).reshape(len(people.closed), -1))
        parts["latest"].append(parts["closed"][-1])
    for _, page in of_series(pages, "counts"):
        parts["counters"].append(page.ints().reshape(len(people.counters), -1))
        parts["changed"].append(page.bools())
    people.restore(names)
    if names:
        for column in People.COLUMNS:
            getattr(people, column)[..., : len(names)] = np.concatenate(parts[column], axis=-1)


def write_pairs(pairs: Pairs) -> Named:
    """Write who acts where and belongs to what."""

    def write(page: PageWriter, part: slice) -> None:
        page.ints(pairs.person[part])
        page.ints(pairs.community[part])
        page.ints(pairs.closed[:, part], absent=NEVER)

    return cut("pairs", len(pairs), 4096, write)


def read_pairs(pages: Pages, pairs: Pairs) -> None:
    """Read them."""
    person, community, closed = [], [], []
    for _, page in of_series(pages, "pairs"):
        person.append(page.ints())
        community.append(page.ints())
        closed.append(page.ints(absent=NEVER).reshape(len(pairs.closed), -1))
    if person:
        pairs.restore(np.concatenate(person), np.concatenate(community))
        pairs.closed[:, : len(pairs)] = pairs.latest[:, : len(pairs)] = np.concatenate(closed, axis=1)


def write_digests(duplicates: Duplicates) -> Named:
    """Write which events were read."""
    for span, table in sorted(duplicates.tables.items()):
        yield from cut(f"digests/{span}", table.used, 16384, _digests(table.order[: table.used]))


def _digests(known: Digests) -> _Write:
    def write(page: PageWriter, part: slice) -> None:
        page.digests(known[part])

    return write


def read_digests(pages: Pages, duplicates: Duplicates) -> None:
    """Read them."""
    for span, page in of_series(pages, "digests"):
        duplicates.tables.setdefault(span, Table()).add(page.digests())


def write_waiting(kind: str, waiting: Waiting) -> Named:
    """Write what waits for steps."""
    if not len(waiting):
        return
    step, *columns = (np.concatenate(column) for column in zip(*waiting.parts, strict=True))
    for at, places in _series(step):
        here = [column[places] for column in columns]
        yield from cut(f"{kind}/{at}", len(places), 16384, ints(here))


def read_waiting(kind: str, pages: Pages, waiting: Waiting, latest: Ints) -> None:
    """Read it, and take it into `latest`: the closed steps' times and what waits are all that was read."""
    for at, page in of_series(pages, kind):
        row, slot, time = page.ints(), page.ints(), page.ints()
        waiting.parts.append(Updates(np.full(len(row), at), row, slot, time))
        np.maximum.at(latest, (row, slot), time)


def write_acts(kind: str, parts: list[Acts]) -> Named:
    """Write acts that wait for their minute to close."""
    acts = Acts.join(parts)
    columns = (acts.time, acts.person, acts.action, acts.object_kind, acts.client, acts.community)
    for minute, places in _series(acts.time // MINUTE_MS * MINUTE_MS):
        here = [column[places] for column in columns]
        yield from cut(f"{kind}/{minute}", len(places), 16384, ints(here))


def read_acts(kind: str, pages: Pages, parts: list[Acts]) -> None:
    """Read them; what is needed no more once an act was applied (its clock, offset, digest, ...) is not there."""
    for _, page in of_series(pages, kind):
        time, person, action, object_kind, client, community = (page.ints() for _ in range(6))
        none = np.zeros_like(time)
        digest = none.astype(np.uint64)
        parts.append(Acts(time, none, none, person, action, object_kind, client, community, digest, none, none))


def write_late(activity: Activity) -> Named:
    """Write what came late so far, and which of it was not given out yet."""
    keys = sorted(activity.late)
    columns = np.array([(*key, activity.late[key], key in activity.touched) for key in keys], np.int64).reshape(-1, 7)
    for hour, places in _series(columns[:, 0] // HOUR_MS * HOUR_MS):
        here = list(columns[places].T)
        yield from cut(f"late/{hour}", len(places), 16384, ints(here))


def read_late(pages: Pages, activity: Activity) -> None:
    """Read it."""
    for _, page in of_series(pages, "late"):
        for *what, events, touched in zip(*(page.ints().tolist() for _ in range(7)), strict=True):
            minute, segment, action, kind, client = what
            key = (minute, segment, action, kind, client)
            activity.late[key] = events
            if touched:
                activity.touched.add(key)


def history(activity: Activity) -> Ints:
    """Return what the directory said before it changed: (n, 7) slot, closed to, counted, and the four segments."""
    slots = sorted(activity.before)
    some = [before for slot in slots for before in activity.before[slot]]
    columns = np.empty((len(some), 3 + len(OF_PERSON)), np.int64)
    columns[:, 0] = np.repeat(np.array(slots, np.int64), [len(activity.before[slot]) for slot in slots])
    columns[:, 1] = np.fromiter((before.closed_to for before in some), np.int64, len(some))
    columns[:, 2] = np.fromiter((before.counted for before in some), np.int64, len(some))
    if some:
        columns[:, 3:] = np.concatenate([before.segments for before in some]).reshape(-1, len(OF_PERSON))
    return columns


def write_before(history: Ints) -> Named:
    """Write it."""
    return cut("before", len(history), 16384, ints(list(history.T)))


def read_before(pages: Pages, activity: Activity) -> None:
    """Read it."""
    for _, page in of_series(pages, "before"):
        slot, closed_to, counted, *segments = (page.ints() for _ in range(3 + len(OF_PERSON)))
        of = np.stack(segments, axis=1)
        for place, key in enumerate(slot.tolist()):
            activity.before[key].append(Before(int(closed_to[place]), of[place], bool(counted[place])))


def write_forgotten(names: Sequence[str]) -> Named:
    """Write who is to be deleted from `esn.people`; a name goes with the checkpoint after its deletion."""
    return cut("forgotten", len(names), 2048, lambda page, part: page.texts(names[part]))


def read_forgotten(pages: Pages) -> list[str]:
    """Read it."""
    return [name for _, page in of_series(pages, "forgotten") for name in page.texts()]
