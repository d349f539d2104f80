"""What Faust is told: its settings, and the transport whose consumer leaves flow and commits to `batches`.

Rules: subclasses of faust 0.15.3's aiokafka driver, each method one line that passes on; no decisions here.
"""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Protocol

import faust
from aiokafka import AIOKafkaConsumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from faust.types.auth import CredentialsT

from agents.seam import records

FETCH_WAIT_MS = 250  # an idle fetch is answered after this long: how old news of "nothing new" may be
MAX_FETCH_BYTES = 4 << 20  # per partition and fetch; a larger single message comes through all the same


def faust_settings(
    *, kafka: str, group: str, datadir: Path, instance: str = "", credentials: CredentialsT | None = None
) -> dict[str, Any]:
    """Return the keyword arguments of faust.App without which `Batches` cannot keep its word.

    kafka: "host:port,host:port"; group: the consumer group's id; datadir: Faust wants a directory, nothing is
    kept there; instance: a static membership id, restarts within the session time-out then move no partition;
    credentials: faust.SSLCredentials or faust.SASLCredentials, else plain text.
    """
    return {
        "id": group,
        "broker": [f"kafka://{address.strip()}" for address in kafka.split(",")],
        "broker_credentials": credentials,
        "datadir": datadir,
        "store": "memory://",
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": instance or None,
        "consumer_max_fetch_size": MAX_FETCH_BYTES,
        # A dead worker's partitions move after this long; a rebalance waits for a slow batch for 60 s.
        "broker_session_timeout": 45.0,
        "broker_heartbeat_interval": 3.0,
        "broker_rebalance_timeout": 60.0,
        # Recovery and pauses read nothing for a long time; leaving the group then would help nobody.
        "broker_max_poll_interval": 7 * 86_400.0,
        "broker_commit_interval": 2.0,
        # Else a rebalance waits for acknowledgements that slices never give.
        "stream_wait_empty": False,
        # With 0 Faust uses a round robin that tears partition p of two topics apart.
        "table_standby_replicas": 1,
        # Topics are made beforehand with all they need; nothing runs on a leader.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "producer_threaded": False,
        "web_tables_enabled": False,
    }


class Seam(Protocol):
    """Who decides; each is called in the app's thread."""

    async def may_subscribe(self) -> bool:
        """Say whether to join the group at all."""

    def assigned(self, tps: Iterable[TP]) -> None:
        """Hear of a new assignment, before Faust does anything with it."""

    async def taken(self, tps: Iterable[TP]) -> None:
        """Hear of partitions that go; the group waits for the return."""

    def ready(self) -> None:
        """Hear that Faust resumes the flow now."""

    def flow(self) -> AsyncIterator[tuple[TP, Any]]:
        """Yield what one poll found for the agents' queues; called again and again."""

    async def commit(self) -> bool:
        """Commit what may be committed; False: nothing was."""


class Thread(driver.AIOKafkaConsumerThread):
    """The consumer's thread."""

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        records.tolerate()
        consumer = super()._create_worker_consumer(transport)
        consumer._value_deserializer = records.plain  # Faust passes none on
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # Faust says 1500 and has no setting for it
        return consumer

    def _stopped_set(self) -> None:
        # A crash ends the thread by itself; stopping it once more would print a second traceback.
        if not self.thread_loop.is_closed():
            super()._stopped_set()


class Consumer(driver.Consumer):
    """Faust's consumer, with the decisions left to the seam."""

    transport: "Transport"

    def _new_consumer_thread(self) -> Thread:
        return Thread(self, loop=self.loop, beacon=self.beacon)

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join the group, if the seam lets us."""
        if await self.transport.seam.may_subscribe():
            await super().subscribe(topics)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Tell the seam first."""
        self.transport.seam.assigned(assigned)
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Tell the seam first: the base class forgets what is not committed."""
        await self.transport.seam.taken(revoked)
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Say that the flow starts; the seam has sought already, Faust would go to the committed offsets."""
        # Faust drops what lies below the greatest offset it saw, so a second reading would be lost.
        self._read_offset.clear()
        self.transport.seam.ready()

    def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ARG002 (Faust's signature)
        """Leave it to the seam: Faust's own loses records of partitions paused meanwhile."""
        return self.transport.seam.flow()

    async def force_commit(self, *_topics: Any, **_options: Any) -> bool:
        """Commit what the seam says; every way to commit in Faust ends here."""
        return await self.transport.seam.commit()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Say nothing: Faust compares a wall clock with a monotonic one and does not know slices."""


class Transport(driver.Transport):
    """Faust's transport with that consumer."""

    Consumer = Consumer

    def __init__(self, seam: Seam, app: faust.App) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.seam = seam


class Whole(faust.Schema[Any, Any]):
    """Hands a message's value through as it is; nothing is decoded."""

    def loads_key(self, *_args: Any, **_options: Any) -> Any:
        """Return no key: a slice has many."""
        return None

    def loads_value(self, app: Any, message: Any, **_options: Any) -> Any:  # noqa: ARG002 (Faust's signature)
        """Return the slice."""
        return message.value


def message(app: faust.App, tp: TP, value: Any, last: Any) -> ConsumerMessage:
    """Return the one message that stands for a slice; to Faust its offset is the last record's."""
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp / 1000,
        last.timestamp_type,
        headers=None,
        key=None,
        value=value,
        checksum=None,
        tp=tp,
        generation_id=app.consumer_generation_id,
    )
