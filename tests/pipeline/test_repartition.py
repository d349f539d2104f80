"""n source partitions become m: the sums go on as if nothing had happened."""

import json
import random
from collections.abc import Iterator
from operator import itemgetter
from zlib import crc32

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline import pages
from pipeline.repartition import NotSettled, repartition
from schemas.events import instant
from tests.pipeline.interrupted import Interrupted, check_the_same
from tests.pipeline.pure import PureRun, Rows
from tests.pipeline.test_law import Json, records
from tests.recount import differences
from tests.recount.lines import act, heartbeat, login, person


class Repartitioned(Interrupted):
    """A run that has other numbers of partitions from some lines on; `changes`: line -> new number."""

    unread = False
    """Stop for a change although not all was read."""
    apart = 0
    """How often the partitions had not closed the same minutes."""

    def run_changing(self, directory: list[Json], record: list[Json], changes: dict[int, int]) -> Rows:
        return self.run(directory, self._changing(record, changes))

    def _changing(self, record: list[Json], changes: dict[int, int]) -> Iterator[Json]:
        for number, line in enumerate(record):
            if number in changes:
                newest = max((instant(old["time"]) for old in record[:number] if "time" in old), default=None)
                self._read_some()
                try:
                    self.change(changes[number])
                except NotSettled:
                    self._heartbeat(newest)
                    self._drain()
                    self.change(changes[number])
                self._heartbeat(newest)
            yield line

    def _read_some(self) -> None:
        """Read on by different amounts, unless all is to be read before late acts may follow."""
        if not self.unread:
            self._drain()
            return
        for place in self.logs:
            self.sent[place] = self._unapplied(*place)
        for number, topic in self.random.sample(list(self.logs), len(self.logs)):
            if self.logs[number, topic]:
                self._batch(number, topic)
        for state in self.partitions:
            while state.due():
                self._close(state)

    def change(self, count: int) -> None:
        for state in self.partitions:
            self._close(state)  # gives out what came late
        left = [(m.offset, place[1], m) for place in self.logs for m in self._unapplied(*place)]
        apart = len({state.activity.closed_to for state in self.partitions}) > 1
        new = repartition(self.partitions, count, lambda key: crc32(key) % count)
        self.apart += apart
        self.partitions, self.readers, self.logs, self.sent = new, list(self.readers[:1]) * count, {}, {}
        for state in new:
            check_the_same(state, pages.encode(state))
            self.use(state)
        for _, topic, message in sorted(left, key=itemgetter(0)):
            line = json.loads(message.value or b"{}")
            if line["type"] != "esn.heartbeat":
                self.logs.setdefault((self.partition_of(line["data"]["actor"].encode()), topic), []).append(message)


def changed(
    directory: list[Json], record: list[Json], changes: dict[int, int], *, step_seconds: int, start: int, seed: int = 0
) -> Rows:
    run = Repartitioned(start, step_seconds=step_seconds, seed=seed, crashes=0.1)
    return run.run_changing(directory, record, changes)


SOME = st.sampled_from([1, 2, 3, 5])
COUNTS = st.one_of(st.lists(SOME, min_size=3, max_size=3).map(sorted), st.lists(SOME, min_size=2, max_size=2))


@pytest.mark.parametrize("step_seconds", [900, 3600])
@given(
    drawn=records(),
    counts=COUNTS,
    places=st.lists(st.integers(1, 39), min_size=2, max_size=2, unique=True).map(sorted),
    seed=st.integers(0, 1000),
)
@settings(max_examples=20, deadline=None)
def test_the_sums_go_on(
    step_seconds: int, drawn: tuple[list[Json], list[Json]], counts: list[int], places: list[int], seed: int
) -> None:
    directory, record = drawn
    assume(len(record) > places[0])
    expected = PureRun(counts[-1], step_seconds=step_seconds, seed=seed).run(directory, record)
    found = changed(
        directory,
        record,
        dict(zip(places, counts[1:], strict=False)),
        step_seconds=step_seconds,
        start=counts[0],
        seed=seed,
    )
    assert differences(expected.active_people, found.active_people) == []
    assert differences(expected.activity, found.activity) == []
    assert differences(expected.people, found.people) == []


