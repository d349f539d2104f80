"""The one door to kafka-python: what the commands ask a broker for. (The worker talks through Faust and aiokafka.)

Rules: every error of the client leaves here as one `Failed` that says what to do, within seconds; nothing of its
logging reaches the terminal. Topic names are full names, prefix included, except where a `Topic` is asked for.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetSpec, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.partitioner import murmur2

from agents.errors import Failed
from agents.kafka.security import aiokafka_options, knock
from agents.settings import Settings
from schemas.topics import DEFAULT_PARTITIONS, TOPICS, Topic

_CONNECT_SECONDS = 5.0
_MAX_REQUEST_BYTES = 4 << 20  # as much as the largest topic takes
_UNSENT_MESSAGES = 50_000  # kafka-python has no bound of its own on what it holds back
_UNSENT_BYTES = 32 << 20
_COORDINATOR_SECONDS = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Change:
    """What `create_topics` did to one topic."""

    topic: str
    partitions: int
    did: str


@dataclass(frozen=True, slots=True)
class Group:
    """A consumer group."""

    state: str
    """As Kafka calls it: Stable, Empty, ...; nothing if there is no such group."""
    members: int


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition that Kafka's default partitioner gives a key (murmur2, as in Java)."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


class Admin:
    """What can be asked and changed about topics and groups."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def topics(self) -> dict[str, int]:
        """Return every topic with its number of partitions."""
        return {topic["name"]: len(topic["partitions"]) for topic in self._client.describe_topics()}

    def partitions(self, topic: str) -> int:
        """Return a topic's number of partitions; Failed if there is no such topic."""
        count = self.topics().get(topic)
        if not count:
            raise Failed(f"there is no topic {topic}: run `esn-pulse topics`")
        return count

    def configs(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Return the whole configuration of each topic."""
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
        found = self._client.describe_configs(wanted, config_filter="all")["topic"] if wanted else {}
        return {topic: {name: entry["value"] for name, entry in all_.items()} for topic, all_ in found.items()}

    def create(self, topic: str, partitions: int, config: dict[str, str]) -> None:
        """Create a topic with the broker's default replication, and wait until it can be used."""
        asked = {topic: {"num_partitions": partitions, "replication_factor": -1, "configs": config}}
        with suppress(kafka_errors.TopicAlreadyExistsError):  # somebody else was a moment quicker
            self._client.create_topics(asked, wait_for_metadata=True)

    def alter(self, topic: str, config: dict[str, str]) -> None:
        """Set these entries of a topic's configuration and leave the others."""
        answer = self._client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, dict(config))])
        if answer["topic"][topic] != "OK":
            raise Failed(f"Kafka refuses the configuration of {topic}: {answer['topic'][topic]}")

    def delete(self, topics: Iterable[str]) -> None:
        """Delete topics."""
        self._client.delete_topics(list(topics))

    def offsets(self, topic: str) -> dict[int, tuple[int, int]]:
        """Return each partition's first offset and the one behind its last."""
        all_ = [TopicPartition(topic, partition) for partition in range(self.partitions(topic))]
        first = self._client.list_partition_offsets(dict.fromkeys(all_, OffsetSpec.EARLIEST))
        end = self._client.list_partition_offsets(dict.fromkeys(all_, OffsetSpec.LATEST))
        return {tp.partition: (first[tp].offset, end[tp].offset) for tp in all_}

    def widen(self, topic: str, partitions: int) -> None:
        """Give a topic more partitions."""
        self._client.create_partitions({topic: partitions})

    def group(self, name: str) -> Group:
        """Return a consumer group's state and size."""

        def ask() -> Group:
            told = self._client.describe_groups([name])[name]
            if told["group_state"] == "Dead":  # there is none; newer brokers add an error to it
                return Group("", 0)
            if told["error"]:
                raise kafka_errors.CoordinatorNotAvailableError(told["error"])
            return Group(told["group_state"], len(told["members"]))

        return _coordinated(ask)

    def group_offsets(self, group: str) -> dict[tuple[str, int], int]:
        """Return what a consumer group has committed, by topic and partition."""
        found = _coordinated(lambda: self._client.list_group_offsets(group)[group])
        return {(tp.topic, tp.partition): told.offset for tp, told in found.items() if told.offset >= 0}


def _coordinated(ask: Callable[[], T]) -> T:
    # The first question about any group makes the broker create the coordinator's topic; a restarted one loads it.
    end = time.monotonic() + _COORDINATOR_SECONDS
    while True:
        try:
            return ask()
        except (
            kafka_errors.CoordinatorLoadInProgressError,
            kafka_errors.CoordinatorNotAvailableError,
            kafka_errors.NotCoordinatorError,
        ):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


class Producer:
    """Sends in order per partition, stored by all replicas before `flush` returns; a few dozen MiB wait at most."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._unsent: list[Any] = []
        self._unsent_bytes = 0

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: list[tuple[str, bytes]] | None = None,
    ) -> None:
        """Hand a message over; without a partition its key decides. Blocks now and then until all is stored."""
        self._unsent.append(self._client.send(topic, value, key, headers, partition))
        self._unsent_bytes += len(value or b"")
        if len(self._unsent) >= _UNSENT_MESSAGES or self._unsent_bytes >= _UNSENT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Wait until all that was sent is stored; raises what went wrong with any of it."""
        self._client.flush()
        unsent, self._unsent, self._unsent_bytes = self._unsent, [], 0
        for answer in unsent:
            if answer.exception is not None:
                raise answer.exception


