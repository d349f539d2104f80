"""The seam with Faust keeps its word, on a live broker."""

import asyncio
from pathlib import Path

import pytest
from faust.types import TP

from agents.errors import Failed
from agents.seam.batches import Batch
from tests.live.seam_apps.recorder import SMALL_FETCH, Broker, Recorder, partitions, until

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def broker(kafka: str) -> Broker:
    return Broker(kafka)


async def test_slices_keep_order_and_completeness(broker: Broker, prefix: str, tmp_path: Path) -> None:
    topics = (f"{prefix}.a", f"{prefix}.b")
    tps = partitions(*topics, count=4)
    await broker.create(dict.fromkeys(topics, 4))
    await broker.send(dict.fromkeys(tps, 700))
    async with Recorder(broker, prefix, topics, tmp_path, consumer_max_fetch_size=SMALL_FETCH) as worker:
        await until(lambda: worker.total() >= 350 * len(tps))
        await broker.send(dict.fromkeys(tps, 300))
        await until(lambda: worker.total() >= 1000 * len(tps))
    assert worker.seen == {tp: list(range(1000)) for tp in tps}
    assert sum(entry[0] == "slice" for entry in worker.log) > 10 * len(tps)
    assert await broker.committed(prefix) == dict.fromkeys(tps, 1000)
    assert worker.batches.failure is None


async def test_a_message_of_two_mebibytes_comes_through(broker: Broker, prefix: str, tmp_path: Path) -> None:
    topic, size = f"{prefix}.a", (2 << 20) - 1000
    await broker.create({topic: 1}, **{"max.message.bytes": str(2 << 20)})
    await broker.send({TP(topic, 0): 3}, b"x" * size)
    sizes: list[int] = []
    worker = Recorder(broker, prefix, [topic], tmp_path)
    worker.on_batch = lambda batch: sizes.extend(len(record.value or b"") for record in batch.records)
    async with worker:
        await until(lambda: worker.total() == 3)
    assert sizes == [size] * 3


async def test_only_what_is_durable_is_committed(broker: Broker, prefix: str, tmp_path: Path) -> None:
    tp = TP(f"{prefix}.a", 0)
    await broker.create({tp.topic: 1})
    await broker.send({tp: 100})
    worker = Recorder(broker, prefix, [tp.topic], tmp_path)
    worker.mark = False
    async with worker:
        await until(lambda: worker.total() == 100)
        with pytest.raises(ValueError, match="handed over"):
            worker.batches.mark_durable(tp, 101)
        worker.batches.mark_durable(tp, 40)
        worker.batches.mark_durable(tp, 30)
        worker.batches.mark_durable(TP(tp.topic, 7), 9)
        await broker.until_committed(prefix, {tp: 40})
        await broker.send({tp: 50})
        await until(lambda: worker.total() == 150)
    assert await broker.committed(prefix) == {tp: 40}

    async with Recorder(broker, prefix, [tp.topic], tmp_path) as successor:
        await until(lambda: successor.total() >= 110)
    assert successor.seen == {tp: list(range(40, 150))}
    assert await broker.committed(prefix) == {tp: 150}


async def test_a_batch_that_raises_is_read_again(broker: Broker, prefix: str, tmp_path: Path) -> None:
    tp, other = partitions(f"{prefix}.a", count=2)
    await broker.create({tp.topic: 2})
    await broker.send({tp: 500, other: 500})
    worker = Recorder(broker, prefix, [tp.topic], tmp_path, consumer_max_fetch_size=SMALL_FETCH)
    poisoned: list[Batch] = []

    def explode(batch: Batch) -> None:
        if batch.tp == tp and batch.next_offset > 200:
            poisoned.append(batch)
            raise RuntimeError("poison")

    worker.on_batch = explode
    async with worker:
        await until(lambda: worker.batches.failure)
        await asyncio.sleep(1)
    assert str(worker.batches.failure) == "poison"
    assert worker.app.crash_reason is worker.batches.failure
    start = poisoned[0].records[0].offset
    last = ("slice", tp, start, poisoned[0].next_offset)
    assert worker.log[-1] == last, "nothing is handed over after it, and nobody checkpoints broken state"
    assert await broker.committed(prefix) == {
        at: offset for at, offset in ((tp, start), (other, worker.applied.get(other, 0))) if offset
    }

    async with Recorder(broker, prefix, [tp.topic], tmp_path) as successor:
        await until(lambda: tp in successor.seen and successor.seen[tp][-1] == 499)
    assert successor.seen[tp] == list(range(start, 500))


