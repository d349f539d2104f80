"""Work in a thread that nobody waits for at the end: a ClickHouse that hangs must not keep us from ending."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


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
