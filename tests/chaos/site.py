"""Servers of our own, one company's workers on them, what was sent, and the comparison at the end.

Rules: knows how to start, stop, send, wait and compare; decides nothing. A worker that ends by itself is a fault
unless somebody expected it.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import psutil

from agents.errors import Failed
from agents.kafka import broker
from agents.replay import send
from deploy.local.service import Service
from deploy.local.stack import Stack
from schemas.events import Refused, read
from schemas.topics import CONTENT, DIRECTORY, LOGINS, PULSE, REJECTS
from tests.chaos.doing import told
from tests.chaos.published import Json, drops, pulse
from tests.chaos.record import Piece, Record
from tests.chaos.worker import begin
from tests.live.rig import Rig
from tests.recount import differences

SESSION_SECONDS = 6.0
"""The least that a Kafka broker allows by default."""
MARKERS = 50
"""At most so many ends of transactions come after the last record of a topic."""
INPUTS = (LOGINS, CONTENT, DIRECTORY)
Place = tuple[str, int, int]


@dataclass
class Worker:
    """A process of `esn-pulse worker`."""

    name: str
    process: BaseProcess
    log: Path
    hit: Path
    doing: Path
    expected: bool = False
    """Whether it may be gone: somebody killed it, or told it to kill itself."""

    @property
    def lives(self) -> bool:
        return self.process.is_alive()

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def kill(self) -> None:
        self.expected = True
        self.process.kill()
        self.process.join(20)

    def was_doing(self) -> list[str]:
        """Return what it is doing, or was when it died."""
        return told(self.doing)

    def end_within(self, seconds: float) -> None:
        """Give it the time to end by itself, then kill it."""
        self.expected = True
        self.process.join(seconds)
        if self.lives:
            self.kill()

    def begin_or_end(self, seconds: float) -> None:
        """Wait until it has its partitions, or has ended before."""
        deadline = time.monotonic() + seconds
        while self.lives and "partitions assigned" not in self.said():
            assert time.monotonic() < deadline, f"{self.name} got no partitions: {self.said()[-2000:]}"
            time.sleep(0.05)

    def process_suspend(self) -> None:
        psutil.Process(self.process.pid).suspend()

    def process_resume(self) -> None:
        psutil.Process(self.process.pid).resume()

    def wait_until(self, text: str, seconds: float = 120, count: int = 1) -> None:
        """Wait until its log has said something so many times."""
        deadline = time.monotonic() + seconds
        while self.said().count(text) < count:
            assert self.lives, f"{self.name} ended: {self.said()[-2000:]}"
            assert time.monotonic() < deadline, f"{self.name} did not say {text!r} in time: {self.said()[-2000:]}"
            time.sleep(0.05)


class Site(Rig):
    """One company of its own on the servers, with workers that come and go."""

    def __init__(self, stack: Stack, prefix: str, folder: Path, record: Record, partitions: int, **env: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.stack = stack
        self.record = record
        self.partitions = partitions
        self.staff: list[Worker] = []
        self.sending = threading.RLock()
        """Held while something is sent: whoever takes the broker away takes this first."""
        self._sent, self._flows = threading.Event(), threading.Event()
        self._flows.set()
        self.faults: list[str] = []
        self.patience_seconds = 600.0
        """How long everything may take to be safe."""
        self.waits_since: float | None = None
        """Since when somebody waits for that."""
        given = {
            "ESN_KAFKA": stack.addresses.kafka,
            "ESN_CLICKHOUSE": stack.addresses.clickhouse,
            "ESN_PREFIX": prefix,
            "ESN_TIME": "events",
            "ESN_STEP_SECONDS": str(record.step_seconds),
            "ESN_CHECKPOINT_SECONDS": "1",
            "ESN_PEOPLE_SECONDS": "1",
            "ESN_HOME": str(folder),
        }
        super().__init__(given | env, folder, partitions)

    # -- workers

    def hire(self, *, point: str = "", instance: str = "", ready: bool = True) -> Worker:
        """Start a worker; with `ready` wait until it has its partitions."""
        name = f"worker-{len(self.staff)}"
        log, hit, doing = (self.folder / f"{name}.{kind}" for kind in ("log", "hit", "doing"))
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("ESN_", "CHAOS_"))}
        env = self.env | {"CHAOS_SESSION_SECONDS": str(SESSION_SECONDS), "CHAOS_DOING": str(doing)}
        if instance:
            env["ESN_INSTANCE"] = instance
        if point:
            env |= {"CHAOS_POINT": point, "CHAOS_HIT": str(hit)}
        process = begin(clean | env, log)
        worker = Worker(name, process, log, hit, doing, expected=bool(point))
        self.staff.append(worker)
        if ready:
            worker.wait_until("partitions assigned")
        return worker

    @property
    def working(self) -> list[Worker]:
        return [worker for worker in self.staff if worker.lives]

    def dismiss(self, worker: Worker, seconds: float = 30) -> float:
        """Tell a worker to end; return how long it took."""
        worker.expected = True
        began = time.monotonic()
        worker.process.terminate()
        worker.process.join(seconds)
        if worker.lives:
            self.faults.append(f"{worker.name} did not end within {seconds:.0f} s of SIGTERM")
            worker.kill()
        took = time.monotonic() - began
        if worker.process.exitcode and not worker.hit.exists():
            self.faults.append(f"{worker.name} ended with {worker.process.exitcode} on SIGTERM")
        return took

    def check_alive(self) -> None:
        """Fail if a worker ended by itself."""
        for worker in self.staff:
            assert worker.lives or worker.expected, f"{worker.name} ended by itself: {worker.said()[-3000:]}"

    def stop(self) -> None:
        for worker in self.working:
            worker.kill()
        self.reader.close()

    # -- servers

    def restart(self, service: Service, seconds: float = 0.0) -> None:
        """Kill a server, and start it again after a while."""
        processes = family(service)
        service.kill()
        psutil.wait_procs(processes, 20)
        time.sleep(seconds)
        service.start()

    @contextmanager
    def hanging(self, service: Service) -> Iterator[None]:
        """Let a server hang: it takes connections and answers nothing."""
        processes = family(service)
        for process in processes:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(processes):
                process.resume()

    # -- sending

    def send_people(self) -> None:
        with self.sending:
            send(self.settings, [], self.record.directory, final=False)

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Send no more pieces meanwhile."""
        self._flows.clear()
        try:
            yield
        finally:
            self._flows.set()

    def send(self, piece: Piece) -> None:
        """Send a piece; a calm one when everything before it is safe."""
        self._flows.wait()
        if piece.calm:
            self.wait_safe()
        with self.sending:
            self._newest = send(self.settings, piece.lines, final=False, newest_ms=self._newest).newest_ms
        self._sent.set()

    def wait_sent(self, seconds: float) -> None:
        """Wait until the next piece was sent, not for long."""
        self._sent.clear()
        self._sent.wait(seconds)

    def finish(self) -> None:
        """Close the last step."""
        with self.sending:
            send(self.settings, [], final=True, newest_ms=self._newest)

    def ends(self) -> dict[Place, int]:
        """Return the end of every input partition."""
        with broker.admin(self.settings) as admin:
            names = [topic.full_name(self.settings.prefix) for topic in INPUTS]
            return {(n, p, 0): end for n in names for p, (_, end) in admin.offsets(n).items() if end}

    def lag(self) -> int:
        """Return how many messages the group has not committed."""
        ends = self.ends()
        with broker.admin(self.settings) as admin:
            done = admin.group_offsets(self.settings.group)
        return sum(end - done.get((topic, partition), 0) for (topic, partition, _), end in ends.items())

    def wait_safe(self) -> None:
        """Wait until everything that was sent is in a checkpoint."""
        self.waits_since = time.monotonic()
        while (left := _asked(self.lag)) != 0:
            self.check_alive()
            waited = time.monotonic() - self.waits_since
            assert waited < self.patience_seconds, f"{left} messages are in no checkpoint: {self.told()}"
            time.sleep(0.1)
        self.waits_since = None

    def wait_judged(self) -> None:
        """Wait until every step is published and judged."""
        last = max(key.at for key in self.record.expected.active_people)
        deadline = time.monotonic() + self.patience_seconds
        topic = PULSE.full_name(self.settings.prefix)
        while True:
            self.check_alive()
            with broker.admin(self.settings) as admin:
                judged = admin.group_offsets(self.settings.group).get((topic, 0), 0)
                end = admin.offsets(topic)[0][1]
            if end - judged < MARKERS:  # reading all of it takes a while
                found = pulse(self.settings)
                if found.closed(self.partitions) >= last and judged >= found.end:
                    return
            assert time.monotonic() < deadline, f"judged up to {judged} of {end}: {self.told()}"
            time.sleep(0.5)

    # -- comparing

    def told(self) -> str:
        """Return the last lines of every living worker's log."""
        return "\n".join(f"--- {worker.name}\n{worker.said()[-1500:]}" for worker in self.working)

    def different(self) -> dict[str, list[str]]:
        """Return per view what differs from the recount, once nothing can write any more."""
        expected = self.record.expected
        return {
            "active_people": differences(expected.active_people, self.active_people()),
            "activity": differences(expected.activity, self.activity()),
            "people": differences(expected.people, self.people()),
            "days": self.wrong_day_rows(expected),
        }

    def drops(self) -> dict[str, Json]:
        """Return the view of drops, times as they are published."""
        names, rows = self.reader.query("SELECT * FROM drops")
        found = [dict(zip(names, map(_as_published, row), strict=True)) for row in rows]
        return {row["drop_id"]: row for row in found}

    def rejects(self) -> tuple[list[Place], list[Place], list[Place]]:
        """Return the refused messages that are missing in esn.rejects, those that are there twice, and all."""
        sent = [
            (record.topic, record.partition, record.offset)
            for topic in (LOGINS, CONTENT)
            for record in broker.read(self.settings, topic.full_name(self.settings.prefix))
            if _is_bad(record.value, record.timestamp)
        ]
        found = Counter(
            _where(dict(record.headers))
            for record in broker.read(self.settings, REJECTS.full_name(self.settings.prefix))
        )
        assert len(sent) >= self.record.bad, "the harness did not send all of its bad messages"
        doubled = [place for place, count in found.items() if count > 1 or place not in set(sent)]
        return [place for place in sent if place not in found], doubled, sent

    def rejects_rows(self) -> list[Place]:
        """Return the view of rejects."""
        return [tuple(row) for row in self.reader.query("SELECT topic, partition, offset FROM rejects")[1]]

    def end_all(self) -> None:
        """Wait until all is done, and end the workers."""
        self.wait_safe()
        newest = max(key.at for key in self.record.expected.active_people)
        self.wait_published(newest * 1000 + 1, self.patience_seconds)
        self.wait_people(self.record.expected)
        self.wait_day_rows(self.record.expected, 60)
        if self.record.drops:
            self.wait_judged()
        for worker in self.working:
            self.dismiss(worker)

    def close_books(self) -> list[str]:
        """Wait until all is done, end the workers, compare everything; return what is wrong."""
        self.end_all()
        wrong = [f"{view}: {line}" for view, lines in self.different().items() for line in lines]
        missing, doubled, sent = self.rejects()
        wrong += [f"lost: reject {place}" for place in missing] + [f"doubled: reject {place}" for place in doubled]
        rows = self.rejects_rows()
        wrong += [f"row lost: reject {place}" for place in set(sent) - set(rows)]
        wrong += [f"row doubled: reject {place}" for place, count in Counter(rows).items() if count > 1]
        wrong += pulse(self.settings).wrong(self.record.expected, self.partitions)
        published, twice = drops(self.settings)
        wrong += twice + unlike("esn.drops and the view", self.drops(), published)
        for worker in self.staff:
            if not worker.expected and worker.process.exitcode:
                wrong.append(f"{worker.name} ended by itself with {worker.process.exitcode}")
            wrong += [f"{worker.name} said: {line}" for line in worker.said().splitlines() if _is_bug(line)]
        return wrong + self.faults


def unlike(what: str, expected: Mapping[str, Json], found: Mapping[str, Json]) -> list[str]:
    """Say what differs, one line each."""
    keys = sorted(expected.keys() | found.keys())
    return [
        f"{what}: differs {key}: expected {expected.get(key)}, found {found.get(key)}"
        for key in keys
        if expected.get(key) != found.get(key)
    ]


def family(service: Service) -> list[psutil.Process]:
    """Return a server's process and its children."""
    assert service.pid is not None, f"{service.title} does not run"
    first = psutil.Process(service.pid)
    return [first, *first.children(recursive=True)]


def _asked(ask: Callable[[], int]) -> int | None:
    try:
        return ask()
    except Failed:
        return None


def _is_bug(line: str) -> bool:
    return "a bug ended" in line or "Traceback" in line


def _is_bad(value: bytes, timestamp: int) -> bool:
    try:
        read(value, timestamp, refuse_old=False)
    except Refused:
        return True
    return False


def _as_published(value: Any) -> Any:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(value, datetime) else value


def _where(headers: Mapping[str, bytes]) -> Place:
    return headers["topic"].decode(), int(headers["partition"]), int(headers["offset"])
