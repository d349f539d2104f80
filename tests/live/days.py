"""Rows of local days as the pipeline writes them, put into ClickHouse by hand."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from clickhouse_driver import Client

from agents.settings import Settings

Count = tuple[date, str, str, str, int, int, int]
"""day, dimension, member, what, n, source partition, people"""

_DAILY = "day, dimension, member, what, n, source_partition, people, partitions, version"


def insert(settings: Settings, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows, and hang up."""
    client = Client(settings.clickhouse.host, settings.clickhouse.port, database=settings.database)
    client.execute(f"INSERT INTO {table} ({columns}) VALUES", list(map(tuple, rows)))
    client.disconnect()


def write_days(settings: Settings, counts: Iterable[Count], partitions: int = 1, version: int = 1) -> None:
    """Write counts of days."""
    insert(settings, "daily_rows", _DAILY, ((*count, partitions, version) for count in counts))


def whole(days: Iterable[date], enabled: int = 0, partitions: int = 1) -> list[Count]:
    """Return the rows that tell that every source partition has written these days, and knows whom others named."""
    return [
        (day, "company", "all", what, 0, number, enabled if what == "enabled" else 0)
        for day in days
        for number in range(partitions)
        for what in ("enabled", "aware")
    ]
