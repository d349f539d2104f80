"""Lines of records for tests: `10:00:00` is on Monday 2 March 2026, UTC; other days are written in full.

Rules: makes lines, counts nothing.
"""

from datetime import date, datetime, timedelta
from itertools import count
from typing import Any

_numbers = count(1)


def when(time: str) -> str:
    """`10:00:00`, `2026-03-05T10:00:00` or a full RFC 3339 time -> RFC 3339."""
    full = time if "T" in time else f"2026-03-02T{time}"
    return full if full.endswith("Z") or "+" in full else full + "Z"


def seconds(time: str) -> int:
    """The same as unix seconds."""
    return int(datetime.fromisoformat(when(time)).timestamp())


def milliseconds(time: str) -> int:
    """The same as unix milliseconds; `time` has no fraction."""
    return seconds(time) * 1000


def event(kind: str, time: str, actor: str, **data: Any) -> dict[str, Any]:
    """An event with an id of its own, unless `id` or `source` is given."""
    id_ = data.pop("id", f"e{next(_numbers)}")
    source = data.pop("source", "/tests")
    head = {"specversion": "1.0", "id": id_, "source": source, "type": kind, "time": when(time)}
    return {**head, "data": {"actor": actor, **data}}


def login(time: str, actor: str, **data: Any) -> dict[str, Any]:
    """A login, successful unless `outcome` says otherwise."""
    return event("esn.login", time, actor, **data)


def act(time: str, actor: str, verb: str = "post", **data: Any) -> dict[str, Any]:
    """A content event."""
    return event("esn.content", time, actor, verb=verb, **data)


def heartbeat(time: str) -> dict[str, Any]:
    """The feed is alive up to `time`."""
    return {"specversion": "1.0", "id": f"h{time}", "source": "/tests", "type": "esn.heartbeat", "time": when(time)}


def person(name: str, **columns: Any) -> dict[str, Any]:
    """A directory record."""
    return {"person": name, **columns}


def on(day: int, clock: str = "12:00:00") -> str:
    """A time on the day that is so many days after Monday 2 March 2026."""
    return f"{date_of(day)}T{clock}"


def date_of(day: int) -> date:
    """The date of the same."""
    return date(2026, 3, 2) + timedelta(day)


def until(day: int) -> dict[str, Any]:
    """A heartbeat that closes all days before this one (UTC, with the usual lateness of 2 minutes)."""
    return heartbeat(on(day, "00:02:00.001"))


def nights(first: int, last: int) -> list[dict[str, Any]]:
    """Such heartbeats for every day from the first to the last, so that nothing is skipped."""
    return [until(day) for day in range(first, last + 1)]
