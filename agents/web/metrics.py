"""Every metric as it is promised: the closed list, its names, labels and help.

Rules: a metric that is not in `METRICS` does not exist, and its help is its documentation: the README's table is these
words. What they are worth at a moment is found in exporter.py.
"""

from typing import Final, Literal, NamedTuple


class Described(NamedTuple):
    """One metric as it is promised; counters are named with their `_total`."""

    name: str
    kind: Literal["gauge", "counter", "histogram"]
    labels: tuple[str, ...]
    help: str


PEOPLE = Described(
    "esn_active_people",
    "gauge",
    ("dimension", "member", "measure", "window"),
    "People seen in the window that ends at the newest clock, also those of steps not closed yet. Adds up over "
    "workers. Of each dimension the 100 largest members; the rest, and the dimension manager, are in ClickHouse.",
)
ENABLED = Described(
    "esn_enabled_people",
    "gauge",
    ("dimension", "member"),
    "Enabled people of kind person in the segment; in a community, its members. Adds up over workers.",
)
SUPPRESSED = Described(
    "esn_suppressed_segments",
    "gauge",
    ("dimension",),
    "Segments of the 100 largest that are hidden because they have fewer enabled people than ESN_MIN_GROUP. The same "
    "in every worker: take the max.",
)
EVENTS = Described(
    "esn_events_total",
    "counter",
    ("topic", "verb"),
    "Events read, duplicates included; heartbeats have the verb heartbeat.",
)
MOVED = Described(
    "esn_moved_events_total",
    "counter",
    ("topic",),
    "Messages that were sent on to their actor's partition, because a producer's partitioner is not Kafka's default.",
)
REJECTED = Described(
    "esn_rejected_events_total",
    "counter",
    ("reason",),
    "Messages refused; they are in the topic esn.rejects. `esn-pulse rejects` shows them.",
)
LATE = Described("esn_late_events_total", "counter", (), "Events whose time lay behind the watermark when they came.")
DUPLICATE = Described(
    "esn_duplicate_events_total", "counter", (), "Events that were known already, by source and id; not counted again."
)
WATERMARK = Described(
    "esn_watermark_timestamp_seconds",
    "gauge",
    ("partition",),
    "Steps up to here are closed: the smaller clock of esn.logins and esn.content, less the lateness.",
)
LAST_EVENT = Described(
    "esn_source_last_event_timestamp_seconds",
    "gauge",
    ("source",),
    "Newest event or heartbeat of a source, by its own time. The first 50 sources, the rest as `other`.",
)
SILENT = Described(
    "esn_source_silent",
    "gauge",
    ("source",),
    "1 if for 10 minutes neither event nor heartbeat came from the source (without heartbeats: if 20 events were to be "
    "expected besides), in this worker's partitions: it is silent if it is in all workers, min by (source).",
)
LAG = Described(
    "esn_consumer_lag_events",
    "gauge",
    ("topic", "partition"),
    "Messages in the log that are not applied yet.",
)
ROWS = Described(
    "esn_clickhouse_rows_written_total", "counter", ("table",), "Rows stored, those written again included."
)
INSERTS = Described(
    "esn_clickhouse_insert_seconds", "histogram", ("table",), "Duration of the inserts that ClickHouse confirmed."
)
UP = Described("esn_clickhouse_up", "gauge", (), "1 if ClickHouse answered the last insert or check.")
CHECKPOINT = Described(
    "esn_checkpoint_age_seconds",
    "gauge",
    ("partition",),
    "Time since the last checkpoint, or since this worker has the partition.",
)
KNOWN = Described(
    "esn_people_in_state",
    "gauge",
    ("partition",),
    "People that are known, listed or seen, until they are forgotten.",
)
PAUSE = Described(
    "esn_event_loop_pause_seconds",
    "gauge",
    (),
    "Longest time in the last minute or two during which this worker's event loop did nothing else.",
)
EXPECTED = Described(
    "esn_expected_people",
    "gauge",
    ("dimension", "member", "measure"),
    "People expected in the hour that was judged last. Shown by the worker that judges, for the same segments.",
)
EXPECTED_LOW = Described(
    "esn_expected_low_people",
    "gauge",
    ("dimension", "member", "measure"),
    "The alarm line of that hour: so many people or fewer are a drop.",
)
DROP_OPEN = Described(
    "esn_engagement_drop_open",
    "gauge",
    ("dimension", "member", "measure"),
    "1 while an engagement drop is open. Which, since when and why is in the view drops.",
)
DROP_DEPTH = Described(
    "esn_engagement_drop_depth_ratio",
    "gauge",
    ("dimension", "member", "measure"),
    "Share of the expected people that is missing while a drop is open that no other explains (no parent_id): page on "
    "it. From 0.5 on it is major.",
)
SMALLEST_DROP = Described(
    "esn_smallest_drop_ratio",
    "gauge",
    ("dimension", "member", "measure"),
    "The smallest share of the people that could be missed within a day; none while even all could not.",
)
LEARNING = Described("esn_learning_segments", "gauge", (), "Segments that cannot be judged yet.")
ADOPTION = Described(
    "esn_adoption_ratio",
    "gauge",
    ("dimension", "member", "measure"),
    "Share of the enabled people who logged in, were active or contributed in 7 days, 0 to 1, at the end of the newest "
    "whole local day. Shown by the worker that judges, for the same segments.",
)
TARGET = Described(
    "esn_adoption_target_ratio",
    "gauge",
    ("dimension", "member"),
    "The share of active people to reach, from the file of ESN_TARGETS; none where there is no target.",
)
ROLE = Described(
    "esn_role_people",
    "gauge",
    ("dimension", "member", "role"),
    "Enabled people by their role in 28 days: leading, contributor, active_reader, reader or absent.",
)
JOURNEY = Described(
    "esn_journey_people",
    "gauge",
    ("dimension", "member", "stage"),
    "Enabled people by their stage: unaware, aware, visited, first_use, second_use, continuous or lapsed.",
)
BUILD = Described("esn_build_info", "gauge", ("version", "python"), "Always 1; the labels say what runs.")

METRICS: Final[tuple[Described, ...]] = (
    PEOPLE,
    ENABLED,
    SUPPRESSED,
    EVENTS,
    MOVED,
    REJECTED,
    LATE,
    DUPLICATE,
    WATERMARK,
    LAST_EVENT,
    SILENT,
    LAG,
    ROWS,
    INSERTS,
    UP,
    CHECKPOINT,
    KNOWN,
    PAUSE,
    EXPECTED,
    EXPECTED_LOW,
    DROP_OPEN,
    DROP_DEPTH,
    SMALLEST_DROP,
    LEARNING,
    ADOPTION,
    TARGET,
    ROLE,
    JOURNEY,
    BUILD,
)
