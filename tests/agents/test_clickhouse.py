"""The sink and the reader against things that listen but are no healthy ClickHouse: no service is needed.

The real one is in tests/live/test_clickhouse.py.
"""

import asyncio
import contextlib
import logging
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from agents.errors import Failed
from agents.settings import ClickHouseAddress
from agents.storage.clickhouse import LoginRefused, Reader, SchemaWrong, Sink
from schemas.rows import Rejects

UNKNOWN_TABLE, UNKNOWN_DATABASE, NO_SUCH_COLUMN, TYPE_MISMATCH = 60, 81, 16, 53
UNAVAILABLE = {
    "READONLY": 164,
    "NOT_ENOUGH_SPACE": 243,
    "MEMORY_LIMIT_EXCEEDED": 241,
    "TABLE_IS_READ_ONLY": 242,
    "TOO_MANY_PARTS": 252,
    "TOO_MANY_SIMULTANEOUS_QUERIES": 202,
    "a code that nobody knows yet": 59_999,
}
SECRET = "secret of u17"  # noqa: S105  (the listener lets nobody in)
ROWS = Rejects([1_000], ["esn.logins"], [0], [1], ["not_json"])


class Listener:
    """Accepts connections on a port of its own; `answers` are sent to one each, the last one to all that follow.

    A connection without an answer (None) is kept open in silence.
    """

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._changed = threading.Condition()
        self.address = ClickHouseAddress(
            "127.0.0.1", self._socket.getsockname()[1], "default", SECRET, "esn", secure=False
        )
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # the socket was closed: the test is over
            while True:
                connection, _ = self._socket.accept()
                with self._changed:
                    answer = self._answers[min(len(self._open), len(self._answers) - 1)]
                    self._open.append(connection)
                    self._changed.notify_all()
                if answer is not None:
                    connection.sendall(answer)

    async def connections(self, count: int) -> None:
        """Return when so many connections were made."""

        def arrived() -> bool:
            with self._changed:
                return self._changed.wait_for(lambda: len(self._open) >= count, timeout=30)

        assert await asyncio.to_thread(arrived)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for connection in self._open:
            connection.close()


def refusal(code: int) -> bytes:
    """Return ClickHouse's answer to a greeting when it says no: an exception packet, whose text quotes data."""

    def text(words: str) -> bytes:
        return bytes([len(words)]) + words.encode()

    return b"\x02" + struct.pack("<i", code) + text("DB::Exception") + text(SECRET) + text("stack") + b"\x00"


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    made: list[Listener] = []

    def make(*answers: bytes | None) -> Listener:
        made.append(Listener(*answers))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


@contextlib.asynccontextmanager
async def sink_to(listener: Listener) -> AsyncIterator[Sink]:
    sink = Sink(
        listener.address,
        connect_seconds=0.1,
        answer_seconds=0.1,
        pause_seconds=(0.001, 0.01),
    )
    yield sink
    await sink.close()


@contextlib.asynccontextmanager
async def writing(sink: Sink) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(sink.write(ROWS))
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("code", UNAVAILABLE.values(), ids=UNAVAILABLE)
async def test_a_server_that_cannot_store_now_is_asked_again_and_again(
    listen: Callable[..., Listener], code: int
) -> None:
    listener = listen(refusal(code))
    async with sink_to(listener) as sink, writing(sink) as write:
        await listener.connections(4)
        assert not write.done()
        assert not sink.up
        assert str(code) in sink.last_error
        assert sink.rows_written == {}


async def test_a_server_that_hangs_is_asked_again(listen: Callable[..., Listener]) -> None:
    listener = listen(None)
    async with sink_to(listener) as sink, writing(sink) as write:
        await listener.connections(3)
        assert not write.done()
        assert sink.last_error == "no answer in time"


async def test_something_that_is_no_clickhouse_is_asked_again(listen: Callable[..., Listener]) -> None:
    listener = listen(b"HTTP/1.0 400 Bad Request\r\n\r\n")
    async with sink_to(listener) as sink, writing(sink) as write:
        await listener.connections(3)
        assert not write.done()


