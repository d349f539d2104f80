"""A recorded period -> closed hours, counted by the pipeline itself, without Kafka and ClickHouse.

Rules: the messages are those that `esn-pulse replay` would send (`agents.replay.Script`) and the numbers those that a
worker with ESN_STEP_SECONDS=3600 would publish. Nothing is judged here.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from agents import clock
from agents.replay import Message, Script
from agents.settings import Settings
from pipeline.clocks import INPUTS
from pipeline.partition import Partition, StepCounts
from pipeline.reading import Reader
from pipeline.windows import HOUR_MS
from schemas.events import HEARTBEAT
from schemas.topics import DIRECTORY

_LINES = 5000
_HEARTBEAT = f'"{HEARTBEAT}"'.encode()


@dataclass(slots=True)
class _Record:
    """A Kafka record, as far as it is read."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int
    headers: Sequence[tuple[str, bytes]] = ()


class Recorded:
    """A record, counted in one source partition that holds everybody. `people`: the directory at its start.

    A record without heartbeats of its own does not tell silent feeds from silent people: all of its steps are fed.
    """

    def __init__(self, settings: Settings, people: Iterable[bytes] = ()) -> None:
        self.state = Partition(0, 1, step_ms=HOUR_MS, lateness_ms=settings.lateness_seconds * 1000)
        self.refused = 0
        """Lines that a worker would refuse."""
        self._now = clock.now_ms()
        self._script = Script(1, replace(settings, step_seconds=HOUR_MS // 1000), lambda: self._now)
        self._reader = Reader(self.state, lambda _: 0, refuse_old=False)
        self._waiting: dict[str, list[_Record]] = {topic: [] for topic in INPUTS}
        self._offset = 0
        self._beats = False
        self._people = people

    def steps(self, lines: Iterable[bytes]) -> Iterator[StepCounts]:
        """Read the record and give out its hours as they close; to be called once."""
        for line in self._people:
            yield from self._send(self._script.line(line))
        for number, line in enumerate(lines, start=1):
            self._beats |= _HEARTBEAT in line
            yield from self._send(self._script.line(line))
            if number % _LINES == 0:
                yield from self._close()
        yield from self._send(self._script.finish())
        yield from self._close()

    def _send(self, messages: Iterable[Message]) -> Iterator[StepCounts]:
        for message in messages:
            self._offset += 1
            record = _Record(message.key, message.value, self._offset, self._now)
            if message.topic == DIRECTORY.name:
                yield from self._close(to_the_end=True)  # what it says holds for the steps that close after it
                self.refused += len(self._reader.read_directory([record]).refused)
            else:
                self._waiting[message.topic].append(record)

    def _close(self, *, to_the_end: bool = False) -> Iterator[StepCounts]:
        """Count what was sent; `to_the_end`: nothing older will come, in neither topic."""
        if not any(self._waiting.values()):
            return
        for topic, name in enumerate(INPUTS):
            read = self._reader.read_events(self._waiting[name])
            self.refused += len(read.refused)
            self.state.clocks.add(topic, read.acts)
            self._waiting[name] = []
        self.state.apply((to_the_end, to_the_end))
        if to_the_end:
            newest = self._script.sent.newest_ms
            self.state.idle_until((newest, newest))
        while self.state.due():
            for step in self.state.close().steps:
                yield step if self._beats else step._replace(silent_since=None)