@pytest.mark.parametrize(("before", "after"), [(1, 4), (4, 8), (4, 1), (5, 3)])
def test_a_company_goes_on(before: int, after: int) -> None:
    people = [f"u{number}" for number in range(60)]
    directory = [person(name, region=["ES", "SE", "DE"][place % 3], manager=f"u{place % 7}")
                 for place, name in enumerate(people)]  # fmt: skip
    record = [
        line
        for minute in range(0, 600, 3)
        for time in [f"2026-03-02T{6 + minute // 60:02}:{minute % 60:02}:10"]
        for name in [people[minute * 7 % 60]]
        for late in [f"2026-03-02T{6 + minute // 120:02}:{minute % 60:02}:20"]
        for line in (login(time, name), act(time, name, "join", community="hr"), act(late, people[minute % 59]))
    ]
    half = len(record) // 2
    again = record[half - 60 : half : 7]  # duplicates of what was read before the change
    record = record[:half] + again + record[half:]
    expected = PureRun(before, step_seconds=300).run(directory, record)
    found = changed(directory, record, {half: after}, step_seconds=300, start=before)
    assert expected.activity
    assert differences(expected.active_people, found.active_people) == []
    assert differences(expected.activity, found.activity) == []
    assert differences(expected.people, found.people) == []


@pytest.mark.parametrize("seed", range(4))
def test_partitions_that_are_some_minutes_apart_go_on_together(seed: int) -> None:
    dice = random.Random(seed)
    record: list[Json] = []
    for minute in range(240):
        time = f"2026-03-02T{6 + minute // 60:02}:{minute % 60:02}:{dice.randrange(60):02}"
        for name in dice.sample([f"u{number}" for number in range(13)], 3):
            record += [login(time, name), act(time, name, dice.choice(["join", "view"]), community="hr")]
    counts = [*sorted(dice.choices(range(2, 10), k=16)), *sorted(dice.choices(range(1, 10), k=4), reverse=True)]
    changes = dict(zip(range(60, 1440, 65), counts, strict=False))
    expected = PureRun(1, step_seconds=3600).run([], record)
    run = Repartitioned(2, step_seconds=3600, seed=seed, crashes=0.1)
    run.unread = True
    found = run.run_changing([], record, changes)
    assert run.apart
    assert differences(expected.active_people, found.active_people) == []
    assert differences(expected.activity, found.activity) == []
    assert differences(expected.people, found.people) == []


def test_states_at_different_steps_are_refused_with_advice() -> None:
    run = PureRun(2, step_seconds=60)
    for partition, last in enumerate(("10:03:00", "10:05:00")):
        for topic in range(2):
            run._send(partition, topic, heartbeat("10:00:00"))
            run._send(partition, topic, heartbeat(last))
    run._drain()
    with pytest.raises(NotSettled, match="start esn-pulse with the old number of partitions") as refusal:
        repartition(run.partitions, 4, lambda _: 0)
    assert "\n" not in str(refusal.value)


def test_corrections_that_were_not_written_are_not_lost() -> None:
    run = PureRun(3, step_seconds=60)
    run.run([], [login("10:00:00", f"u{number}") for number in range(20)])
    late = [act("10:00:10", f"u{number}") for number in range(20)]
    for line in late:
        run._send(run.partition_of(line["data"]["actor"].encode()), 1, line)
    for (number, topic), log in run.logs.items():
        state = run.partitions[number]
        state.clocks.add(topic, run.readers[number].read_events(log).acts)
        state.apply((True, True))
    with pytest.raises(NotSettled):
        repartition(run.partitions, 2, lambda _: 0)  # of number 2 nobody would write them
    new = repartition(run.partitions, 5, lambda key: len(key) % 5)
    late_events = [
        int(counts.events[counts.segment == 0].sum()) for state in new for counts in state.close().corrections
    ]
    assert sum(late_events) == 20
