"""What processes cost: CPU time and memory, from Linux's /proc, children included.

Memory is the sum of resident sets: pages that parent and child share count twice.
"""

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_LOOK_SECONDS: Final = 0.2


class Cost(NamedTuple):
    """Of some processes and all their children."""

    cpu_seconds: float
    bytes: int


class _Stat(NamedTuple):
    parent: int
    cpu_ticks: int
    pages: int


def cost(roots: Iterable[int]) -> Cost:
    """Return what these processes and their children have cost so far; children that ended count, too."""
    found = _all()
    family, fresh = set[int](), {pid for pid in roots if pid in found}
    while fresh:
        family |= fresh
        fresh = {pid for pid, stat in found.items() if stat.parent in fresh} - family
    stats = [found[pid] for pid in family]
    return Cost(sum(stat.cpu_ticks for stat in stats) / _TICKS, sum(stat.pages for stat in stats) * _PAGE)


def _all() -> dict[int, _Stat]:
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                # behind the name, which may hold anything: state, parent ... utime, stime, cutime, cstime ... rss
                words = (folder / "stat").read_text().rpartition(")")[2].split()
                found[int(folder.name)] = _Stat(int(words[1]), sum(map(int, words[11:15])), int(words[21]))
    return found


class Meter:
    """Measures processes from `with` on; `cost()` may be asked inside and afterwards."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = list(roots)
        self._before = cost(self._roots).cpu_seconds
        self._peak = 0
        self._now = Cost(0.0, 0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def cost(self) -> Cost:
        """Return CPU time since the beginning, and the most memory at any one time."""
        self._look()
        return self._now

    def _watch(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            self._look()

    def _look(self) -> None:
        found = cost(self._roots)
        self._peak = max(self._peak, found.bytes)
        if found.bytes:  # else all have ended: what they had cost by then stands
            self._now = Cost(found.cpu_seconds - self._before, self._peak)
