"""Faust as its documentation shows it: an agent over a stream of Records, and a Table.

The Table's changelog is in Kafka, its state in memory (`memory://`, the default).
"""

from typing import Any

import faust

from tests.bench.peers.progress import GROUP, KAFKA, STATE, TOPICS, Progress


class Data(faust.Record):
    """What an event says."""

    actor: str
    verb: str | None = None
    outcome: str | None = None
    client: str | None = None
    object: str | None = None
    object_kind: str | None = None
    community: str | None = None


class Event(faust.Record, serializer="json"):
    """An event; a heartbeat has no data."""

    id: str
    source: str
    type: str
    time: str
    data: Data | None = None


app = faust.App(
    GROUP,
    broker=f"kafka://{KAFKA}",
    datadir=STATE,
    topic_partitions=4,
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
)
last_seen = app.Table("last_seen", default=str, partitions=4)
progress = Progress()


@app.agent(app.topic(*TOPICS, key_type=str, value_type=Event))
async def see(events: Any) -> None:
    """Keep each person's last time: RFC 3339 in UTC sorts as text."""
    async for event in events:
        if not progress.count:
            progress.begin()
        if event.data is not None and event.time > last_seen[event.data.actor]:
            last_seen[event.data.actor] = event.time
        progress.add()


if __name__ == "__main__":
    app.main()
