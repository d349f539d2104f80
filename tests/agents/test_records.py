"""The reader that takes any header name, against aiokafka's own."""

from itertools import chain
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy
from aiokafka.structs import ConsumerRecord, TopicPartition

from agents.seam import records

CODECS = {"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


class Raw(str):
    """A name that is written as other bytes than its own."""

    __slots__ = ()

    def encode(self, *_: Any) -> bytes:
        return b"a\xff\xfe"


@pytest.fixture
def _tolerant(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MemoryRecords", "PartitionRecords"):
        monkeypatch.setattr(fetcher, name, getattr(fetcher, name))
    records.tolerate()


def batch(codec: int, base: int, headers: list[list[tuple[str, bytes | None]]]) -> bytes:
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 1 << 20)
    for place, some in enumerate(headers):
        assert builder.append(place, timestamp=place, key=b"k", value=b"v" * 50, headers=some)
    raw = bytearray(builder.build())
    raw[:8] = base.to_bytes(8, "big")  # not part of the checksum
    return bytes(raw)


def read(raw: bytes, start: int = 0, value_deserializer: Any = records.plain) -> list[Any]:
    tp, memory = TopicPartition("t", 0), fetcher.MemoryRecords(raw)
    found = fetcher.PartitionRecords(tp, memory, None, start, None, value_deserializer, True, "read_uncommitted")
    result = list(found)
    assert found.next_fetch_offset == 9
    return list(chain.from_iterable(result)) if value_deserializer is records.plain else result


@pytest.mark.usefixtures("_tolerant")
@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("start", [0, 4])
def test_any_name_is_read(codec: str, start: int) -> None:
    good: list[tuple[str, bytes | None]] = [("é", b"\xff"), ("none", None)]
    bad: list[tuple[str, bytes | None]] = [*good, (Raw("x"), b"1")]
    raw = b"".join(
        batch(CODECS[codec], base, headers)
        for base, headers in ((0, [good] * 3), (3, [good, bad, good]), (6, [bad, good, bad]))
    )
    found = read(raw[len(batch(CODECS[codec], 0, [good] * 3)) if start else 0 :], start)
    assert [record.offset for record in found] == list(range(start, 9))
    assert {record.value for record in found} == {b"v" * 50}
    read_as = (*good, (r"a\xff\xfe", b"1"))
    assert [tuple(record.headers) for record in found] == [
        read_as if n in (4, 6, 8) else tuple(good) for n in range(start, 9)
    ]


@pytest.mark.usefixtures("_tolerant")
def test_others_are_read_as_before() -> None:
    raw = batch(3, 0, [[("a", b"1")]] * 9)
    assert [(record.offset, tuple(record.headers)) for record in read(raw)] == [(n, (("a", b"1"),)) for n in range(9)]


@pytest.mark.usefixtures("_tolerant")
def test_other_consumers_of_the_process_get_their_own_records() -> None:
    """Read any name, too, and say their partition."""
    found = read(batch(3, 0, [[(Raw("x"), b"1")]] * 9), value_deserializer=None)
    assert [(type(record), record.partition, record.offset) for record in found] == [
        (ConsumerRecord, 0, n) for n in range(9)
    ]


def test_aiokafka_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """When it can, this file's subject is not needed any more."""
    for name, ours in (("MemoryRecords", records._Kept), ("PartitionRecords", records._PartitionRecords)):
        monkeypatch.setattr(fetcher, name, ours.__base__)  # another test may have called tolerate()
    with pytest.raises(UnicodeDecodeError):
        read(batch(0, 0, [[(Raw("x"), b"1")]]))
