"""The log says what changed, once."""

import logging

import pytest

from agents.worker.watch import Pauses, Watch
from tests.agents.still_worker import StillWorker
from tests.pipeline.crowd import Crowd


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def worker(clock: Clock) -> StillWorker:
    made = StillWorker(Crowd(0, number=0, partitions=2).state, Crowd(0, number=1, partitions=2).state)
    for intake in made.intakes.values():
        intake.checkpoint.at = clock.now
    return made


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, dict[str, object]]]:
    said = [(record.levelname, record.getMessage(), record.__dict__["fields"]) for record in caplog.records]
    caplog.clear()
    return said


@pytest.fixture(autouse=True)
def all_levels(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "agents.worker.watch")


def test_a_quiet_worker_says_nothing(worker: StillWorker, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(worker, clock)
    for _ in range(50):
        clock.now += 1
        watch.look()
    assert lines(caplog) == []


def test_pauses_of_reading(worker: StillWorker, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(worker, clock)
    worker.feed("esn.content", 1).paused = True
    worker.feed("esn.logins", 0).paused = True
    watch.look()
    watch.look()
    ((level, message, fields),) = lines(caplog)
    assert (level, message[:14]) == ("WARNING", "reading paused")
    assert fields == {"partitions": "acme.esn.content/1, acme.esn.logins/0"}
    worker.feed("esn.content", 1).paused = False
    watch.look()
    assert lines(caplog) == [("INFO", "reading goes on", {"partitions": "acme.esn.content/1"})]


def test_refusals_are_summed_up_once_a_minute(
    worker: StillWorker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(worker, clock)
    told = []
    for _ in range(150):
        clock.now += 1
        worker.vitals.rejected["not_json"] += 2
        worker.vitals.rejected["no_zone"] += 1
        watch.look()
        told += [(clock.now, fields) for _, message, fields in lines(caplog) if "refused" in message]
    assert told == [
        (1001, {"messages": 3, "no_zone": 1, "not_json": 2}),
        (1061, {"messages": 180, "no_zone": 60, "not_json": 120}),
        (1121, {"messages": 180, "no_zone": 60, "not_json": 120}),
    ]


@pytest.mark.parametrize(("every", "patience"), [("5", 60), ("10", 60), ("60", 360)])
def test_a_checkpoint_that_is_overdue(
    every: str, patience: int, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    worker = StillWorker(Crowd(0).state, ESN_CHECKPOINT_SECONDS=every)
    checkpoint = worker.intakes[0].checkpoint
    watch = Watch(worker, clock)
    checkpoint.at = clock.now
    clock.now += patience
    watch.look()
    assert lines(caplog) == []
    clock.now += 1
    watch.look()
    watch.look()
    assert lines(caplog) == [("WARNING", f"no checkpoint for {patience} s", {"partitions": "0"})]
    checkpoint.at = clock.now
    watch.look()
    assert lines(caplog) == [("INFO", "checkpoints again", {"partitions": "0"})]


def test_a_partition_that_leaves_takes_its_trouble_with_it(
    worker: StillWorker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    watch = Watch(worker, clock)
    clock.now += 100
    watch.look()
    assert len(lines(caplog)) == 1
    worker.own()
    watch.look()
    assert lines(caplog) == []


def test_the_longest_pause_of_the_last_minute_or_two(clock: Clock) -> None:
    pauses = Pauses(clock)
    assert pauses.longest() == 0
    pauses.note(0.5)
    pauses.note(0.2)
    assert pauses.longest() == 0.5
    clock.now += 59
    pauses.note(0.3)
    assert pauses.longest() == 0.5
    clock.now += 60  # the first minute's is still the one before
    assert pauses.longest() == 0.5
    clock.now += 2
    assert pauses.longest() == 0
    pauses.note(0.1)
    clock.now += 600
    assert pauses.longest() == 0
