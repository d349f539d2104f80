"""One topic's share of a source partition: what was fetched and not yet read. It decides nothing."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from faust.types import TP

from agents import clock
from agents.seam.batches import Batch, Batches
from pipeline.reading import Message

READ_AT_ONCE: Final = 2000
"""Messages decoded before the event loop is given a turn."""
MOST_MESSAGES: Final = 50_000
MOST_BYTES: Final = 32 << 20
"""What may pile up of one topic partition before its reading pauses."""
TICK_SECONDS: Final = 0.25


class News:
    """Wakes who waits for something to come."""

    def __init__(self) -> None:
        self._came = asyncio.Event()

    def ring(self) -> None:
        """End `wait`."""
        self._came.set()

    async def wait(self, seconds: float = TICK_SECONDS) -> None:
        """Wait for news, not for long: time moves, also when nothing comes."""
        self._came.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._came.wait(), seconds)


@dataclass(slots=True)
class _Slice:
    messages: Sequence[Message]
    bytes: int
    at: int = 0
    """The first that is still to be read."""


class Feed:
    """One topic's share of the source partition: what was fetched and not yet read."""

    def __init__(self, tp: TP, position: int) -> None:
        self.tp = tp
        self.position = position
        """Offset behind the last message that was fetched."""
        self.read = position
        """Offset behind the last message that was read."""
        self.messages = 0
        self.bytes = 0
        self.news_at = clock.monotonic()
        self.paused = False
        self._slices: deque[_Slice] = deque()

    def put(self, batch: Batch) -> None:
        """Take a fetched slice."""
        weight = _weight(batch.records)
        self._slices.append(_Slice(batch.records, weight))
        self.messages += len(batch.records)
        self.bytes += weight
        self.position = batch.next_offset
        self.news_at = clock.monotonic()

    def take(self, stop: Callable[[Message], bool] | None = None) -> Sequence[Message]:
        """Return the next messages to read, not many of them; none from the first on at which one is to stop."""
        if not self._slices:
            return ()
        first = self._slices[0]
        taken = first.messages[first.at : first.at + READ_AT_ONCE]
        if stop is not None:
            taken = taken[: next((place for place, message in enumerate(taken) if stop(message)), len(taken))]
        if taken:
            first.at += len(taken)
            self.read = taken[-1].offset + 1
            self.messages -= len(taken)
        if first.at == len(first.messages):
            self.bytes -= first.bytes
            self._slices.popleft()
        return taken

    def relieve(self, batches: Batches, waiting: int = 0) -> None:
        """Pause fetching if too much waits, here or (so many messages) behind us; resume when half of that is gone."""
        messages = self.messages + waiting
        if not self.paused and (messages > MOST_MESSAGES or self.bytes > MOST_BYTES):
            self.paused = True
            batches.pause({self.tp})
        elif self.paused and messages < MOST_MESSAGES // 2 and self.bytes < MOST_BYTES // 2:
            self.paused = False
            batches.resume({self.tp})

    @property
    def next(self) -> Message | None:
        """The next message to read, if there is one."""
        return self._slices[0].messages[self._slices[0].at] if self._slices else None


def _weight(messages: Sequence[Message]) -> int:
    """Return how many bytes these hold: any part of a message may be the large one."""
    held = sum([len(one.value or b"") + len(one.key or b"") for one in messages])  # a list is faster than a generator
    return held + sum(len(value or b"") for one in messages if one.headers for _, value in one.headers)