async def test_partitions_that_go_are_committed_first(broker: Broker, prefix: str, tmp_path: Path) -> None:
    topics = (f"{prefix}.a", f"{prefix}.b")
    tps = partitions(*topics, count=4)
    await broker.create(dict.fromkeys(topics, 4))
    await broker.send(dict.fromkeys(tps, 100))
    never = {"broker_commit_interval": 3600.0}
    first = Recorder(broker, prefix, topics, tmp_path, **never)
    first.mark = False

    def checkpoint(gone: set[TP]) -> None:
        for tp in gone:
            first.batches.mark_durable(tp, 60)

    first.on_taken = checkpoint
    async with first:
        await until(lambda: first.total() == 800)
        assert await broker.committed(prefix) == {}
        async with Recorder(broker, prefix, topics, tmp_path, **never) as second:
            await until(lambda: len(second.owned()) == 4 and second.total() == 4 * 40)
            committed_before = second.log[0][3]
            await until(lambda: all(first.batches.read_to_end(tp).at_end for tp in first.owned()))
    assert committed_before == dict.fromkeys(tps, 60)
    assert first.total() == 800, "kept partitions go on where they were applied"
    assert second.seen == {tp: list(range(60, 100)) for tp in second.seen}


async def test_an_orderly_stop_commits_the_last_checkpoint(broker: Broker, prefix: str, tmp_path: Path) -> None:
    tp = TP(f"{prefix}.a", 0)
    await broker.create({tp.topic: 1})
    await broker.send({tp: 100})
    worker = Recorder(broker, prefix, [tp.topic], tmp_path, broker_commit_interval=3600.0)
    worker.mark = False
    worker.on_taken = lambda _tps: worker.batches.mark_durable(tp, 70)
    async with worker:
        await until(lambda: worker.total() == 100)
    assert worker.log[-1] == ("taken", {tp})
    assert await broker.committed(prefix) == {tp: 70}


async def test_a_failing_checkpoint_crashes_and_keeps_what_was_durable(
    broker: Broker, prefix: str, tmp_path: Path
) -> None:
    tp = TP(f"{prefix}.a", 0)
    await broker.create({tp.topic: 1})
    await broker.send({tp: 100})
    worker = Recorder(broker, prefix, [tp.topic], tmp_path, broker_commit_interval=3600.0)
    worker.mark = False

    def checkpoint(_tps: set[TP]) -> None:
        worker.batches.mark_durable(tp, 30)
        raise TimeoutError("the database")

    worker.on_taken = checkpoint
    async with worker:
        await until(lambda: worker.total() == 100)
    assert str(worker.batches.failure) == "the database"
    assert await broker.committed(prefix) == {tp: 30}


async def test_a_second_worker_takes_its_half(broker: Broker, prefix: str, tmp_path: Path) -> None:
    topics = (f"{prefix}.a", f"{prefix}.b")
    tps = partitions(*topics, count=4)
    await broker.create(dict.fromkeys(topics, 4))
    await broker.send(dict.fromkeys(tps, 500))
    small = {"consumer_max_fetch_size": SMALL_FETCH}
    async with Recorder(broker, prefix, topics, tmp_path, **small) as first:
        await until(lambda: first.total() > 500)
        async with Recorder(broker, prefix, topics, tmp_path, **small) as second:
            await until(lambda: len(second.owned()) == 4)
            await broker.send(dict.fromkeys(tps, 500))
            await until(lambda: first.total() + second.total() >= 1000 * len(tps))
        await broker.send(dict.fromkeys(tps, 100))
        await until(lambda: first.total() + second.total() >= 1100 * len(tps))
    for worker in (first, second):
        assert worker.batches.failure is None
        flows_as_asked(worker)
    assert {(tp.topic[-1], tp.partition) for tp in second.seen} == {
        (topic, tp.partition) for tp in second.seen for topic in "ab"
    }, "partition p of both topics goes together"
    for tp in tps:
        assert sorted(first.seen[tp] + second.seen[tp]) == list(range(1100))


