"""The servers, and the records in them: one embedded stack for a whole sitting, a prefix of its own for each record.

The company: 50 000 people and 100 events a second, so that a step of 60 s holds 6 000 events and a million of them is
the better part of a working morning (08:00 to about 10:50 UTC). That is a busy company of that size: everybody acts
every eight minutes. The slower the company, the more steps there are to close for one event.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from agents.kafka.broker import admin, create_topics
from agents.replay import Sent, send
from agents.settings import Settings
from agents.simulation import Company
from agents.storage.clickhouse import Reader
from agents.storage.migrations import migrate
from deploy.local.stack import Stack
from schemas.rows import BATCHES
from schemas.topics import CONTENT, DIRECTORY, LOGINS, TOPICS

INPUTS: Final = (LOGINS.name, CONTENT.name)
START: Final = datetime(2026, 3, 3, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Shape:
    """A record's size and shape."""

    events: int = 1_000_000
    people: int = 50_000
    rate: float = 100.0
    """Events a second of event time."""
    departments: int = 8
    communities: int = 300
    partitions: int = 4
    step_seconds: int = 60

    @property
    def company(self) -> Company:
        """A company that does more than so many events, though it begins before the busiest hours."""
        days = 2 * self.events / self.rate / 86_400
        names = tuple(f"department-{number}" for number in range(self.departments))
        return Company(
            people=self.people,
            rate=self.rate,
            days=days,
            start=START,
            departments=names,
            communities=self.communities,
            step_seconds=self.step_seconds,
        )


@dataclass(frozen=True)
class Record:
    """A record in Kafka, and a database for what is made of it."""

    settings: Settings
    env: dict[str, str]
    shape: Shape
    sent: Sent
    messages: int
    """In both input topics, heartbeats included."""
    folder: Path
    runs: list[int] = field(default_factory=list)

    @property
    def topics(self) -> list[str]:
        """The input topics' full names."""
        return [self.settings.topic(name) for name in INPUTS]

    @property
    def last_step(self) -> int:
        """The last step that the record closes, s."""
        return ((self.sent.newest_ms or 0) // (self.shape.step_seconds * 1000) + 1) * self.shape.step_seconds

    def fresh(self) -> None:
        """Forget what workers made of the record: state, group and rows."""
        with contextlib.suppress(KafkaError):  # there is no group before the first run
            client = KafkaAdminClient(bootstrap_servers=self.settings.kafka)
            client.delete_groups([self.settings.group])
            client.close()
        kept = {self.settings.topic(topic.name) for topic in (LOGINS, CONTENT, DIRECTORY)}
        with admin(self.settings) as broker:
            made = {self.settings.topic(topic.name) for topic in TOPICS} - kept
            broker.delete(made & broker.topics().keys())
            wait_until(lambda: not made & broker.topics().keys(), 30, "topics to be deleted")
        create_topics(self.settings, self.shape.partitions)
        migrate(self.settings)
        with Reader.of(self.settings) as reader:
            for rows in BATCHES:
                reader.query(f"TRUNCATE TABLE {rows.TABLE}")

    def next_run(self) -> Path:
        """Return an empty directory for one run."""
        self.runs.append(len(self.runs))
        folder = self.folder / f"run-{self.settings.prefix}-{len(self.runs)}"
        folder.mkdir(parents=True)
        return folder


@dataclass(frozen=True)
class Stage:
    """The servers of one sitting."""

    stack: Stack
    folder: Path
    cache: Path

    @property
    def database_pid(self) -> int:
        """ClickHouse's process."""
        return self.stack.clickhouse.serving_pid or 0

    def calm(self) -> None:
        """Wait until ClickHouse has merged what earlier runs left; at most half a minute."""
        with Reader.of(self.settings("bench")[0]) as reader, contextlib.suppress(TimeoutError):
            wait_until(lambda: reader.query("SELECT count() FROM system.merges")[1][0][0] == 0, 30, "merges", 0.5)

    def settings(self, prefix: str, **env: str) -> tuple[Settings, dict[str, str]]:
        """Return settings for a prefix, and the variables that say so."""
        told = {
            "ESN_KAFKA": self.stack.addresses.kafka,
            "ESN_CLICKHOUSE": self.stack.addresses.clickhouse,
            "ESN_PREFIX": prefix,
            "ESN_HOME": str(self.folder),
        } | env
        return Settings.from_env(told), told

    def record(self, prefix: str, shape: Shape) -> Record:
        """Simulate a company, and fill its topics (lz4) with what it does."""
        step = str(shape.step_seconds)
        settings, env = self.settings(prefix, ESN_TIME="events", ESN_STEP_SECONDS=step)
        create_topics(settings, shape.partitions)
        migrate(settings)
        company = shape.company
        sent = send(settings, _first(company, shape.events), company.directory())
        with admin(settings) as broker:
            spans = [broker.offsets(settings.topic(name)).values() for name in INPUTS]
        messages = sum(end - first for topic in spans for first, end in topic)
        click.echo(f"{prefix}: {sent.events:,} events of {shape.people:,} people in {sent.seconds:.0f} s", err=True)
        return Record(settings, env, shape, sent, messages, self.folder)


def _first(company: Company, events: int) -> Iterator[bytes]:
    """Yield the record's beginning: so many events, and what lies between them."""
    left = events
    for line in company.lines():
        yield line
        left -= b'"data":{' in line
        if not left:
            return


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Start both servers, and end them."""
    cache = Settings.from_env({}).cache
    # workers that start together shall join the group's first generation together
    stack = Stack(folder / "servers", cache, kafka_config={"group.initial.rebalance.delay.ms": "4000"})
    with stack.running():
        yield Stage(stack, folder, cache)


def wait_until(holds: Callable[[], object], seconds: float, what: str, every: float = 0.05) -> float:
    """Wait for a condition; return when it held (monotonic). Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)
    return time.monotonic()
