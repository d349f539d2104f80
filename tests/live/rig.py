"""Workers as users run them (subprocesses), records sent as `replay` sends them, and the views read back."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from agents.errors import Failed
from agents.kafka.broker import create_topics, read
from agents.repartitioning import widen
from agents.replay import send
from agents.settings import Settings
from agents.storage.clickhouse import Reader
from agents.storage.migrations import migrate
from schemas.events import instant
from tests.recount import (
    ActiveKey,
    ActiveRow,
    ActivityKey,
    ActivityRow,
    AdoptionRow,
    AdvocacyRow,
    EarlyAdopterRow,
    LeadersKey,
    LeadersRow,
    LifecycleKey,
    MembershipRow,
    MoveKey,
    ParticipationRow,
    PeopleRow,
    PersonRow,
    Recount,
    RoleKey,
    RoleRow,
    SegmentKey,
    SpreadRow,
    StageKey,
    StageRow,
    TransitionKey,
    TransitionRow,
    differences,
)
from tests.recount.lines import heartbeat

Json = dict[str, Any]

# view -> the types of its keys and of its other columns, named like the columns
DAY_VIEWS: Mapping[str, tuple[Any, Any]] = {
    "adoption": (SegmentKey, AdoptionRow),
    "roles": (RoleKey, RoleRow),
    "participation": (SegmentKey, ParticipationRow),
    "journey": (StageKey, StageRow),
    "journey_moves": (MoveKey, PeopleRow),
    "lifecycle": (LifecycleKey, PeopleRow),
    "leaders": (LeadersKey, LeadersRow),
    "advocacy": (SegmentKey, AdvocacyRow),
    "spread": (SegmentKey, SpreadRow),
}
T = TypeVar("T")


def wait_until(holds: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition; fail with what was waited for."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.1)


def patiently(do: Callable[[], T], seconds: float = 20) -> T:
    """Do it again while the embedded ClickHouse starts anew: a connection that a killed worker resets can end it."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return do()
        except Failed as failed:
            away = "no ClickHouse at" in str(failed) or "ABORTED" in str(failed)
            if not away or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


