"""Many messages into Kafka, quickly: whole batches, built here and sent by aiokafka in a thread of its own.

Rules: only for sending in bulk; single messages go through `agents/kafka/broker.py`. kafka-python pays some 20 us for
each message (30 000 a second on two cores); aiokafka's batch builder, which is compiled, about one (100 000 a second).
Messages of one partition are stored in the order of `send`. What is under way is bounded: `send` waits then.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.errors import Failed
from agents.kafka import codecs  # noqa: F401  (what importing it does is wanted)
from agents.kafka.producing import started
from agents.kafka.security import aiokafka_options, knock
from agents.settings import Settings

T = TypeVar("T")

_BATCH_BYTES = 256 << 10  # before compression
_BATCHES_UNDER_WAY = 64
_CLOSE_SECONDS = 5.0


class Bulk:
    """Fills a batch for each partition and hands it over when it is full."""

    def __init__(self, producer: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._producer = producer
        self._loop = loop
        self._open: dict[tuple[str, int], Any] = {}
        self._order: dict[tuple[str, int], asyncio.Lock] = {}
        self._room = threading.Semaphore(_BATCHES_UNDER_WAY)
        self._under_way: set[Future[None]] = set()
        self._failure: BaseException | None = None

    def send(self, topic: str, value: bytes | None, key: bytes | None, partition: int) -> None:
        """Put a message into its partition's batch; raises what went wrong with an earlier one."""
        place = (topic, partition)
        batch = self._open.get(place)
        if batch is None or batch.append(timestamp=None, key=key, value=value) is None:
            if batch is not None:
                self._hand_over(place, batch)
            batch = self._open[place] = self._producer.create_batch()
            batch.append(timestamp=None, key=key, value=value)

    def hand_over(self) -> None:
        """Send what was put in so far, without waiting for it to be stored."""
        ready, self._open = self._open, {}
        for place, batch in ready.items():
            self._hand_over(place, batch)

    def flush(self) -> None:
        """Wait until everything is stored by all replicas; raises what went wrong."""
        self.hand_over()
        for future in list(self._under_way):
            future.result()
        self._raise()

    def _hand_over(self, place: tuple[str, int], batch: Any) -> None:
        self._room.acquire()
        self._raise()
        future = asyncio.run_coroutine_threadsafe(self._ship(place, batch), self._loop)
        self._under_way.add(future)
        future.add_done_callback(self._shipped)

    async def _ship(self, place: tuple[str, int], batch: Any) -> None:
        async with self._order.setdefault(place, asyncio.Lock()):
            stored = await self._producer.send_batch(batch, place[0], partition=place[1])
        await stored

    def _shipped(self, future: Future[None]) -> None:
        self._under_way.discard(future)
        if not future.cancelled():
            self._failure = self._failure or future.exception()
        self._room.release()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure


@contextmanager
def bulk(settings: Settings) -> Iterator[Bulk]:
    """Connect; what was sent is stored when the block ends without an error. Raises Failed."""
    knock(settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="bulk", daemon=True)
    thread.start()
    try:
        producer = _wait(_connect(settings), loop)
        try:
            sending = Bulk(producer, loop)
            yield sending
            sending.flush()
        finally:
            _stop(producer, loop)
    except KafkaError as error:
        raise Failed(
            f"Kafka at {settings.kafka} did not take all messages ({type(error).__name__}): "
            "look into the broker's log, then send them again"
        ) from None
    finally:
        _end(loop, thread)


async def _connect(settings: Settings) -> Any:
    producer = AIOKafkaProducer(
        **aiokafka_options(settings),
        client_id="esn-pulse",
        acks="all",
        enable_idempotence=True,
        compression_type="lz4",
        max_batch_size=_BATCH_BYTES,
        max_request_size=4 << 20,
        request_timeout_ms=30_000,
    )
    return await started(producer)


def _stop(producer: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Close; after an error, without waiting long for what cannot be sent any more."""
    future = asyncio.run_coroutine_threadsafe(producer.stop(), loop)
    try:
        future.result(_CLOSE_SECONDS)
    except (TimeoutError, KafkaError):
        future.cancel()


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """End the thread; what an error left behind in it is dropped without a word, the error was told."""
    loop.call_soon_threadsafe(loop.set_exception_handler, lambda _loop, _context: None)
    with suppress(TimeoutError):
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(_CLOSE_SECONDS)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_CLOSE_SECONDS)
    if not thread.is_alive():
        loop.close()


async def _cancel_all() -> None:
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left)


def _wait(work: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> T:
    return asyncio.run_coroutine_threadsafe(work, loop).result()
