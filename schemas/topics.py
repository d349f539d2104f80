"""Every Kafka topic: its name, how long it keeps what, and whether it is cut like the inputs.

Rules: no broker here, only what is to be true of one; `agents/kafka/broker.py` makes it so, a live test compares
the two. A topic that is cut per source (`per_source`) has the partition count of the inputs, because each
partition p of them belongs to the same people. One with `partitions` has that count: what is judged together
comes to one worker. The others are made with the inputs' count and may have any.

Every record's timestamp is the time of producing (CreateTime), never the event's: retention counts from
arrival, and an event of last year may be replayed today.
"""

from dataclasses import dataclass

DEFAULT_PARTITIONS = 4

_DAY_MS = 24 * 3600 * 1000
_MIB = 1024 * 1024

# The longest window is 28 days and duplicates are known for one more; the rest is a long weekend, and some
# days to mend. So long can the windows be rebuilt from the inputs alone. Not longer: they may hold `text`.
_INPUT_DAYS = 35


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic without its prefix, and the configuration that differs from a broker's defaults."""

    name: str
    config: dict[str, str]
    per_source: bool = False
    partitions: int | None = None

    def full_name(self, prefix: str) -> str:
        """Return the name on the broker: `esn.logins`, or `acme.esn.logins` under the prefix `acme`."""
        return f"{prefix}.{self.name}" if prefix else self.name


def _deleted(days: int, max_mib: int = 1) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(days * _DAY_MS),
        "retention.bytes": "-1",
        "max.message.bytes": str(max_mib * _MIB),
        "message.timestamp.type": "CreateTime",
    }


def _compacted(max_mib: int, segment_mib: int, tombstone_days: int) -> dict[str, str]:
    return {
        "cleanup.policy": "compact",
        "max.message.bytes": str(max_mib * _MIB),
        "message.timestamp.type": "CreateTime",
        # The newest segment is never compacted: roll it daily, so that what was forgotten goes away.
        "segment.ms": str(_DAY_MS),
        "segment.bytes": str(segment_mib * _MIB),
        "max.compaction.lag.ms": str(_DAY_MS),
        "min.cleanable.dirty.ratio": "0.2",
        "delete.retention.ms": str(tombstone_days * _DAY_MS),
    }


LOGINS = Topic("esn.logins", _deleted(_INPUT_DAYS, max_mib=2), per_source=True)
CONTENT = Topic("esn.content", _deleted(_INPUT_DAYS, max_mib=2), per_source=True)

# A worker that was away reads on where it stopped: the null that forgets a person stays as long as the inputs
# do, else a worker that comes back after days would never hear of it.
DIRECTORY = Topic("esn.directory", _compacted(2, 64, tombstone_days=_INPUT_DAYS), per_source=True)

# A department is judged together with its company, so all of it goes to one worker: thousands of segments are judged
# in less than a second. The judge remembers what it read, so a week is enough for it to come back.
PULSE = Topic("esn.pulse", _deleted(7), partitions=1)
DROPS = Topic("esn.drops", _compacted(1, 64, tombstone_days=7))
TRANSITIONS = Topic("esn.transitions", _deleted(_INPUT_DAYS), per_source=True)

# Twice the inputs' size: a refused 2 MiB message, its key and the headers fit.
REJECTS = Topic("esn.rejects", _deleted(7, max_mib=4))

# What source partitions tell each other of people; read at once, and again only after a crash.
NAMED = Topic("esn.named", _deleted(7), per_source=True)

# State; it is read from its beginning at each assignment, so compaction keeps it short.
PAGES = Topic("esn.pages", _compacted(4, 64, tombstone_days=1), per_source=True)
BASELINES = Topic("esn.baselines", _compacted(4, 64, tombstone_days=1), partitions=1)

TOPICS: tuple[Topic, ...] = (
    LOGINS, CONTENT, DIRECTORY, PULSE, DROPS, TRANSITIONS, REJECTS, NAMED, PAGES, BASELINES,
)  # fmt: skip
