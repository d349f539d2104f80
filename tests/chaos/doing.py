"""What a worker is doing at any moment, so that a log can say what a kill interrupted.

Rules: written to a file that is mapped into memory, so it survives SIGKILL and costs next to nothing; changes nothing
that the product does. A name may be there twice: several partitions work side by side.
"""

import inspect
import mmap
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from agents.seam.partitions import Partitions
from agents.storage.clickhouse import Sink
from agents.worker.app import Pulse
from agents.worker.baselines import Baselines
from agents.worker.checkpoint import Checkpoint
from agents.worker.intake import Intake
from agents.worker.judging import Judging

BYTES = 4096
DOINGS: list[tuple[type, str, Callable[..., str]]] = [
    (Pulse, "_begin", lambda *_: "taking over a partition"),
    (Pulse, "_judge_if", lambda *_: "taking over or leaving the judge"),
    (Pulse, "_settle", lambda *_: "last checkpoints"),
    (Intake, "_read_directory", lambda *_: "reading the directory"),
    (Intake, "_read", lambda *_: "reading"),
    (Intake, "_advance", lambda *_: "applying"),
    (Intake, "_closed_rows", lambda *_: "closing steps"),
    (Sink, "_insert", lambda _self, batches: f"an insert of {batches[0].TABLE}"),
    (Checkpoint, "_send", lambda *_: "a transaction"),
    (Baselines, "_send", lambda *_: "the judge's transaction"),
    (AIOKafkaProducer, "commit_transaction", lambda *_: "a transaction's commit"),
    (Partitions, "commit", lambda *_: "the group's commit"),
    (Judging, "_judge", lambda *_: "judging"),
]


def tell(path: Path) -> None:
    """Write down from now on what this process does."""
    path.write_bytes(b"\0" * BYTES)
    with path.open("r+b") as file:
        shared = mmap.mmap(file.fileno(), BYTES)
    now: Counter[str] = Counter()
    lock = threading.Lock()

    @contextmanager
    def during(name: str) -> Iterator[None]:
        _add(name, 1)
        try:
            yield
        finally:
            _add(name, -1)

    def _add(name: str, count: int) -> None:
        with lock:
            now[name] += count
            told = "\n".join(sorted(now.elements())).encode()[: BYTES - 1]
            shared[:] = told.ljust(BYTES, b"\0")

    for owner, method, name in DOINGS:
        setattr(owner, method, _told(getattr(owner, method), name, during))


def told(path: Path) -> list[str]:
    """Return what a process was doing last; nothing if it only waited."""
    return path.read_bytes().rstrip(b"\0").decode().splitlines() if path.exists() else []


def _told(product: Any, name: Callable[..., str], during: Callable[[str], Any]) -> Any:
    if inspect.iscoroutinefunction(product):

        async def wrapped(*given: Any, **named: Any) -> Any:
            with during(name(*given)):
                return await product(*given, **named)

        return wrapped

    def plain(*given: Any, **named: Any) -> Any:
        with during(name(*given)):
            return product(*given, **named)

    return plain
