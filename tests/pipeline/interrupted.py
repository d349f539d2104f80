"""A pure run whose workers crash: the state goes back to the pages of its last checkpoint, the inputs to its offsets.

Rows that were written after that checkpoint stay written, as they would in ClickHouse, and are written again.
"""

from dataclasses import dataclass
from datetime import UTC, tzinfo

import numpy as np

from pipeline import pages
from pipeline.partition import Partition
from pipeline.reading import Reader
from tests.pipeline.pure import Json, Message, PureRun


@dataclass
class Checkpoint:
    pages: dict[str, bytes]
    offsets: tuple[int, int]
    """Per topic, where to read on."""
    heard: int


class Interrupted(PureRun):
    """`crashes` is the chance of a crash after a batch. A checkpoint follows each directory record at the latest."""

    def __init__(
        self, partitions: int, *, step_seconds: int, seed: int = 0, crashes: float = 0.3, zone: tzinfo = UTC
    ) -> None:
        super().__init__(partitions, step_seconds=step_seconds, seed=seed, zone=zone)
        self.crashes = crashes
        self.crashed = 0
        self.sent: dict[tuple[int, int], list[Message]] = {}
        self.checkpoints: dict[int, Checkpoint] = {}

    def _drain(self) -> None:
        for number, topic in self.logs:
            self.sent[number, topic] = self._unapplied(number, topic)
        for state in self.partitions:
            self.checkpoint(state.number)
        while places := [place for place, log in self.logs.items() if log]:
            number, topic = self.random.choice(places)
            self._batch(number, topic)
            if self.random.random() < 0.3:
                self.checkpoint(number)
            if self.random.random() < self.crashes:
                self.crash(number)
        self._settle()
        for state in self.partitions:
            self._tell(state)
        self._settle()

    def _batch(self, number: int, topic: int) -> None:
        log, state = self.logs[number, topic], self.partitions[number]
        cut = self.random.randint(1, self.random.choice((1, 10, 5000)))
        state.clocks.add(topic, self.readers[number].read_events(log[:cut], state.clocks.struck[topic]).acts)
        del log[:cut]
        self._listen(state)
        state.apply((False, False))
        while state.due() and self.random.random() < 0.9:
            self._close(state)

    def _unapplied(self, number: int, topic: int) -> list[Message]:
        """Return the messages of a topic that this state has not applied: those that wait, and those not read."""
        log = self.logs.get((number, topic), [])
        first = self.partitions[number].clocks.next_offset(topic)
        before = [] if first is None else [m for m in self.sent[number, topic] if m.offset >= first]
        unread = {message.offset for message in log}
        return [message for message in before if message.offset not in unread] + log

    def checkpoint(self, number: int) -> None:
        state = self.partitions[number]
        self._tell(state)
        written = pages.encode(state)
        offsets = [self._unapplied(number, topic) for topic in range(2)]
        first, second = (left[0].offset if left else self.offset + 1 for left in offsets)
        self.checkpoints[number] = Checkpoint(written, (first, second), self.heard[number])
        check_the_same(state, written)

    def crash(self, number: int) -> None:
        self.crashed += 1
        kept = self.checkpoints[number]
        self.use(self.decoded(number, kept.pages))
        self.heard[number] = kept.heard
        self.outbox.pop(number, None)
        for topic, offset in enumerate(kept.offsets):
            sent = self.sent.get((number, topic), [])
            self.logs[number, topic] = [message for message in sent if message.offset >= offset]

    def decoded(self, number: int, written: dict[str, bytes]) -> Partition:
        return pages.decode(written, number, len(self.partitions), self.step_ms, self.lateness_ms, self.zone)

    def use(self, state: Partition) -> None:
        self.partitions[state.number] = state
        self.readers[state.number] = Reader(state, self.partition_of, refuse_old=False)


def check_the_same(state: Partition, written: dict[str, bytes]) -> None:
    """What is decoded is the same state: by its pages, and by what the gauges show."""
    zone = state.days.local.zone
    decoded = pages.decode(written, state.number, state.partitions, state.step_ms, state.clocks.lateness_ms, zone)
    assert pages.encode(decoded) == written
    for now, then in zip(state.live(), decoded.live(), strict=True):
        assert np.array_equal(now, then)


def feed(run: PureRun, *lines: Json) -> None:
    """Let a run of one partition read these lines; what they leave open stays open."""
    for line in lines:
        if "person" in line or "forget" in line:
            run._drain()
            run._directory(line)
        else:
            send(run, line)
    run._drain()


def send(run: PureRun, line: Json) -> None:
    for topic in (0, 1) if line["type"] == "esn.heartbeat" else (int(line["type"] != "esn.login"),):
        run._send(0, topic, line)
