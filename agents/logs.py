"""The worker's log: one line per event that an operator cares about, as text or JSON, on standard error.

Rules: a record is one line, whoever writes it. No person's id and no text of an event gets in: what is logged about
data is its type and length; an exception is its type and where it came from, for messages quote what could not be
read. The messages of our own `Failed`, of the operating system and of Kafka's client do not, and are told.
Fields go beside the message: `log.info("reading goes on", extra=told(partitions="0, 2"))`.
"""

import json
import logging
import sys
import traceback
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final

from aiokafka.errors import KafkaError

from agents.errors import Failed
from agents.settings import Settings

_CHATTY: Final = ("faust", "mode", "aiokafka", "kafka", "aiohttp", "asyncio", "concurrent")
"""Others' loggers: what they say at INFO is for their authors."""
_COORDINATOR: Final = logging.ERROR
"""It warns of each rebalance, which our own lines tell."""
_PLAIN: Final = (str, int, float, bool, type(None), PurePath)


def begin(settings: Settings) -> None:
    """Send every log record of this process to standard error, as the settings say."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(Json() if settings.log_format == "json" else Text())
    handler.addFilter(_is_for_operators)
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if not isinstance(one, _Handler)] + [handler]
    root.setLevel(settings.log_level.upper())
    others = logging.NOTSET if settings.log_level == "debug" else max(logging.WARNING, root.level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(others)
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(others and _COORDINATOR)
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a record that cannot be written would be printed with all it holds


def told(**fields: object) -> dict[str, object]:
    """Return what `extra` wants, for fields beside the message."""
    return {"fields": fields}


class Text(logging.Formatter):
    """2026-11-22T08:15:03.120Z INFO agents.web.server: worker started kafka=127.0.0.1:9092"""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        parts = [f"{_at(record)} {record.levelname} {record.name}: {_message(record)}"]
        parts += [f"{name}={_quoted(value)}" for name, value in _fields(record)]
        return " ".join(parts)


class Json(logging.Formatter):
    """{"at": ..., "level": ..., "logger": ..., "message": ...} and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fixed = {
            "at": _at(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        return json.dumps(
            fixed | {name: value for name, value in _fields(record) if name not in fixed}, ensure_ascii=False
        )


class _Handler(logging.StreamHandler[Any]):
    """Ours, to be told from those that others have put up."""


def kind(exc: BaseException) -> str:
    """Return an exception's type, and its message if that holds no data."""
    name = type(exc).__name__
    if isinstance(exc, Failed | KafkaError):
        return f"{name}: {_one_line(str(exc))}"
    return f"{name}: {exc.strerror}" if isinstance(exc, OSError) and exc.strerror else name


def error(exc: BaseException) -> str:
    """Return what may be said of an exception, and where it and its causes came from."""
    told: list[BaseException] = []
    at: BaseException | None = exc
    while at is not None and at not in told:  # Faust raises a crash's exception from itself
        told.append(at)
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    return "; after ".join(map(_with_place, told))


def _with_place(exc: BaseException) -> str:
    frames = traceback.extract_tb(exc.__traceback__)
    where = " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames))
    return f"{kind(exc)} at {where}" if where else kind(exc)


def _is_for_operators(record: logging.LogRecord) -> bool:
    """Leave out a Failed, which the command tells at its end, and at INFO how Faust's services begin and end."""
    exc = record.exc_info[1] if record.exc_info else None
    said = [exc, *(record.args if isinstance(record.args, tuple) else ())]
    if not record.name.startswith("agents") and any(isinstance(one, Failed) for one in said):
        return False
    text = str(record.msg)
    if text.endswith("Reraising original exception..."):  # our own line tells it, with what it was
        return False
    of_service = text.startswith("[^")
    return record.levelno != logging.INFO or not of_service or logging.getLogger("mode").level == logging.NOTSET


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    template, args = record.msg, record.args
    if not isinstance(template, str):
        return str(_harmless(template))
    if record.name == "asyncio":  # puts the repr of tasks and their exceptions into the lines after the first
        template = template.partition("\n")[0]
    if isinstance(args, Mapping) and "%(" in template:
        harmless: Any = {name: _harmless(value) for name, value in args.items()}
    else:  # logging unpacks a mapping that is the only argument, whether or not the template wants its items
        harmless = tuple(map(_harmless, (args,) if isinstance(args, Mapping) else args or ()))
    try:
        return _one_line(template % harmless if harmless else template)
    except (TypeError, ValueError, KeyError):
        return _one_line(template)


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, Any]]:
    for name, value in getattr(record, "fields", {}).items():
        harmless = _harmless(value)
        yield name, harmless if isinstance(harmless, int | float | None) else _one_line(str(harmless))
    exc = record.exc_info[1] if record.exc_info else None
    if exc is not None:
        yield "error", error(exc)


class _Instead(str):
    """Stands for something that is not to be told, with %s and with %r."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _harmless(value: Any) -> Any:
    if isinstance(value, BaseException):
        return _Instead(kind(value))
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return _Instead(f"<{len(value)} bytes>")
    if _is_place(value):
        return value
    if isinstance(value, list | tuple | set | frozenset) and all(map(_is_place, value)):
        return value
    return _Instead(f"<{type(value).__name__}>")


def _is_place(value: Any) -> bool:
    """Say whether this is a number, or a topic partition of whichever library."""
    return isinstance(value, int) or (
        isinstance(value, tuple) and getattr(value, "_fields", ()) == ("topic", "partition")
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(value: object) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if not text or any(c in text for c in ' "=') else text
