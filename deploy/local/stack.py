"""The embedded stack: both servers of one data directory, brought up and down together.

Whoever has a Kafka or a ClickHouse of their own says so (`given`), and that one is left alone. What `up` started
it ends again if it fails half-way; what ran before, stays.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.clickhouse import ClickHouse
from deploy.local.kafka import Kafka
from deploy.local.locked import locked
from deploy.local.progress import Progress
from deploy.local.service import Service


@dataclass(frozen=True)
class Addresses:
    """Where both answer: `host:port`, and a URL of the database `esn`, which may not exist yet."""

    kafka: str
    clickhouse: str


@dataclass(frozen=True)
class Status:
    """One server, as `status` tells it; `state` is answers, starting, crashed, stopped or given."""

    name: str
    state: str
    address: str
    pid: int | None
    log: Path


class Stack:
    """Both servers; their data are under `home`, what was downloaded under `cache`.

    `given` names servers that somebody else runs: {"kafka": "host:9092", "clickhouse": "clickhouse://..."}.
    `ports` fixes ports: kafka, kafka_controller, clickhouse, clickhouse_http; others are chosen at the first
    start and remembered. `kafka_config` adds listeners and replaces other entries of server.properties.
    """

    def __init__(
        self,
        home: Path,
        cache: Path,
        *,
        given: Mapping[str, str] | None = None,
        ports: Mapping[str, int] | None = None,
        kafka_config: Mapping[str, str] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self.home, cache = home.expanduser().absolute(), cache.expanduser().absolute()
        self._progress = progress or Progress()
        self.kafka = Kafka(self.home, cache, ports or {}, self._progress, kafka_config or {})
        self.clickhouse = ClickHouse(self.home, cache, ports or {}, self._progress)
        own = {"kafka": self.kafka.address, "clickhouse": self.clickhouse.address}
        # Our own exports come back to us in the environment of the next call.
        self.given = {name: address for name, address in (given or {}).items() if address != own[name]}

    @property
    def addresses(self) -> Addresses:
        """Where both answer once they are up."""
        return Addresses(
            self.given.get("kafka") or self.kafka.address,
            self.given.get("clickhouse") or self.clickhouse.address,
        )

    @property
    def ours(self) -> list[Service]:
        """The servers that are ours to start."""
        both: list[Service] = [self.kafka, self.clickhouse]
        return [service for service in both if service.name not in self.given]

    def up(self) -> Addresses:
        """Start what does not run, and return when both answer."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(self.home / "lock", self._progress):
            ours = self.ours
            idle = [service for service in ours if service.pid is None]
            for service in idle:
                service.fetch()
            try:
                for service in idle:
                    self._progress.line(f"starting {service.title}")
                    service.launch()
                for service in ours:
                    service.wait_until_it_answers()
            except BaseException:
                _end(idle)
                raise
        return self.addresses

    def down(self) -> list[str]:
        """End what this directory's `up` started; return what ran. It may be called at any time."""
        if not self.home.exists():
            return []
        with locked(self.home / "lock", self._progress):
            return _end([self.kafka, self.clickhouse])

    def erase(self) -> None:
        """End both and remove their data and logs; nothing else in the directory is touched."""
        self.down()
        for folder in (self.kafka.data, self.clickhouse.data, self.kafka.logs):
            shutil.rmtree(folder, ignore_errors=True)
        (self.home / "stack.json").unlink(missing_ok=True)

    @contextmanager
    def running(self) -> Iterator[Addresses]:
        """Have both up inside a `with`; they end with it, whatever happens."""
        try:
            yield self.up()
        finally:
            self.down()

    def status(self) -> list[Status]:
        """Say how both are."""
        return [self._status(self.kafka), self._status(self.clickhouse)]

    def _status(self, service: Kafka | ClickHouse) -> Status:
        pid = service.pid
        if pid is None and service.name in self.given:
            return Status(service.name, "given", "", None, service.log)
        if pid is None:
            state = "crashed" if service.crashed else "stopped"
        else:
            state = "answers" if service.answers() else "starting"
        return Status(service.name, state, service.address, pid, service.log)


def _end(services: list[Service]) -> list[str]:
    """End them side by side; return the names of those that ran."""
    ran = [service.name for service in services if service.ask_to_end()]
    for service in services:
        service.stop()
    return ran
