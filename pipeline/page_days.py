"""What is known per local day <-> pages; the rules are those of `page_kinds.py`.

kind                     entries  changes with
day-past     per person     2048  a day's end, the directory
day-today    per person     2048  every act of somebody who did not do that yet today
day-waits                  16384  acts of a day that is not open yet, and late ones
day-made     contributions 16384  a day's end
day-rest     memberships   16384  a day's end, until every source partition has closed it; one series per day
day-state    the rest          1  a day's end
"""

from collections import Counter
from typing import Any, Final

import numpy as np

from pipeline.acts import Ints
from pipeline.days.book import Days
from pipeline.days.journey import Pending
from pipeline.days.record import ACTIVE, KEPT, Known, Ledger, Record
from pipeline.page_columns import PageReader, PageWriter
from pipeline.page_kinds import Named, Pages, cut, ints, of_series

_TIMES: Final = tuple(name for name, (kind, _) in Record.COLUMNS.items() if kind is np.int32)


def write_days(days: Days, people: int) -> Named:
    """Write it all; `people` is how many slots are in use."""
    record = days.record
    many = min(people, len(record.last_day))

    def past(page: PageWriter, part: slice) -> None:
        page.digests(record.days[ACTIVE][part])
        for row, bits in enumerate(record.days):
            if row != ACTIVE:
                page.ints(bits[part])
        for name in _TIMES:
            page.ints(getattr(record, name)[part], absent=Record.COLUMNS[name][1])
        page.ints(record.stage[part])
        page.bools(record.was_enabled[part])

    def today(page: PageWriter, part: slice) -> None:
        page.bools(record.today[:, part])
        page.ints(record.today_many[part])

    yield from cut("day-past", many, 2048, past)
    yield from cut("day-today", many, 2048, today)
    waits = _joined(record.waiting, Known)
    yield from cut("day-waits", len(waits.slot), 16384, ints(waits))
    yield from cut("day-made", len(record.ledger.slot), 16384, ints(record.ledger))
    for day in days.pending:
        yield from cut(f"day-rest/{day.day}", len(day.slot), 16384, ints(day[2:]))
    yield from cut("day-state", 1, 1, lambda page, _: _write_state(days, page))


def _write_state(days: Days, page: PageWriter) -> None:
    page.ints(np.array([days.record.open, days.closed]))
    page.ints(np.array(days.jumps, np.int64))
    page.ints(np.array([(*key, many) for key, many in sorted(days.happened.items())], np.int64))
    page.ints(np.array(sorted(days.closed_by.items()), np.int64))
    page.ints(np.array([(day.day, day.before) for day in days.pending], np.int64))
    strangers = sorted(days.strangers.items())
    page.digests(np.array([digest for digest, _ in strangers], np.uint64))
    page.ints(np.array([day for _, day in strangers], np.int64))


def read_days(pages: Pages, days: Days) -> None:
    """Read it; there is room for the people already."""
    record = days.record
    start = 0
    for _, page in of_series(pages, "day-past"):
        active = page.digests()
        part = slice(start, start + len(active))
        start = part.stop
        record.days[ACTIVE][part] = active
        for row, bits in enumerate(record.days):
            if row != ACTIVE:
                bits[part] = page.ints()
        for name in _TIMES:
            getattr(record, name)[part] = page.ints(absent=Record.COLUMNS[name][1])
        record.stage[part] = page.ints()
        record.was_enabled[part] = page.bools()
    start = 0
    for _, page in of_series(pages, "day-today"):
        flags, many = page.bools().reshape(len(KEPT), -1), page.ints()
        record.today[:, start : start + len(many)] = flags
        record.today_many[start : start + len(many)] = many
        start += len(many)
    record.waiting = [Known(*(page.ints() for _ in Known._fields)) for _, page in of_series(pages, "day-waits")]
    made = [Ledger(*(page.ints() for _ in Ledger._fields)) for _, page in of_series(pages, "day-made")]
    record.ledger = _joined(made, Ledger)
    rest: dict[int, list[list[Ints]]] = {}
    for day, page in of_series(pages, "day-rest"):
        rest.setdefault(day, []).append([page.ints() for _ in range(len(Pending._fields) - 2)])
    for _, page in of_series(pages, "day-state"):
        _read_state(days, page, rest)


def _read_state(days: Days, page: PageReader, rest: dict[int, list[list[Ints]]]) -> None:
    days.record.open, days.closed = page.ints().tolist()
    days.jumps = [(start, to) for start, to in page.ints().reshape(-1, 2).tolist()]
    days.happened = Counter({(what, segment): many for what, segment, many in page.ints().reshape(-1, 3).tolist()})
    days.closed_by = {number: day for number, day in page.ints().reshape(-1, 2).tolist()}  # noqa: C416  (typed so)
    none = [np.empty(0, np.int64)] * (len(Pending._fields) - 2)
    for day, before in page.ints().reshape(-1, 2).tolist():
        columns = map(np.concatenate, zip(*rest.get(day, [none]), strict=True))
        days.pending.append(Pending(day, before, *columns))
    days.strangers = dict(zip(page.digests().tolist(), page.ints().tolist(), strict=True))


def _joined(parts: list[Any], kind: type[Any]) -> Any:
    if not parts:
        return kind(*([np.empty(0, np.int64)] * len(kind._fields)))
    return kind(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