@contextmanager
def admin(settings: Settings) -> Iterator[Admin]:
    """Connect for questions and changes."""
    with _told(settings):
        client = KafkaAdminClient(**_connection(settings))
        try:
            yield Admin(client)
        finally:
            client.close()


@contextmanager
def producer(settings: Settings) -> Iterator[Producer]:
    """Connect for sending; what was sent is stored when the block ends without an error."""
    with _told(settings):
        client = KafkaProducer(
            **_connection(settings),
            acks="all",
            enable_idempotence=True,
            compression_type="lz4",
            max_request_size=_MAX_REQUEST_BYTES,
            batch_size=256 << 10,
            linger_ms=20,
            max_block_ms=15_000,
            request_timeout_ms=15_000,
            delivery_timeout_ms=60_000,
            allow_auto_create_topics=False,
            metrics_enabled=False,
        )
        sending = Producer(client)
        try:
            yield sending
            sending.flush()
        finally:
            with suppress(kafka_errors.KafkaError):  # the error that led here says more
                client.close(timeout=_CONNECT_SECONDS)


@contextmanager
def consumer(settings: Settings, **options: Any) -> Iterator[Any]:
    """Connect for reading, without a group; returns kafka-python's own consumer, to be assigned partitions."""
    with _told(settings):
        asked = {"enable_auto_commit": False, "auto_offset_reset": "earliest", "metrics_enabled": False}
        asked |= {"allow_auto_create_topics": False, "max_partition_fetch_bytes": 8 << 20}
        client = KafkaConsumer(**_connection(settings), **(asked | options))
        try:
            yield client
        finally:
            client.close()


def read(settings: Settings, topic: str, isolation_level: str = "read_committed") -> Iterator[Any]:
    """Yield every record of a topic up to its end as it is now (records of kafka-python, bytes in key and value)."""
    with consumer(settings, isolation_level=isolation_level) as client:
        found = client.partitions_for_topic(topic)
        if not found:
            raise Failed(f"there is no topic {topic}: run `esn-pulse topics`")
        open_ = [TopicPartition(topic, partition) for partition in sorted(found)]
        client.assign(open_)
        client.seek_to_beginning()
        ends = client.end_offsets(open_)
        while open_ := [tp for tp in open_ if client.position(tp) < ends[tp]]:
            for tp, records in client.poll(timeout_ms=500).items():
                yield from (record for record in records if record.offset < ends[tp])


def create_topics(settings: Settings, partitions: int | None = None) -> list[Change]:
    """Create the topics that are missing and bring the others' configuration up to date.

    Without `partitions` the inputs' present count is kept, or the default taken where there are none yet.
    A different count is never changed silently: it would move people between partitions. Failed, then.
    """
    with admin(settings) as broker:
        present = broker.topics()
        count = _agreed_count(settings, present, partitions)
        names = {settings.topic(topic.name): topic for topic in TOPICS}
        configs = broker.configs(name for name in names if name in present)
        return [
            _bring_up_to_date(broker, name, topic, present.get(name, topic.partitions or count), configs.get(name))
            for name, topic in names.items()
        ]


def _agreed_count(settings: Settings, present: dict[str, int], wanted: int | None) -> int:
    per_source = [settings.topic(topic.name) for topic in TOPICS if topic.per_source]
    counts = {name: present[name] for name in per_source if name in present}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise Failed(f"these topics must have the same number of partitions: {told}: delete the wrong ones")
    name, count = next(iter(counts.items()), ("", wanted or DEFAULT_PARTITIONS))
    if wanted not in (None, count):
        raise Failed(
            f"{name} has {count} partitions and {wanted} were wanted: nothing was changed, because another count "
            f"would split people's history; ask for {count}, or begin anew under another ESN_PREFIX"
        )
    return count


def _bring_up_to_date(broker: Admin, name: str, topic: Topic, partitions: int, config: dict[str, str] | None) -> Change:
    if config is None:
        broker.create(name, partitions, topic.config)
        return Change(name, partitions, "created")
    stale = {key: value for key, value in topic.config.items() if config.get(key) != value}
    if stale:
        broker.alter(name, stale)
        return Change(name, partitions, "set " + ", ".join(f"{key}={value}" for key, value in stale.items()))
    return Change(name, partitions, "up to date")


def _connection(settings: Settings) -> dict[str, Any]:
    logging.getLogger("kafka").setLevel(logging.CRITICAL + 1)  # it logs each failed attempt
    knock(settings)
    bootstrap_ms = int(_CONNECT_SECONDS * 1000)
    return aiokafka_options(settings) | {"client_id": "esn-pulse", "bootstrap_timeout_ms": bootstrap_ms}


@contextmanager
def _told(settings: Settings) -> Iterator[None]:
    """Turn the client's errors into lines for a person."""
    try:
        yield
    except kafka_errors.AuthorizationError as error:
        raise Failed(
            f"Kafka at {settings.kafka} forbids this ({type(error).__name__}): give the user the right"
        ) from None
    except (kafka_errors.KafkaTimeoutError, kafka_errors.KafkaConnectionError):
        raise Failed(
            f"Kafka at {settings.kafka} does not answer any more: look into the broker's log, then try again"
        ) from None
    except kafka_errors.UnknownTopicOrPartitionError:
        raise Failed("a topic is missing: run `esn-pulse topics`") from None
    except kafka_errors.KafkaError as error:
        raise Failed(f"Kafka at {settings.kafka}: {type(error).__name__}; look into the broker's log") from error