class PatientReader(Reader):
    """A reader that waits for the embedded ClickHouse."""

    def query(self, sql: str, params: Mapping[str, object] | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Ask until there is an answer."""
        return patiently(lambda: Reader.query(self, sql, params))


class Rig:
    """One company of its own on the shared servers."""

    def __init__(self, env: Mapping[str, str], folder: Path, partitions: int) -> None:
        self.env = dict(env)
        self.settings = Settings.from_env(self.env)
        self.folder = folder
        self.workers: list[subprocess.Popen[bytes]] = []
        create_topics(self.settings, partitions)
        patiently(lambda: migrate(self.settings))
        self.reader = PatientReader.of(self.settings)
        self._newest: int | None = None

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker; its log is in the test's folder."""
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        clean = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
        worker = subprocess.Popen(
            [sys.executable, "-m", "agents", "worker"], env=clean | self.env | env, stdout=log, stderr=log
        )
        self.workers.append(worker)
        return worker

    def stop(self) -> None:
        """End the workers and hang up."""
        self.stop_workers()
        self.reader.close()

    def stop_workers(self) -> None:
        """End the workers in order; kill what does not end."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()

    def widen(self, partitions: int) -> None:
        """Give the topics more partitions, without telling anybody."""
        widen(self.settings, partitions)

    def logs(self) -> str:
        """Return what the workers said."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("worker-*.log")))

    def replay(self, record: Iterable[Json], directory: Iterable[Json] = (), *, final: bool = True) -> None:
        """Send a record; at each change of the directory wait first until everything before it is published."""
        people = [json.dumps(line).encode() for line in directory]
        part: list[Json] = []
        for line in record:
            if is_change(line) and part and not is_change(part[-1]):
                self._send(part, people, final=False)
                part, people = [], []
                if "forget" in line:
                    self.wait_named()
            part.append(line)
        self._send(part, people, final=final)

    def _send(self, part: Sequence[Json], people: Sequence[bytes], *, final: bool) -> None:
        lines = [json.dumps(line).encode() for line in part]
        sent = send(self.settings, lines, people, final=final, newest_ms=self._newest)
        self._newest = sent.newest_ms
        if not final and self._newest is not None:
            told = datetime.fromtimestamp(self._newest / 1000, UTC).isoformat(timespec="milliseconds")
            source = next((line["source"] for line in reversed(part) if "source" in line), "/tests")
            beat = heartbeat(told.replace("+00:00", "Z")) | {"source": source}
            send(self.settings, [json.dumps(beat).encode()], final=False, newest_ms=self._newest)
            self.wait_published(self._newest - self.settings.lateness_seconds * 1000)

    def wait_published(self, watermark: int, seconds: float = 120) -> None:
        """Wait until every step and minute before the watermark (ms) is published by every source partition."""
        step = self.settings.step_seconds
        last = (watermark - 1) // 1000 // step * step
        newest = "SELECT toUnixTimestamp(max(at)) FROM active_people WHERE dimension = 'company' AND complete"

        def reached() -> bool:
            self.check_alive()
            return int(self.reader.query(newest)[1][0][0]) >= last

        wait_until(reached, seconds, f"step {last}; the workers said:\n{self.logs()[-2000:]}")
        # minutes are written right after steps, by the same closing
        self.wait_still()

    def wait_still(self) -> None:
        """Wait until the number of rows of activity stays as it is."""
        count = "SELECT count(), sum(events) FROM activity"
        before = None
        while (now := self.reader.query(count)[1]) != before:
            before = now
            time.sleep(0.7)

    def wait_people(self, expected: Recount, seconds: float = 20) -> None:
        """Give the rows of people the time that they may take."""
        deadline = time.monotonic() + seconds
        while differences(expected.people, self.people()) and time.monotonic() < deadline:
            time.sleep(0.5)

    def check_alive(self) -> None:
        """Fail if a worker ended by itself."""
        for worker in self.workers:
            assert worker.poll() in (None, 0, -9, -15), f"a worker ended: {self.logs()[-3000:]}"

    def active_people(self) -> dict[ActiveKey, ActiveRow]:
        columns = "toUnixTimestamp(at), dimension, member, measure, enabled, w5m, w1h, w24h, w7d, w28d, adoption_7d"
        rows = self.reader.query(f"SELECT {columns}, complete FROM active_people")[1]
        return {ActiveKey(*row[:4]): ActiveRow(*row[4:]) for row in rows}

    def activity(self) -> dict[ActivityKey, ActivityRow]:
        columns = "toUnixTimestamp(minute), dimension, member, verb, object_kind, client, events"
        rows = self.reader.query(f"SELECT {columns} FROM activity")[1]
        return {ActivityKey(*row[:6]): ActivityRow(row[6]) for row in rows}

    def people(self) -> dict[str, PersonRow]:
        times = ("first_seen", "last_seen", "last_login", "last_contribution")
        columns = ", ".join(f"toUnixTimestamp64Milli({name})" for name in times)
        rows = self.reader.query(
            f"SELECT person, kind, listed, enabled, region, department, manager, leader, ambassador, {columns}, "
            "logins, presences, reactions, contributions FROM people"
        )[1]
        return {row[0]: PersonRow(*row[1:]) for row in rows}

    def day_rows(self, view: str) -> dict[Any, Any]:
        """Return all rows of a view of days; its days are dates."""
        key, row = DAY_VIEWS[view]
        size = len(key._fields)
        rows = self.reader.query(f"SELECT {', '.join((*key._fields, *row._fields))} FROM {view}")[1]
        return {key(*values[:size]): row(*values[size:]) for values in rows}

    def early_adopters(self) -> dict[str, EarlyAdopterRow]:
        first = "toUnixTimestamp64Milli(first_contribution)"
        rows = self.reader.query(f"SELECT person, {first}, region, department, position FROM early_adopters")[1]
        return {row[0]: EarlyAdopterRow(*row[1:]) for row in rows}

    def memberships(self) -> dict[str, MembershipRow]:
        rows = self.reader.query("SELECT person, communities, owned FROM memberships")[1]
        return {row[0]: MembershipRow(*row[1:]) for row in rows}

    def transitions(self) -> dict[TransitionKey, TransitionRow]:
        """Return every committed record of `esn.transitions`; fail if one is there twice or holds anything else."""
        found = [json.loads(record.value) for record in read(self.settings, self.settings.topic("esn.transitions"))]
        assert all(record.keys() == {"id", "at", "kind", "person", "from", "to"} for record in found)
        twice = len(found) - len({record["id"] for record in found})
        assert not twice, f"{twice} of {len(found)} transitions came twice"
        return {
            TransitionKey(record["at"], record["kind"], record["person"]): TransitionRow(
                record["id"], record["from"], record["to"]
            )
            for record in found
        }

    def wait_named(self, seconds: float = 60) -> None:
        """Wait until all know whom the others named until the end of each closed day: who is forgotten before that
        is not known to have been named."""
        waiting = "SELECT count() FROM daily_days WHERE NOT named"
        wait_until(lambda: self.reader.query(waiting)[1] == [(0,)], seconds, "all to know whom the others named")

    def wait_days(self, expected: Recount, seconds: float = 60) -> None:
        """Wait until every source partition has written the newest day that is expected."""
        newest = max(key.day for key in expected.adoption)
        shown = f"SELECT count() FROM daily_days WHERE day = '{newest}' AND complete AND named"
        wait_until(lambda: self.reader.query(shown)[1][0][0], seconds, f"the rows of {newest}")

    def assert_day_rows(self, expected: Recount, seconds: float = 120) -> None:
        """All rows of the views of days, and all transitions, are those of the recount."""
        wrong = self.wait_day_rows(expected, seconds)
        assert not wrong, f"{len(wrong)} differ: " + "\n".join(wrong[:20])

    def wait_day_rows(self, expected: Recount, seconds: float = 120) -> list[str]:
        """Give these rows the time that they may take; return what differs then."""
        self.wait_days(expected)
        deadline = time.monotonic() + seconds
        while (wrong := self.wrong_day_rows(expected)) and time.monotonic() < deadline:
            time.sleep(1)  # rows of people may be a little older, trees are summed up later
        return wrong

    def wrong_day_rows(self, expected: Recount) -> list[str]:
        """Say what differs, of each view the first few."""
        found = {view: self.day_rows(view) for view in DAY_VIEWS}
        found |= {"early_adopters": self.early_adopters(), "memberships": self.memberships()}
        found |= {"transitions": self.transitions()}
        return [
            f"{view}: {line}"
            for view, rows in found.items()
            for line in differences(getattr(expected, view), rows)[:10]
        ]

    def assert_rows(self, expected: Recount) -> None:
        """All rows of the three views are those of the recount."""
        newest = max(key.at for key in expected.active_people)
        self.wait_published(newest * 1000 + 1)
        self.wait_people(expected)
        for found, rows in (
            (self.active_people(), expected.active_people),
            (self.activity(), expected.activity),
            (self.people(), expected.people),
        ):
            wrong = differences(rows, found)
            assert not wrong, f"{len(wrong)} of {len(rows)} rows differ: " + "\n".join(wrong[:10])


def is_change(line: Json) -> bool:
    """Say whether a line changes the directory."""
    return "type" not in line


@contextmanager
def rig(env: Mapping[str, str], folder: Path, partitions: int = 4) -> Iterator[Rig]:
    """A company whose workers end with the test."""
    made = Rig(env, folder, partitions)
    try:
        yield made
    finally:
        made.stop()


def shuffled(record: Sequence[Json], lateness_ms: int, random: Any) -> list[Json]:
    """Return a record whose lines come up to the lateness too late; the first line stays first."""
    first, *rest = record
    when = [(instant(line["time"]) + random.randint(0, lateness_ms), line) for line in rest]
    return [first, *(line for _, line in sorted(when, key=lambda pair: pair[0]))]
