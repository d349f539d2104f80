"""Bytewax as its documentation shows it: a dataflow from Kafka with keyed state, recovery every 10 s.

BENCH_JOB: `last` keeps each person's last time; `minutes` counts events per minute and verb besides.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower, count_window
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import cluster_main

from tests.bench.peers.progress import JOB, KAFKA, STATE, TOPICS, Progress

progress = Progress()
Event = dict[str, Any]


class Nowhere(StatelessSinkPartition[Any]):  # type: ignore[misc]  # its types are not here
    """Takes what comes out; a dataflow needs an end."""

    def write_batch(self, items: list[Any]) -> None:
        """Drop it."""


class Dropped(DynamicSink[Any]):  # type: ignore[misc]
    """Makes the ends."""

    def build(self, step_id: str, worker_index: int, worker_count: int) -> Nowhere:  # noqa: ARG002
        """Make one."""
        return Nowhere()


def decoded(messages: list[Any]) -> Iterable[Event]:
    if not progress.count:
        progress.begin()
    progress.add(len(messages))
    events = (orjson.loads(message.value) for message in messages)
    return [event for event in events if "data" in event]


def latest(last: str | None, event: Event) -> tuple[str, str]:
    time = event["time"]
    newest = time if last is None or time > last else last
    return newest, newest


def main() -> None:
    """Run until we are ended."""
    flow = Dataflow("bench")
    messages = op.input("kafka", flow, KafkaSource([KAFKA], TOPICS))
    events = op.flat_map_batch("decode", messages, decoded)
    people = op.key_on("person", events, lambda event: event["data"]["actor"])
    op.output("people", op.stateful_map("last", people, latest), Dropped())
    if JOB == "minutes":
        clock = EventClock(lambda event: datetime.fromisoformat(event["time"]), timedelta(minutes=2))
        begin = datetime.fromisoformat("2026-01-01T00:00:00Z")
        minutes = TumblingWindower(length=timedelta(minutes=1), align_to=begin)
        counts = count_window("count", events, clock, minutes, lambda event: event["data"].get("verb", "login"))
        op.output("minutes", counts.down, Dropped())
    folder = Path(STATE)
    init_db_dir(folder, 1)
    cluster_main(flow, [], 0, epoch_interval=timedelta(seconds=10), recovery_config=RecoveryConfig(folder))


if __name__ == "__main__":
    main()
