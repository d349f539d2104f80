"""Work in a thread that nobody waits for at the end: a ClickHouse that hangs must not keep us from ending.

Most of it is tried again and again; `Failures` says when that is told.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

T = TypeVar("T")

TOLD_FAILURES: Final = 3
"""In a row, before they are told: what keeps the worker from starting is told by others, at once."""


class Failures:
    """Those of a work that is tried again and again: told once, when there were some in a row; `what` could not be."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log, self._what = log, what
        self._in_a_row = 0

    def add(self, error: Exception) -> None:
        """Note one."""
        self._in_a_row += 1
        if self._in_a_row == TOLD_FAILURES:
            self._log.warning("%s: %s", self._what, error)

    def end(self) -> None:
        """Note that it was done."""
        self._in_a_row = 0


async def aside(name: str, work: Callable[[], T]) -> T:
    """Return what the work returns; whoever awaits it may be cancelled, the work then ends on its own."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(settle: Callable[..., None], what: object) -> None:
        if not done.done():
            settle(what)

    def run() -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            try:
                loop.call_soon_threadsafe(tell, done.set_result, work())
            except Exception as error:
                loop.call_soon_threadsafe(tell, done.set_exception, error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await done
