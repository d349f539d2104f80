"""A worker that stands still: real partitions and counters, and nothing of Kafka, Faust or ClickHouse."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP

from agents import clock
from agents.seam.batches import Reading
from agents.settings import Settings
from agents.worker.feed import Feed
from agents.worker.vitals import Vitals
from pipeline.partition import Partition
from schemas.topics import CONTENT, DIRECTORY, LOGINS


class StillLog:
    """What `Batches` answers; `ends` by topic partition, the position being the end unless `behind` says so."""

    def __init__(self) -> None:
        self.ends: dict[TP, int] = {}
        self.holes: dict[TP, int] = {}
        self.trouble: Exception | None = None
        self.failure: BaseException | None = None
        self.asked = 0
        self._owned: frozenset[TP] | None = frozenset()

    async def end_offsets(self, tps: Iterable[TP]) -> Mapping[TP, int]:
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return {tp: self.ends.get(tp, 0) for tp in tps}

    def read_to_end(self, tp: TP) -> Reading:
        return Reading(tp in self.holes, self.holes.get(tp), 0.0)

    async def fail(self, failure: BaseException) -> None:
        self.failure = failure


class StillWorker:
    """Owns what it is given."""

    def __init__(self, *states: Partition, **env: str) -> None:
        self.settings = Settings.from_env({"ESN_PREFIX": "acme"} | env)
        self.vitals = Vitals()
        self.batches: Any = StillLog()
        self.sink: Any = SimpleNamespace(up=True, last_error="", rows_written={})
        self.app: Any = SimpleNamespace(should_stop=False)
        self.intakes: dict[int, Any] = {}
        self.judging: Any = None
        self.owned: frozenset[int] | None = None
        self.own(*states)

    def own(self, *states: Partition) -> None:
        """Have these from now on."""
        for state in states:
            if state.number not in self.intakes:
                self.intakes[state.number] = self._intake(state)
        numbers = {state.number for state in states}
        self.intakes = {number: intake for number, intake in self.intakes.items() if number in numbers}
        self.owned = frozenset(numbers)

    def feed(self, topic: str, partition: int) -> Feed:
        return cast(Feed, self.intakes[partition].inbox.feeds[self.settings.topic(topic)])

    def _intake(self, state: Partition) -> Any:
        names = [self.settings.topic(topic.name) for topic in (LOGINS, CONTENT, DIRECTORY)]
        feeds = {name: Feed(TP(name, state.number), 0) for name in names}
        checkpoint = SimpleNamespace(at=clock.monotonic())
        inbox = SimpleNamespace(feeds=feeds)

        async def apart(work: Callable[..., Any], *given: object) -> Any:
            return work(*given)

        return SimpleNamespace(state=state, inbox=inbox, checkpoint=checkpoint, apart=apart, fenced=False, ended=False)
