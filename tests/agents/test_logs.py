"""One line per record, as text or JSON, with nobody's id and nobody's words in it."""

import asyncio
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiokafka.errors import KafkaConnectionError
from clickhouse_driver.errors import ServerException
from faust.types import TP

from agents import logs
from agents.errors import Failed
from agents.logs import told
from agents.settings import Settings

WHO = "u17-maria@example.org"
Logged = Callable[[], list[str]]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Give back the root logger and the levels as they were."""
    root = logging.getLogger()
    names = [*logs._CHATTY, "aiokafka.consumer.group_coordinator"]
    before = root.handlers[:], root.level, logging.raiseExceptions, {n: logging.getLogger(n).level for n in names}
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], logging.raiseExceptions = before[0], before[2]
    root.setLevel(before[1])
    for name, level in before[3].items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def begin(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Logged]:
    def begin(**env: str) -> Logged:
        stream = io.StringIO()
        monkeypatch.setattr(sys, "stderr", stream)
        logs.begin(Settings.from_env(env))
        return lambda: stream.getvalue().splitlines()

    return begin


def failing(exc: BaseException) -> Any:
    try:
        raise exc
    except type(exc):
        return sys.exc_info()


def test_text(begin: Callable[..., Logged]) -> None:
    logged = begin()
    logging.getLogger("agents.web.server").info(
        "worker %s", "started", extra=told(kafka="a:1,b:2", partitions="0, 1", n=3)
    )
    (line,) = logged()
    at, rest = line.split(" ", 1)
    assert len(at) == len("2026-11-22T08:15:03.120Z")
    assert at.endswith("Z")
    assert rest == 'INFO agents.web.server: worker started kafka=a:1,b:2 partitions="0, 1" n=3'


def test_json(begin: Callable[..., Logged]) -> None:
    logged = begin(ESN_LOG_FORMAT="json")
    logging.getLogger("agents.web.server").warning("né %d\nlines", 2, extra=told(n=3, ok=True, level="mine", none=None))
    line = json.loads(logged()[0])
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "agents.web.server",
        "message": "né 2 lines",
        "n": 3,
        "ok": True,
        "none": None,
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_every_record_is_one_line(begin: Callable[..., Logged], log_format: str) -> None:
    logged = begin(ESN_LOG_FORMAT=log_format, ESN_LOG_LEVEL="debug")
    log = logging.getLogger("faust.assignor")
    log.info("\n+Table---+\n| topic | %s |\n+-----+", "a\nb")
    log.error("crashed", exc_info=failing(ValueError("one\ntwo")))
    log.info("x", extra=told(field="a\nb"))
    log.info(SimpleNamespace(a="\n"))
    assert len(logged()) == 4


def test_others_chatter_is_for_their_authors(begin: Callable[..., Logged]) -> None:
    logged = begin()
    for name in ("faust.worker", "mode.service", "aiokafka.cluster", "kafka.conn", "asyncio", "aiohttp.access"):
        logging.getLogger(name).info("chatter")
        logging.getLogger(name).warning("trouble of %s", name)
    logging.getLogger("agents.seam.faust_driver").info("[^--Consumer]: Starting...")
    logging.getLogger("agents.worker.app").info("ours")
    logging.getLogger("agents.worker.app").debug("too much")
    logging.getLogger("aiokafka.consumer.group_coordinator").warning("the group is rebalancing")
    said = [line.split(" ", 1)[1] for line in logged()]
    assert len(said) == 7
    assert all(line.startswith("WARNING") for line in said[:6])
    assert said[6] == "INFO agents.worker.app: ours"


def test_debug_shows_them(begin: Callable[..., Logged]) -> None:
    logged = begin(ESN_LOG_LEVEL="debug")
    logging.getLogger("faust.worker").info("chatter")
    logging.getLogger("agents.seam.faust_driver").info("[^--Consumer]: Starting...")
    assert len(logged()) == 2


def test_error_silences_warnings(begin: Callable[..., Logged]) -> None:
    logged = begin(ESN_LOG_LEVEL="error")
    logging.getLogger("faust.worker").warning("trouble")
    logging.getLogger("agents.worker.app").warning("trouble")
    logging.getLogger("agents.worker.app").error("more")
    assert len(logged()) == 1


def test_beginning_twice_says_things_once(begin: Callable[..., Logged]) -> None:
    begin()
    logged = begin()
    logging.getLogger("agents.worker.app").info("once")
    assert len(logged()) == 1


def test_a_failed_is_left_to_the_command(begin: Callable[..., Logged]) -> None:
    logged = begin()
    failure = Failed("no topic: run `esn-pulse topics`")
    logging.getLogger("faust.app").error("crashed", exc_info=failing(failure))
    logging.getLogger("mode.worker").error("Error: %r", failure)
    logging.getLogger("agents.web.chosen").warning("cannot ask: %s", failure)
    assert [line.split(": ", 1)[1] for line in logged()] == [f"cannot ask: Failed: {failure}"]


def test_what_may_be_said_of_an_exception(begin: Callable[..., Logged]) -> None:
    logged = begin(ESN_LOG_FORMAT="json")
    log = logging.getLogger("agents.worker.app")
    log.error("a", exc_info=failing(ConnectionRefusedError(111, "Connection refused")))
    log.error("b", exc_info=failing(KafkaConnectionError("no broker at 127.0.0.1:9092")))
    inner = KeyError(WHO)
    outer = RuntimeError(WHO)
    outer.__cause__ = failing(inner)[1]
    log.error("c", exc_info=failing(outer))
    a, b, c = (json.loads(line)["error"] for line in logged())
    assert a.startswith("ConnectionRefusedError: Connection refused at test_logs.py:")
    assert b.startswith("KafkaConnectionError: KafkaConnectionError: no broker at 127.0.0.1:9092 at test_logs.py:")
    assert c.startswith("RuntimeError at test_logs.py:")
    assert "; after KeyError at test_logs.py:" in c
    assert "failing" in c


def test_an_exception_that_was_raised_from_itself_is_told_once(begin: Callable[..., Logged]) -> None:
    logged = begin()
    exc = KeyError(WHO)
    exc.__cause__ = exc
    logging.getLogger("agents.commands.worker").critical("a bug ended the worker", exc_info=failing(exc))
    logging.getLogger("faust.worker").critical("[^Worker]: We experienced a crash! Reraising original exception...")
    (line,) = logged()
    assert line.count("KeyError at") == 1
    assert WHO not in line


def utterances() -> list[Any]:
    """What careless code, ours or others', hands to a logger."""
    record = SimpleNamespace(key=WHO.encode(), value=b'{"text": "gracias ' + WHO.encode() + b'"}')
    try:
        msgspec.json.decode(f'{{"a": "{WHO}"'.encode())
    except msgspec.DecodeError as error:
        broken: Exception = error
    return [
        KeyError(WHO),
        UnicodeEncodeError("utf-8", WHO, 0, 1, WHO),
        ServerException(f"cannot parse {WHO}", 27),
        OSError(f"odd {WHO}"),
        broken,
        record,
        record.value,
        bytearray(record.value),
        memoryview(record.value),
        {"actor": WHO},
        [WHO],
        (WHO, WHO),
        {WHO},
        [(WHO,)],
        [record],
        {TP(WHO, 1): record},
    ]


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("place", range(len(utterances())))
def test_no_person_gets_into_a_line(begin: Callable[..., Logged], log_format: str, place: int) -> None:
    logged = begin(ESN_LOG_FORMAT=log_format, ESN_LOG_LEVEL="debug")
    said = utterances()[place]
    for name in ("agents.worker.intake", "faust.agents", "aiokafka.producer"):
        log = logging.getLogger(name)
        log.error("it was %s", said)
        log.error("it was %r and %r", said, said)
        log.error("it was %(what)r", {"what": said})
        log.error(said)
        log.info("fields", extra=told(what=said))
        log.error("wrong number of arguments: %s %s", said)  # noqa: PLE1206
        if isinstance(said, Exception):
            log.error("it failed", exc_info=failing(said))
    assert len(logged()) >= 18
    assert WHO not in "\n".join(logged())
    assert "maria" not in "\n".join(logged())


async def test_a_task_that_nobody_asks_about_tells_no_names(begin: Callable[..., Logged]) -> None:
    logged = begin()

    async def fails() -> None:
        raise KeyError(WHO)

    task = asyncio.create_task(fails())
    await asyncio.wait([task])
    asyncio.get_running_loop().call_exception_handler(
        {"message": "Task exception was never retrieved", "exception": task.exception(), "future": task}
    )
    (line,) = logged()
    assert "Task exception was never retrieved" in line
    assert "KeyError at test_logs.py" in line
    assert WHO not in line


def test_places_in_the_log_are_told(begin: Callable[..., Logged]) -> None:
    logged = begin()
    logging.getLogger("agents.seam.batches").warning(
        "%s and %s and %s", TP("esn.logins", 3), {TP("esn.content", 1)}, [1, 2]
    )
    assert "TP(topic='esn.logins', partition=3) and {TP(topic='esn.content', partition=1)} and [1, 2]" in logged()[0]


def test_warnings_are_records(begin: Callable[..., Logged]) -> None:
    logged = begin()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old ways", stacklevel=1)
    assert any("py.warnings" in line and "old ways" in line for line in logged())
