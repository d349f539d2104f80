"""More partitions for a stopped application: the topics are widened, then all pages are rewritten in one transaction.

Either may be repeated: topics that are wide enough stay, and until the transaction is committed the pages are those of
the old count, from which a second run starts anew.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from agents.errors import Failed
from agents.kafka import broker
from agents.kafka.producing import started, stored
from agents.kafka.security import aiokafka_options
from agents.settings import Settings
from agents.worker.checkpoint import LARGEST_REQUEST, TRANSACTION_MS, Checkpoint, read_pages
from pipeline import pages
from pipeline.pages import HEAD, BadPages, Head
from pipeline.partition import Partition
from pipeline.repartition import NotSettled, repartition
from schemas.topics import PAGES, TOPICS


def widen(settings: Settings, count: int) -> None:
    """Give the topics that are cut like the inputs `count` partitions."""
    with broker.admin(settings) as admin:
        if admin.group(settings.group).members:
            raise Failed(f"workers of the group {settings.group} still run: stop them first")
        present = admin.topics()
        for topic in TOPICS:
            name = topic.full_name(settings.prefix)
            has = present.get(name, 0)
            if topic.per_source and has > count:
                raise Failed(f"{name} has {has} partitions already: Kafka can only add partitions")
            if topic.per_source and 0 < has < count:
                admin.widen(name, count)


async def rewrite(settings: Settings, count: int) -> int:
    """Rewrite the pages for `count` source partitions; return for how many they were. Raises Failed, KafkaError."""
    found = await read_pages(settings, 0)
    try:
        old = Head.decode(found[HEAD]).partitions if HEAD in found else count
    except BadPages as bad:
        raise Failed(str(bad)) from None
    if old == count:
        return count
    taken = [await Checkpoint.begin(settings, number, old) for number in range(old)]
    try:
        states = [state for _, state in taken]
        heads = [checkpoint.head for checkpoint, _ in taken]
        before = [set(pages.encode(state)) for state in states]
        try:
            new = repartition(states, count, partial(broker.partition_of, partitions=count))
        except NotSettled as reason:
            raise Failed(str(reason)) from None
        await _write(settings, new, heads, before)
    finally:
        for checkpoint, _ in taken:
            await checkpoint.close()
    return old


async def _write(
    settings: Settings, states: Sequence[Partition], heads: Sequence[Head], before: Sequence[set[str]]
) -> None:
    topic = PAGES.full_name(settings.prefix)
    epoch = max(head.epoch for head in heads) + 1
    producer = AIOKafkaProducer(
        transactional_id=f"{settings.group}-repartition",
        transaction_timeout_ms=TRANSACTION_MS,
        max_request_size=LARGEST_REQUEST,
        compression_type="lz4",
        **aiokafka_options(settings),
    )
    await started(producer)
    try:
        async with producer.transaction():
            for number, state in enumerate(states):
                now: dict[str, bytes | None] = dict(pages.encode(state))
                gone = before[number] - now.keys() if number < len(before) else set()
                old = heads[number] if number < len(heads) else None
                head = Head(
                    partitions=len(states),
                    step_seconds=heads[0].step_seconds,
                    epoch=epoch,
                    offsets=old.offsets if old else {},
                    sent=old.sent if old else {},
                    closed_step=heads[0].closed_step,
                )
                now |= dict.fromkeys(gone) | {HEAD: head.encode()}
                await stored(producer.send(topic, page, key.encode(), number) for key, page in now.items())
    finally:
        await producer.stop()


def run(settings: Settings, count: int) -> int:
    """Do all of it; return the old number of source partitions. Raises Failed."""
    widen(settings, count)
    try:
        return asyncio.run(rewrite(settings, count))
    except KafkaError as error:
        raise Failed(
            f"the state was not rewritten ({type(error).__name__}): nothing has changed, run it again"
        ) from None
