"""Rows on their way to ClickHouse: a bounded queue, and one insert at a time for each table.

Rules
- An insert costs about a millisecond however few its rows are, so all that waits for a table goes in one.
- Small inserts cost ClickHouse much more than that later, when it merges their parts: the benchmark's 2.3 M rows cost
  it 6.3 s of CPU in 88 inserts, 2.5 s in 11. So who has more to come is patient, and rows gather; see `put`.
- A batch keeps its place until it is stored or nobody wants it any more (its future was cancelled).
- A column has at most 8 bytes per row, and strings are shared with the state: bounded rows are bounded bytes.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Final

from schemas.rows import Batch

MOST_ROWS: Final = 400_000
"""More than these wait only if they are one batch; at most 60 MB."""
ENOUGH_ROWS: Final = 200_000
"""So many of a table are inserted however patient everybody is."""
PATIENCE_SECONDS: Final = 1.0

Stored = asyncio.Future[None]


def pauses(first: float, longest: float) -> Iterator[float]:
    """Return seconds to wait between attempts, more and more; workers do not retry in step."""
    while True:
        yield first * random.uniform(0.5, 1)  # noqa: S311
        first = min(2 * first, longest)


class Queue:
    """`insert(batches)` stores batches of one table, or returns False if it is to be tried again; see `pauses`."""

    def __init__(self, insert: Callable[[list[Batch]], Awaitable[bool]], first: float, longest: float) -> None:
        self._insert, self._pause_seconds = insert, (first, longest)
        self._waiting: defaultdict[type[Batch], list[tuple[Batch, Stored]]] = defaultdict(list)
        self._gathered: defaultdict[type[Batch], int] = defaultdict(int)
        """Rows that came since the last insert began."""
        self._due: defaultdict[type[Batch], asyncio.Event] = defaultdict(asyncio.Event)
        self._tasks: dict[type[Batch], asyncio.Task[None]] = {}
        self._rows = 0
        self._left = asyncio.Event()

    async def put(self, batch: Batch, *, patient: bool = False) -> Stored:
        """Take a batch once there is room for it; return what is done when its rows are stored, or raises why not.

        A patient one may wait for others, until there are enough rows, for `PATIENCE_SECONDS`, or until `hurry`.
        Cancelling that takes the batch away again, unless an insert with it has begun.
        """
        stored: Stored = asyncio.get_running_loop().create_future()
        if not len(batch):
            stored.set_result(None)
            return stored
        while self._rows and self._rows + len(batch) > MOST_ROWS:
            self.hurry()
            self._left.clear()
            await self._left.wait()
        self._rows += len(batch)
        stored.add_done_callback(lambda _: self._leave(len(batch)))
        table = type(batch)
        self._waiting[table].append((batch, stored))
        self._gathered[table] += len(batch)
        if not patient or self._gathered[table] >= ENOUGH_ROWS:
            self._due[table].set()
        if table not in self._tasks:
            self._tasks[table] = asyncio.create_task(self._store(table), name=f"store-{table.TABLE}")
        return stored

    def hurry(self) -> None:
        """Be patient no longer with what waits now."""
        for table, rows in self._gathered.items():
            if rows:
                self._due[table].set()

    def cancel(self) -> None:
        """Drop everything that waits."""
        for task in self._tasks.values():
            task.cancel()
        for pairs in self._waiting.values():
            for _, stored in pairs:
                stored.cancel()

    def _leave(self, rows: int) -> None:
        self._rows -= rows
        self._left.set()

    async def _store(self, table: type[Batch]) -> None:
        """Insert what waits for a table, until nothing does."""
        waits = pauses(*self._pause_seconds)
        due = self._due[table]
        while self._wanted(table):
            with suppress(TimeoutError):
                await asyncio.wait_for(due.wait(), PATIENCE_SECONDS)
            taken, self._gathered[table] = self._wanted(table), 0
            due.clear()
            wrong: Exception | None = None
            try:
                if taken and not await self._insert([batch for batch, _ in taken]):
                    await asyncio.sleep(next(waits))
                    due.set()
                    continue
            except Exception as error:
                wrong = error
            waits = pauses(*self._pause_seconds)
            for _, stored in taken:
                if stored.done():
                    continue
                if wrong is None:
                    stored.set_result(None)
                else:
                    stored.set_exception(wrong)
        del self._tasks[table]

    def _wanted(self, table: type[Batch]) -> list[tuple[Batch, Stored]]:
        """Forget what is done with; return the rest."""
        self._waiting[table] = [pair for pair in self._waiting[table] if not pair[1].done()]
        return list(self._waiting[table])
