"""What everybody does in one way who sends with aiokafka."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from aiokafka import AIOKafkaProducer

Sends = Iterable[Coroutine[Any, Any, asyncio.Future[Any]]]
"""Calls of `send` or `send_batch`; each is begun when those before it are on their way."""


async def started(producer: AIOKafkaProducer) -> AIOKafkaProducer:
    """Connect; nothing is left open if that fails."""
    try:
        await producer.start()
    except BaseException:
        await producer.stop()
        raise
    return producer


async def stored(sends: Sends) -> list[Any]:
    """Return where each message was stored, in order, once all are."""
    answers: list[asyncio.Future[Any]] = []
    try:
        for send in sends:
            answers.append(await send)  # noqa: PERF401  (those before a failure are needed)
        return await asyncio.gather(*answers)
    finally:
        for answer in answers:  # after a failure nobody asks for the other answers
            answer.cancel()