async def test_a_rebalance_waits_for_the_batch_in_hand(broker: Broker, prefix: str, tmp_path: Path) -> None:
    topic = f"{prefix}.a"
    tps = partitions(topic, count=4)
    await broker.create({topic: 4})
    await broker.send(dict.fromkeys(tps, 100))
    first = Recorder(broker, prefix, [topic], tmp_path, consumer_max_fetch_size=SMALL_FETCH)
    first.pace = 0.5
    async with first:
        await until(first.seen.keys)
        async with Recorder(broker, prefix, [topic], tmp_path) as second:
            await until(lambda: first.total() + second.total() >= 400)
    for worker in (first, second):
        assert worker.batches.failure is None
        flows_as_asked(worker)
    assert sum(entry[0] == "taken" for entry in first.log) == 2
    assert all(sorted(first.seen[tp] + second.seen[tp]) == list(range(100)) for tp in tps)


def flows_as_asked(worker: Recorder) -> None:
    """Nothing flows before positions was asked; then each partition goes on exactly from there."""
    expected: dict[TP, int] | None = None
    for entry in worker.log:
        match entry:
            case ("asked", _, starts, _):
                expected = dict(starts)
            case ("taken", _):
                expected = None
            case ("slice", tp, start, end):
                assert expected is not None
                assert start == expected[tp]
                expected[tp] = end


@pytest.mark.parametrize("start", [20, 80])
async def test_positions_win_over_committed_offsets(broker: Broker, prefix: str, tmp_path: Path, start: int) -> None:
    tp = TP(f"{prefix}.a", 0)
    await broker.create({tp.topic: 1})
    await broker.send({tp: 60})
    async with Recorder(broker, prefix, [tp.topic], tmp_path) as worker:
        await until(lambda: worker.total() == 60)
    await broker.send({tp: 60})
    successor = Recorder(broker, prefix, [tp.topic], tmp_path)
    successor.start_at = {tp: start}
    async with successor:
        await until(lambda: successor.total() >= 120 - start)
    assert successor.seen == {tp: list(range(start, 120))}
    assert await broker.committed(prefix) == {tp: 120}


@pytest.mark.parametrize(("wanted", "found"), [(5, 30), (0, 30), (44, 44), (50, 50), (51, 30), (10**9, 30)])
async def test_what_the_log_does_not_hold_is_read_from_the_earliest(
    broker: Broker, prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, wanted: int, found: int
) -> None:
    tp = TP(f"{prefix}.a", 0)
    await broker.create({tp.topic: 1})
    await broker.send({tp: 50})
    await broker.forget_before(tp, 30)
    worker = Recorder(broker, prefix, [tp.topic], tmp_path)
    worker.start_at = {tp: wanted}
    async with worker:
        await until(worker.owned)
        await broker.send({tp: 1})
        await until(lambda: worker.seen[tp] and worker.seen[tp][-1] == 50)
    assert worker.seen[tp] == list(range(found, 51))
    told = f"has no offset {wanted} (any more): reading from {found}" in caplog.text
    assert told == (wanted not in (0, found))


async def test_unequal_partition_counts_refuse_to_run(broker: Broker, prefix: str, tmp_path: Path) -> None:
    counts = {f"{prefix}.a": 4, f"{prefix}.b": 3}
    await broker.create(counts)
    async with Recorder(broker, prefix, list(counts), tmp_path) as worker:
        await until(lambda: worker.batches.failure)
    assert isinstance(worker.batches.failure, Failed)
    line = str(worker.batches.failure)
    assert f"{prefix}.a has 4" in line
    assert f"{prefix}.b has 3" in line
    assert "esn-pulse topics" in line
    assert "\n" not in line
    assert worker.log == []


async def test_a_missing_topic_refuses_to_run(broker: Broker, prefix: str, tmp_path: Path) -> None:
    async with Recorder(broker, prefix, [f"{prefix}.a"], tmp_path) as worker:
        await until(lambda: worker.batches.failure)
    assert f"no topic {prefix}.a" in str(worker.batches.failure)


async def test_partitions_that_came_apart_crash(broker: Broker, prefix: str, tmp_path: Path) -> None:
    topics = (f"{prefix}.a", f"{prefix}.b")
    await broker.create(dict.fromkeys(topics, 3))
    torn = {"table_standby_replicas": 0}  # Faust's round robin knows no topics that belong together
    async with (
        Recorder(broker, prefix, topics, tmp_path, **torn) as first,
        Recorder(broker, prefix, topics, tmp_path, **torn) as second,
    ):
        await until(lambda: first.batches.failure or second.batches.failure)
    failure = first.batches.failure or second.batches.failure
    assert isinstance(failure, Failed)
    assert "different workers" in str(failure)
