import re
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from agents.storage.migrations import TABLES
from schemas.rows import BATCHES, Activity, Batch, Names, Rejects


def rejects(*offsets: int) -> Rejects:
    return Rejects(
        received_at=[1_000 + o for o in offsets],
        topic=["esn.logins"] * len(offsets),
        partition=[0] * len(offsets),
        offset=list(offsets),
        reason=["not_json"] * len(offsets),
    )


def test_a_batch_is_as_long_as_its_columns() -> None:
    assert len(rejects()) == 0
    assert len(rejects(4, 5, 6)) == 3


def test_columns_are_in_the_order_of_their_names() -> None:
    assert Rejects.names() == ("received_at", "topic", "partition", "offset", "reason")
    assert rejects(7).columns() == [[1_007], ["esn.logins"], [0], [7], ["not_json"]]


def test_joined_batches_keep_their_order_and_share_no_list() -> None:
    first, second = rejects(1, 2), rejects(3)
    joined = Rejects.joined([first, second])
    assert joined == rejects(1, 2, 3)
    joined.columns()[3].append(9)
    assert first == rejects(1, 2)
    assert second == rejects(3)


def test_arrays_and_names_are_joined_too() -> None:
    def batch(*codes: int, names: list[str]) -> Rejects:
        times = np.ma.masked_equal(codes, 0)
        return Rejects(times, Names(names, np.array(codes)), np.array(codes), np.array(codes), ["empty"] * len(codes))

    common = ["a", "b", "c"]
    joined = Rejects.joined([batch(0, 2, names=common), batch(1, names=["x", "b"]), batch(2, names=common)])
    times, topic, partition, _, reason = joined.columns()
    assert times.tolist() == [None, 2, 1, 2]
    assert topic.tolist() == ["a", "c", "b", "c"]
    assert topic.names == ["a", "b", "c", "x", "b"]
    assert partition.tolist() == [0, 2, 1, 2]
    assert reason == ["empty"] * 4


def test_names_that_were_added_after_a_batch_do_not_matter() -> None:
    names = ["a", "b"]
    column = Names(names, np.array([1, 0]))
    names.append("c")
    assert column.tolist() == Names.joined([column]).tolist() == ["b", "a"]
    assert column[1:].tolist() == ["a"]
    assert len(column) == 2


def test_joining_nothing_is_an_empty_batch() -> None:
    assert len(Rejects.joined([])) == 0
    assert Activity.joined([]).columns() == [[] for _ in Activity.names()]


def test_a_batch_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        rejects(1).offset = []  # type: ignore[misc]


@pytest.mark.parametrize("batch", BATCHES, ids=lambda batch: batch.TABLE)
def test_every_batch_has_a_table_in_some_file(batch: type[Batch]) -> None:
    ddl = "".join(path.read_text(encoding="utf-8") for path in TABLES.glob("*.sql"))
    assert re.search(rf"^CREATE TABLE IF NOT EXISTS {{database}}\.{batch.TABLE}$", ddl, re.MULTILINE)
