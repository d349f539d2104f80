"""The one place that reads the wall clock; everybody else is handed a callable."""

import time


def now_ms() -> int:
    """Return milliseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1_000_000


def monotonic() -> float:
    """Return seconds of a clock that never goes back; its zero means nothing."""
    return time.monotonic()