async def test_a_server_that_is_gone_is_asked_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sink = Sink(ClickHouseAddress("127.0.0.1", port, "default", "", "esn", secure=False), pause_seconds=(0.001, 0.001))
    assert await sink.check() is False
    assert "refused" in sink.last_error
    await sink.close()


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (UNKNOWN_TABLE, "ClickHouse has no table esn.rejects_rows: run `esn-pulse migrate`"),
        (UNKNOWN_DATABASE, "ClickHouse has no database esn: run `esn-pulse migrate`"),
        (NO_SUCH_COLUMN, "table esn.rejects_rows is out of date"),
        (TYPE_MISMATCH, "table esn.rejects_rows is out of date"),
    ],
)
async def test_a_wrong_schema_is_raised(listen: Callable[..., Listener], code: int, told: str) -> None:
    async with sink_to(listen(refusal(code))) as sink:
        with pytest.raises(SchemaWrong, match=told):
            await sink.write(ROWS)


@pytest.mark.parametrize("code", [192, 193, 194, 497, 516])
async def test_a_refused_login_is_raised_at_the_start(listen: Callable[..., Listener], code: int) -> None:
    async with sink_to(listen(refusal(code))) as sink:
        with pytest.raises(LoginRefused, match=r"refuses user default .* set ESN_CLICKHOUSE"):
            await sink.write(ROWS)


async def test_an_outage_at_the_start_does_not_hide_a_refused_login(listen: Callable[..., Listener]) -> None:
    async with sink_to(listen(None, refusal(252), refusal(516))) as sink:
        with pytest.raises(LoginRefused):
            await sink.write(ROWS)


async def test_an_outage_is_logged_once_and_without_data(
    listen: Callable[..., Listener], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    listener = listen(refusal(252))
    async with sink_to(listener) as sink, writing(sink):
        await listener.connections(4)
        assert [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG] == [
            "ClickHouse stores nothing (TOO_MANY_PARTS, code 252): trying again until it does"
        ]
    assert SECRET not in caplog.text


async def test_a_cancelled_write_leaves_the_sink_usable(listen: Callable[..., Listener]) -> None:
    listener = listen(None, refusal(UNKNOWN_TABLE))
    async with sink_to(listener) as sink:
        async with writing(sink):
            await listener.connections(1)
        with pytest.raises(SchemaWrong):
            await sink.write(ROWS)


async def test_closing_does_not_wait_for_a_server_that_hangs(listen: Callable[..., Listener]) -> None:
    listener = listen(None)
    sink = Sink(listener.address, answer_seconds=3_600)
    async with writing(sink):
        await listener.connections(1)
    await sink.close()


async def test_nothing_to_write_needs_no_server() -> None:
    sink = Sink(ClickHouseAddress("127.0.0.1", 1, "default", "", "esn", secure=False))
    await sink.write(Rejects.joined([]))
    await sink.close()


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (None, Failed, r"no ClickHouse at 127.0.0.1:\d+ \(no answer in time\): start one with `esn-pulse local up`"),
        (refusal(252), Failed, r"refused \(TOO_MANY_PARTS, code 252\)"),
        (refusal(516), LoginRefused, "refuses user default"),
        (refusal(UNKNOWN_DATABASE), SchemaWrong, "has no database esn: run `esn-pulse migrate`"),
        (refusal(UNKNOWN_TABLE), SchemaWrong, "database esn is out of date .*: run `esn-pulse migrate`"),
    ],
)
def test_the_readers_errors_are_one_line_that_says_what_to_do(
    listen: Callable[..., Listener], answer: bytes | None, kind: type[Failed], told: str
) -> None:
    reader = Reader(listen(answer).address, answer_seconds=0.1)
    with reader, pytest.raises(kind, match=told) as caught:
        reader.query("SELECT 1")
    assert SECRET not in str(caught.value)
    assert "\n" not in str(caught.value)
