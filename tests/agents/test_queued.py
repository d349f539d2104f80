"""The queue alone, with inserts that end when the test says so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from agents.storage import queued
from agents.storage.queued import Queue
from schemas.rows import Batch, Rejects


class Server:
    """Notes inserts; each waits for its answer: True, False (try again) or an error."""

    def __init__(self) -> None:
        self.inserts: list[tuple[str, list[int]]] = []
        self.asked = asyncio.Event()
        self._answers: asyncio.Queue[bool | Exception] = asyncio.Queue()

    async def insert(self, batches: list[Batch]) -> bool:
        self.inserts.append((batches[0].TABLE, [len(batch) for batch in batches]))
        self.asked.set()
        answer = await self._answers.get()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def answer(self, *answers: bool | Exception) -> None:
        for answer in answers:
            self._answers.put_nowait(answer)


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[Server, Queue]]:
    server = Server()
    queue = Queue(server.insert, 0.001, 0.001)
    async with asyncio.timeout(30):
        yield server, queue
    queue.cancel()


def rejects(many: int) -> Rejects:
    return Rejects([1] * many, ["esn.logins"] * many, [0] * many, list(range(many)), ["empty"] * many)


class Others(Rejects):
    """Rows of another table."""

    TABLE = "others"


def others(many: int) -> Others:
    return Others(*rejects(many).columns())


async def test_what_comes_during_an_insert_goes_in_the_next() -> None:
    async with serving() as (server, queue):
        first = await queue.put(rejects(1))
        await server.asked.wait()
        rest = [await queue.put(rejects(many)) for many in (2, 3)]
        server.answer(True, True)
        await asyncio.gather(first, *rest)
        assert server.inserts == [("rejects_rows", [1]), ("rejects_rows", [2, 3])]


async def test_patient_rows_gather_until_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "ENOUGH_ROWS", 5)
    monkeypatch.setattr(queued, "PATIENCE_SECONDS", 60.0)
    async with serving() as (server, queue):
        waits = [await queue.put(rejects(2), patient=True) for _ in range(3)]
        server.answer(True)
        await asyncio.gather(*waits)
        assert server.inserts == [("rejects_rows", [2, 2, 2])]


@pytest.mark.parametrize("how", ["hurry", "another", "room"])
async def test_patience_ends_when_somebody_waits(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr(queued, "MOST_ROWS", 4)
    async with serving() as (server, queue):
        first = await queue.put(rejects(3), patient=True)
        await asyncio.sleep(0)
        assert server.inserts == []
        server.answer(True, True)
        if how == "hurry":
            queue.hurry()
        elif how == "another":
            await queue.put(rejects(1))
        else:
            await queue.put(others(2), patient=True)
        await first


async def test_patience_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "PATIENCE_SECONDS", 0.01)
    async with serving() as (server, queue):
        server.answer(True)
        await (await queue.put(rejects(1), patient=True))


async def test_tables_do_not_wait_for_each_other() -> None:
    async with serving() as (server, queue):
        waits = [await queue.put(rejects(1)), await queue.put(others(2))]
        server.answer(True, True)
        await asyncio.gather(*waits)
        assert sorted(server.inserts) == [("others", [2]), ("rejects_rows", [1])]


async def test_an_insert_that_failed_is_made_again_with_what_came_meanwhile() -> None:
    async with serving() as (server, queue):
        first = await queue.put(rejects(1))
        await server.asked.wait()
        second = await queue.put(rejects(2))
        server.answer(False, True)
        await asyncio.gather(first, second)
        assert server.inserts == [("rejects_rows", [1]), ("rejects_rows", [1, 2])]


async def test_an_error_is_told_to_those_whose_rows_were_in_the_insert() -> None:
    async with serving() as (server, queue):
        wrong = await queue.put(rejects(1))
        await server.asked.wait()
        right = await queue.put(rejects(2))
        server.answer(ValueError("wrong"), True)
        with pytest.raises(ValueError, match="wrong"):
            await wrong
        await right


async def test_who_comes_to_a_full_queue_waits_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queued, "MOST_ROWS", 5)
    async with serving() as (server, queue):
        await queue.put(rejects(9))  # more than it holds, but nothing else waits
        late = asyncio.create_task(queue.put(rejects(1)))
        await server.asked.wait()
        assert not late.done()
        server.answer(True, True)
        await (await late)
        assert server.inserts == [("rejects_rows", [9]), ("rejects_rows", [1])]


async def test_cancelled_rows_make_room_and_are_not_tried_again() -> None:
    async with serving() as (server, queue):
        unwanted, wanted = await queue.put(rejects(queued.MOST_ROWS - 1)), await queue.put(rejects(1))
        await server.asked.wait()
        unwanted.cancel()
        more = await queue.put(rejects(2))
        server.answer(False, True)
        await asyncio.gather(wanted, more)
        assert server.inserts[1:] == [("rejects_rows", [1, 2])]


async def test_nothing_is_stored_at_once() -> None:
    async with serving() as (server, queue):
        assert (await queue.put(Rejects.joined([]))).done()
        assert server.inserts == []


async def test_who_waits_when_it_is_all_over_is_told() -> None:
    async with serving() as (server, queue):
        stored = await queue.put(rejects(1))
        await server.asked.wait()
        queue.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stored


def test_pauses_grow_to_the_longest() -> None:
    pauses = queued.pauses(0.2, 1.0)
    assert np.allclose([next(pauses) for _ in range(9)], [0.15, 0.3, 0.6, *[0.75] * 6], rtol=1 / 3)
