"""What is published in `esn.pulse`: a record per row of a closed step, then one that closes the step.

    key               value
    dimension/member  the row: people in one source partition, segment and measure; there is none where nobody is
    closing           everything of this step and source partition came before

Times are RFC 3339, UTC. A step may be published again after a crash: of one source partition the greatest epoch stands,
and it replaces all of the step. `at` is the first field: who wants some steps only need not read further.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

import msgspec

CLOSING: Final = b"closing"


class Row(msgspec.Struct, frozen=True):
    """One row."""

    at: str
    source_partition: int
    epoch: int
    dimension: str
    member: str
    measure: str
    enabled: int
    w5m: int
    w1h: int
    w24h: int
    w7d: int
    w28d: int
    fed: bool


class Closing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The end of a step; if it is not fed, `silent_since` is when the first silent source was last heard of."""

    at: str
    source_partition: int
    epoch: int
    partitions: int
    fed: bool
    silent_since: str | None = None


@lru_cache(maxsize=1000)
def instant(unix_seconds: int) -> str:
    """Write a time as records have it: 2026-11-22T08:15:00Z."""
    return datetime.fromtimestamp(unix_seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def unix_seconds(instant_: str) -> int:
    """Read such a time."""
    return int(datetime.fromisoformat(instant_).timestamp())
