"""What was fetched of a source partition and not yet read, and in which order it may be read.

    directory   up to the end that the broker gives, before events are read and again before steps are closed
    events      of the two topics as they come; `pipeline/clocks.py` merges them
    forgetting  takes its place by Kafka's timestamps: what was produced before a `null` is read before it, what was
                produced after it after it. So a crash, after which all is fetched anew, forgets the same events

Nothing is decoded here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiokafka.errors import KafkaError
from faust.types import TP

from agents import clock
from agents.seam.batches import Batch, Batches
from agents.worker.feed import TICK_SECONDS, Feed, News
from pipeline.reading import Message

log = logging.getLogger(__name__)


class Inbox:
    """The feeds of one source partition; `inputs`, `directory` and `named` are full topic names."""

    def __init__(
        self,
        number: int,
        inputs: Sequence[str],
        directory: str,
        named: str,
        offsets: Mapping[str, int],
        batches: Batches,
        news: News,
    ) -> None:
        self.feeds = {topic: Feed(TP(topic, number), offsets.get(topic, 0)) for topic in (*inputs, directory, named)}
        self.inputs = [self.feeds[topic] for topic in inputs]
        self.directory = self.feeds[directory]
        self.named = self.feeds[named]
        self._batches = batches
        self._news = news
        self._forgets_at: int | None = None
        """Kafka's timestamp of a `null` that waits until the events before it were read."""

    def receive(self, batch: Batch, waiting: int) -> None:
        """Take a fetched slice; `waiting` acts of its topic were read and not yet applied."""
        feed = self.feeds[batch.tp.topic]
        feed.put(batch)
        self._news.ring()
        feed.relieve(self._batches, waiting)

    def has_news(self) -> bool:
        """Say whether something can be read now."""
        return self._forgets_at is None and any(feed.messages for feed in self.feeds.values())

    def caught_up(self) -> bool:
        """Say whether all events that the broker has were read."""
        return all(not feed.messages and self._batches.read_to_end(feed.tp).at_end for feed in self.inputs)

    # -- whose turn it is

    def events(self, feed: Feed) -> Sequence[Message]:
        """Take the next events of an input; none if there are none, or a `null` comes first."""
        forgets_at = self._forgets_at
        if forgets_at is None:
            return feed.take()
        return feed.take(lambda message: message.timestamp > forgets_at)

    def listing_due(self) -> bool:
        """Say whether there are directory records whose turn it is."""
        message = self.directory.next
        waits = message is not None and self._has_to_wait(message)
        self._forgets_at = message.timestamp if message is not None and waits else None
        return message is not None and not waits

    def listings(self) -> Sequence[Message]:
        """Take the next directory records."""
        return self.directory.take(self._has_to_wait)

    def _has_to_wait(self, message: Message) -> bool:
        return message.value is None and not all(self._read_through(feed, message.timestamp) for feed in self.inputs)

    def _read_through(self, feed: Feed, timestamp: int) -> bool:
        if feed.next is not None:
            return feed.next.timestamp > timestamp
        if feed.paused:  # it waits for the other topic, which may wait for us
            return True
        reading = self._batches.read_to_end(feed.tp)
        return reading.at_end and (reading.as_of_ms or 0) >= self.directory.news_at * 1000

    async def directory_caught_up(self, read: Callable[[], Awaitable[None]]) -> bool:
        """Have the directory read to the end that the broker gives now; False if events are to be read before that."""
        end = await self._directory_end()
        while not self._directory_read_to(end):
            if self._forgets_at is not None:
                return False
            await self._news.wait(TICK_SECONDS / 5)  # the end may be told by the answer alone: compaction leaves holes
            await read()
            self.directory.relieve(self._batches)
        return True

    async def _directory_end(self) -> int:
        while True:
            try:
                return (await self._batches.end_offsets([self.directory.tp]))[self.directory.tp]
            except KafkaError as exc:
                log.warning("cannot ask for the end of the directory, trying again: %s", type(exc).__name__)
                await asyncio.sleep(1)

    def _directory_read_to(self, end: int) -> bool:
        feed = self.directory
        if feed.messages:
            return False
        reading = self._batches.read_to_end(feed.tp)
        return feed.position >= end or (reading.at_end and (reading.next_offset or 0) >= end)

    def idle_since(self, feed: Feed, quiet_seconds: float, *, after_news_of_both: bool = False) -> int | None:
        """Return when (wall clock, ms) the broker last said that there is nothing new, or None if it is not idle.

        `after_news_of_both`: it has to be quiet for so long since the other input brought something, too.
        """
        reading = self._batches.read_to_end(feed.tp)
        if feed.messages or not reading.at_end or reading.as_of_ms is None:
            return None
        news_at = max(one.news_at for one in (self.inputs if after_news_of_both else [feed]))
        if reading.as_of_ms < (news_at + quiet_seconds) * 1000:
            return None
        return clock.now_ms() - int(clock.monotonic() * 1000 - reading.as_of_ms)
