"""Quix Streams as its documentation shows it: JSON topics, a StreamingDataFrame, state in RocksDB with a changelog.

BENCH_JOB: `last` keeps each person's last time; `minutes` counts events per minute and verb besides, which needs the
stream grouped by verb and so sends it through Kafka once more.
"""

from datetime import datetime, timedelta
from typing import Any

from quixstreams import Application, State

from tests.bench.peers.progress import GROUP, JOB, KAFKA, STATE, TOPICS, Progress

progress = Progress()


def read(_event: dict[str, Any]) -> None:
    if not progress.count:
        progress.begin()
    progress.add()


def see(event: dict[str, Any], state: State) -> None:
    if event["time"] > state.get("last", ""):
        state.set("last", event["time"])


def event_time(event: dict[str, Any], *_metadata: Any) -> int:
    return int(datetime.fromisoformat(event["time"]).timestamp() * 1000)


def main() -> None:
    """Run until we are ended."""
    app = Application(
        broker_address=KAFKA,
        consumer_group=GROUP,
        auto_offset_reset="earliest",
        state_dir=STATE,
        loglevel="WARNING",
    )
    frames = [app.dataframe(app.topic(topic, value_deserializer="json", key_deserializer="str")) for topic in TOPICS]
    frame = frames[0].concat(frames[1]).update(read)
    frame = frame.filter(lambda event: "data" in event)
    frame = frame.update(see, stateful=True)
    if JOB == "minutes":
        frame = frame.set_timestamp(event_time)
        frame = frame.group_by(lambda event: event["data"].get("verb", "login"), name="verb")
        frame = frame.tumbling_window(timedelta(minutes=1), grace_ms=timedelta(minutes=2)).count().final()
    app.run()


if __name__ == "__main__":
    main()
