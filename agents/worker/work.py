"""A task that works on its own and makes checkpoints: begun, settled and ended in one way, whatever it works on."""

import asyncio
from collections.abc import Awaitable, Callable

from agents.worker.checkpoint import Fenced, Ledger
from agents.worker.feed import News


class Work:
    """Subclasses do one round after the other in `_turn`, and in it a checkpoint when `_save_soon` asks for one."""

    def __init__(self, name: str, ledger: Ledger) -> None:
        self.fenced = False
        """Another worker took over: nothing that is done here counts any more."""
        self._name, self._ledger = name, ledger
        self._news = News()
        self._saved = asyncio.Event()
        self._save_soon = False
        self._task: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        """Whether it was begun and works no more."""
        return self._task is not None and self._task.done()

    def start(self, failed: Callable[[BaseException], Awaitable[None]]) -> None:
        """Begin to work; `failed` is told of a bug, a wrong schema, or `Fenced`."""
        self._task = asyncio.create_task(self._work(failed), name=self._name)

    async def settle(self) -> None:
        """Make a checkpoint at the next moment at which one can be made; return when it is committed."""
        if self._task is not None and not self._task.done():
            self._saved.clear()
            self._save_soon = True
            self._news.ring()
            waits = asyncio.create_task(self._saved.wait())
            await asyncio.wait({waits, self._task}, return_when=asyncio.FIRST_COMPLETED)
            waits.cancel()

    async def stop(self) -> None:
        """End the task, wherever it is."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._ledger.close()

    async def _turn(self) -> bool:
        """Do one round; say whether there is more to do at once."""
        raise NotImplementedError

    async def _work(self, failed: Callable[[BaseException], Awaitable[None]]) -> None:
        try:
            while True:
                if not (await self._turn() or self._save_soon):
                    await self._news.wait()
        except Fenced as exc:
            self.fenced = True
            await failed(exc)
        except Exception as exc:
            await failed(exc)
