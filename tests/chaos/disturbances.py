"""What is done to workers and servers, one function each: afterwards everything runs again, at least one worker too.

Rules: a function takes the crew and returns a line that says what was interrupted; random choices come from the
crew's dice. Nothing is compared here.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psutil

from schemas.rows import BATCHES
from tests.chaos.points import DROPS, INTAKE, JUDGE, POINTS
from tests.chaos.site import SESSION_SECONDS, Site, Worker

MOST_WORKERS = 3
NAMES = ("one", "two", "three", "four")
FIRST_ONLY = (
    "after the state was read",
    "after the baselines were read",
    "before the epoch is raised",
    "after the epoch was raised",
    "before partitions go",
)
"""Points that a worker reaches when it takes over or ends, and perhaps never again."""


class Crew:
    """The workers of a site that are meant to run, and what has happened to them so far.

    `static`: they have names, and whoever starts in the place of one that died takes its partitions at once.
    `tried`: how often each point was hit (twice that) or missed, in all rounds; `say` is given a line per kill.
    """

    def __init__(
        self,
        site: Site,
        dice: random.Random,
        *,
        static: bool = False,
        tried: Counter[str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.site = site
        self.dice = dice
        self.counts: Counter[str] = Counter()
        self.slowest_stop = 0.0
        self.largest_mib = 0
        self.tried = Counter() if tried is None else tried
        self._say = say
        self._static = static
        self._names: dict[str, Worker] = {}

    def hire(self, point: str = "", *, ready: bool = True) -> Worker:
        """Start a worker; of a static crew under the first name that nobody alive has."""
        self.counts["starts"] += 1
        if not self._static:
            return self.site.hire(point=point, ready=ready)
        name = next(name for name in NAMES if name not in self._names or not self._names[name].lives)
        worker = self.site.hire(point=point, ready=ready, instance=name)
        self._names[name] = worker
        return worker

    def one(self) -> Worker:
        """Return any of the workers; start one if there is none."""
        return self.dice.choice(self.site.working or [self.hire()])

    def refill(self) -> None:
        """Have at least one worker, and wait until somebody works."""
        if not self.site.working:
            self.hire()

    def kill(self, worker: Worker, counted: str = "kills at random") -> str:
        """SIGKILL; say what that interrupted."""
        among = len(self.site.working)
        worker.kill()
        doing = worker.was_doing()
        self.counts[counted] += 1
        self.counts.update({f"interrupted at random: {one}": 1 for one in set(doing or ["waiting"])})
        self._rebalanced(among)
        line = f"{worker.name} killed during {', '.join(doing) or 'waiting'}"
        self._say(line)
        return line

    def joined(self, *, back: bool = False) -> None:
        """Note that a worker has joined; one that is `back` under its old name moves nothing."""
        if not (back and self._static):
            self.counts["rebalances by joining"] += 1
            self.counts["rebalances with three workers"] += len(self.site.working) == MOST_WORKERS

    def left(self, among: int) -> None:
        """Note that one of so many workers has left."""
        self.counts["rebalances by leaving"] += not self._static
        self._rebalanced(among)

    def _rebalanced(self, among: int) -> None:
        if not self._static:  # else somebody comes in its place, and nothing moves
            self.counts["rebalances with three workers"] += among == MOST_WORKERS

    def look(self) -> None:
        """Remember how large workers became."""
        for worker in self.site.working:
            self.largest_mib = max(self.largest_mib, psutil.Process(worker.process.pid).memory_info().rss >> 20)


def kill(crew: Crew) -> str:
    """SIGKILL at a random moment, soon after something was sent."""
    worker = crew.one()
    crew.site.wait_sent(1.5)
    time.sleep(crew.dice.uniform(0, 0.5))
    crew.kill(worker)
    crew.refill()
    return f"{len(crew.site.working)} work now"


def kill_at(crew: Crew, point: str, count: int = 1, seconds: float = 30) -> str:
    """SIGKILL by itself, the n-th time that a worker reaches a point; it works alone, and nobody works afterwards.

    Nothing is sent before it works: what is sent is there to be disturbed.
    """
    for worker in crew.site.working:
        crew.kill(worker, "kills of others, so that one works alone")
    count = 1 if point in FIRST_ONLY else count
    with crew.site.holding():
        worker = crew.hire(f"{point}:{count}", ready=False)
        worker.begin_or_end(120)
    if point == "before partitions go":
        worker.process.terminate()
    worker.end_within(seconds)
    hit = worker.hit.exists()
    crew.counts[f"killed {point}" if hit else f"not reached in time: {point}"] += 1
    crew.tried[point] += 2 if hit else 1
    during = "".join(f", during {one}" for one in worker.was_doing())
    return f"{worker.name} {'killed itself' if hit else 'never came to:'} {point}, time {count}{during}"


def kill_somewhere(crew: Crew) -> str:
    """The same at one of the points that were hit least often so far."""
    judge = JUDGE | DROPS
    points = list(crew.dice.choice([judge, judge, POINTS]) if crew.site.record.drops else INTAKE | JUDGE)
    least = min(crew.tried[point] for point in points)
    point = crew.dice.choice([point for point in points if crew.tried[point] == least])
    return kill_at(crew, point, crew.dice.randint(1, 3))


def join(crew: Crew) -> str:
    """More workers, up to three; then one of them leaves, and comes back."""
    before = len(crew.site.working)
    while len(crew.site.working) < MOST_WORKERS:
        crew.hire()
        crew.joined()
    told = leave(crew) if crew.dice.random() < 1 / 2 else crew.kill(crew.one())
    crew.hire()
    crew.joined(back=True)
    return f"{MOST_WORKERS} workers instead of {before}; {told}; {MOST_WORKERS} again"


def leave(crew: Crew) -> str:
    """SIGTERM: a last checkpoint, and the next owner reads next to nothing again."""
    worker, among = crew.one(), len(crew.site.working)
    took = crew.site.dismiss(worker)
    crew.slowest_stop = max(crew.slowest_stop, took)
    lag = crew.site.lag()
    crew.left(among)
    crew.refill()
    return f"{worker.name} ended {took:.1f} s after SIGTERM, {lag} messages of lag"


def freeze(crew: Crew) -> str:
    """SIGSTOP for longer than the session: another worker takes over, then the zombie wakes up."""
    worker = crew.one()
    heir = next((other for other in crew.site.working if other is not worker), None)
    worker.process_suspend()
    heir = heir or crew.hire(ready=False)
    before = heir.said().count("partitions assigned")
    heir.wait_until("partitions assigned", count=before + 1)
    time.sleep(crew.dice.uniform(0, 3))
    said = len(worker.said())
    worker.process_resume()
    crew.counts["zombies"] += 1
    crew.counts["rebalances with three workers"] += 2 * (len(crew.site.working) == MOST_WORKERS)  # without it, with it
    deadline = time.monotonic() + 120
    while "partitions assigned" not in worker.said()[said:]:
        assert worker.lives, f"the zombie {worker.name} ended: {worker.said()[-2000:]}"
        assert time.monotonic() < deadline, f"the zombie {worker.name} never joined again: {worker.said()[-2000:]}"
        time.sleep(0.1)
    fenced = "another worker took over" in worker.said()[said:]
    crew.counts["zombies fenced"] += fenced
    return f"{worker.name} slept over {SESSION_SECONDS:.0f} s, {heir.name} took over, fenced: {fenced}"


def clickhouse_dies(crew: Crew) -> str:
    """Killed; back after a moment or some seconds."""
    away = crew.dice.choice([0.0, 1.0, 5.0])
    crew.site.restart(crew.site.stack.clickhouse, away)
    crew.counts["ClickHouse killed"] += 1
    return f"ClickHouse killed, started again after {away:.0f} s"


def clickhouse_hangs(crew: Crew) -> str:
    """Takes connections and answers nothing for a while; workers may be told to end meanwhile."""
    seconds = crew.dice.uniform(2, 10)
    with crew.site.hanging(crew.site.stack.clickhouse):
        time.sleep(seconds)
    crew.counts["ClickHouse hung"] += 1
    return f"ClickHouse hung for {seconds:.0f} s"


def leave_while_clickhouse_hangs(crew: Crew) -> str:
    """SIGTERM while no checkpoint can be made."""
    worker = crew.one()
    with crew.site.hanging(crew.site.stack.clickhouse):
        time.sleep(2)
        took = crew.site.dismiss(worker)
    crew.slowest_stop = max(crew.slowest_stop, took)
    crew.refill()
    crew.counts["ClickHouse hung while a worker ended"] += 1
    return f"ClickHouse hung, {worker.name} ended {took:.1f} s after SIGTERM"


def clickhouse_away(crew: Crew, seconds: float = 30) -> str:
    """Stopped for long while events keep coming; every 10 s a worker is killed and another one starts."""
    service = crew.site.stack.clickhouse
    service.stop()
    began = time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        time.sleep(min(10.0, left))
        crew.look()
        if left > 60:
            crew.kill(crew.one())
            crew.hire(ready=False)
    service.start()
    crew.counts["ClickHouse stopped for long"] += 1
    return f"ClickHouse stopped for {seconds:.0f} s, workers have at most {crew.largest_mib} MiB"


def clickhouse_is_full(crew: Crew) -> str:
    """No table takes a row any more: to ClickHouse the disk has too little room."""
    _with_setting(crew, f"min_free_disk_bytes_to_perform_insert = {1 << 60}")
    crew.counts["ClickHouse had no room"] += 1
    return "ClickHouse had no room"


def clickhouse_is_read_only(crew: Crew) -> str:
    """No table takes a row any more, because it may not."""
    _with_setting(crew, "table_readonly = 1")
    crew.counts["ClickHouse was read-only"] += 1
    return "ClickHouse was read-only"


def _with_setting(crew: Crew, setting: str) -> None:
    name = setting.partition(" ")[0]
    for rows in BATCHES:
        crew.site.reader.query(f"ALTER TABLE {rows.TABLE} MODIFY SETTING {setting}")
    time.sleep(crew.dice.uniform(2, 10))
    for rows in BATCHES:
        crew.site.reader.query(f"ALTER TABLE {rows.TABLE} RESET SETTING {name}")


def disk_is_slow(crew: Crew) -> str:
    """Both servers are held up nearly all of the time, as by a disk that takes long for everything."""
    seconds = crew.dice.uniform(4, 12)
    until = time.monotonic() + seconds
    servers = crew.site.stack.kafka, crew.site.stack.clickhouse
    while time.monotonic() < until:
        with crew.site.hanging(servers[0]), crew.site.hanging(servers[1]):
            time.sleep(0.4)
        time.sleep(0.1)
    crew.counts["the disk was slow"] += 1
    return f"for {seconds:.0f} s both servers worked a fifth of the time"


def broker_dies(crew: Crew) -> str:
    """Killed and restarted with its data; nothing is being sent meanwhile."""
    away = crew.dice.choice([0.0, 3.0, 10.0])
    with crew.site.sending:
        crew.site.restart(crew.site.stack.kafka, away)
    crew.counts["broker killed"] += 1
    return f"the broker was killed, started again after {away:.0f} s"


def broker_hangs(crew: Crew) -> str:
    """The same without a reset connection.

    Not for longer than its own session (deploy/local/kafka.py): a lone broker is fenced by its controller then, and
    Kafka 4.3.1 was seen to lose the marker of a transaction that it committed at that moment.
    """
    seconds = crew.dice.uniform(0.5, 2.5)
    with crew.site.sending, crew.site.hanging(crew.site.stack.kafka):
        time.sleep(seconds)
    crew.counts["broker hung"] += 1
    return f"the broker hung for {seconds:.0f} s"


Disturbance = Callable[[Crew], str]
WEIGHTS: dict[Disturbance, int] = {
    kill: 8,
    kill_somewhere: 26,
    join: 8,
    leave: 3,
    freeze: 3,
    clickhouse_dies: 2,
    clickhouse_hangs: 2,
    leave_while_clickhouse_hangs: 1,
    clickhouse_away: 1,
    clickhouse_is_full: 1,
    clickhouse_is_read_only: 1,
    disk_is_slow: 1,
    broker_dies: 2,
    broker_hangs: 1,
}


def schedule(dice: random.Random) -> Iterator[Disturbance]:
    """Each in turn in any order, then any of them, some oftener than others."""
    yield from dice.sample(list(WEIGHTS), len(WEIGHTS))
    while True:
        yield dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
