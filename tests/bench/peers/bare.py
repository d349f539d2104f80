"""The limit in Python: a bare aiokafka loop with uvloop that keeps each person's last time, and nothing else.

BENCH_JOB says how it decodes: `msgspec` into typed structs, `orjson` into dicts; `+gc` makes the garbage collector look
rarely, which is worth a quarter: aiokafka makes objects by the million and no cycles.
"""

import asyncio
import gc
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import msgspec
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer

from tests.bench.peers.progress import GROUP, JOB, KAFKA, TOPICS, TOTAL, Progress


class Data(msgspec.Struct, gc=False):
    """What an event says."""

    actor: str
    verb: str | None = None
    outcome: str | None = None
    client: str | None = None
    object: str | None = None
    object_kind: str | None = None
    community: str | None = None


class Event(msgspec.Struct, gc=False):
    """An event; a heartbeat has no data."""

    id: str
    source: str
    type: str
    time: datetime
    data: Data | None = None


def with_msgspec() -> Callable[[Iterable[Any]], None]:
    decode = msgspec.json.Decoder(Event).decode
    last: dict[str, datetime] = {}

    def see(records: Iterable[Any]) -> None:
        for record in records:
            event = decode(record.value)
            if event.data is not None:
                actor, time = event.data.actor, event.time
                if (before := last.get(actor)) is None or time > before:
                    last[actor] = time

    return see


def with_orjson() -> Callable[[Iterable[Any]], None]:
    loads, parsed = orjson.loads, datetime.fromisoformat
    last: dict[str, datetime] = {}

    def see(records: Iterable[Any]) -> None:
        for record in records:
            event = loads(record.value)
            if data := event.get("data"):
                actor, time = data["actor"], parsed(event["time"])
                if (before := last.get(actor)) is None or time > before:
                    last[actor] = time

    return see


async def main() -> None:
    """Read to the end."""
    decoder, _, tuned = JOB.partition("+")
    see = with_msgspec() if decoder == "msgspec" else with_orjson()
    consumer = AIOKafkaConsumer(
        *TOPICS,
        bootstrap_servers=KAFKA,
        group_id=GROUP,
        auto_offset_reset="earliest",
        enable_auto_commit=True,
        fetch_max_bytes=64 << 20,
        max_partition_fetch_bytes=8 << 20,
        fetch_min_bytes=1,
    )
    await consumer.start()
    while not consumer.assignment():  # noqa: ASYNC110  (aiokafka has no event for it)
        await asyncio.sleep(0.02)
    if tuned:
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)
    progress = Progress()
    progress.begin()
    while progress.count < TOTAL:
        for records in (await consumer.getmany(timeout_ms=1000)).values():
            see(records)
            progress.add(len(records))
    await asyncio.sleep(60)  # until we are ended


uvloop.run(main())
