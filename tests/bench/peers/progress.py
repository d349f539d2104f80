"""How a contestant tells how far it is: lines of numbers on standard output. Standard library only.

The first line is a 0, said when reading begins: time and CPU are counted from there. The last one says that all is
read.
"""

import os
from typing import Final

KAFKA: Final = os.environ.get("BENCH_KAFKA", "")
TOPICS: Final = os.environ.get("BENCH_TOPICS", "").split(",")
GROUP: Final = os.environ.get("BENCH_GROUP", "")
STATE: Final = os.environ.get("BENCH_STATE", "")
"""A fresh directory."""
TOTAL: Final = int(os.environ.get("BENCH_TOTAL", "0"))
"""Messages in the topics."""
JOB: Final = os.environ.get("BENCH_JOB", "")
_EVERY: Final = 1000


class Progress:
    """Counts messages and tells each thousand."""

    def __init__(self) -> None:
        self.count = 0
        self._next = _EVERY

    def begin(self) -> None:
        """Say that reading begins."""
        _say(0)

    def add(self, more: int = 1) -> None:
        """Count messages."""
        self.count += more
        if self.count >= self._next or self.count == TOTAL:
            self._next = self.count + _EVERY
            _say(self.count)


def _say(count: int) -> None:
    os.write(1, b"%d\n" % count)  # not `print`: Faust makes log lines of that
