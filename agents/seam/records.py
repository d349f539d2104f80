"""Fetched records, read so that none stops us and each costs one object. Leans on the inside of aiokafka 0.14.

Rules: a record is read whatever its headers are called. Kafka takes any bytes for a name, and aiokafka would raise,
again and again; what its compiled reader cannot read is read once more by the one in Python, with the bytes that are
no text written as `\\xff`. Only such a fetch is slower.

A consumer that asks for it (`plain`) is given lists of records, one for each batch that a producer made, as the
compiled reader makes them (`offset`, `timestamp`, `key`, `value`, `headers`). Of the 1.3 us that aiokafka takes for a
record of 200 bytes about 0.4 are left: its two Python generators are passed through once for a batch, no ConsumerRecord
is made, and `codecs` decompresses.
"""

from collections.abc import Iterator
from typing import Any, Final, Self

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

from agents.kafka import codecs  # noqa: F401  (what importing it does is wanted)

_MAGIC: Final = _MemoryRecordsPy.MAGIC_OFFSET


def tolerate() -> None:
    """Let every aiokafka consumer of this process take any header name."""
    fetcher.MemoryRecords = _Kept
    fetcher.PartitionRecords = _PartitionRecords


def plain(value: bytes | None) -> bytes | None:
    """Be a consumer's value deserializer: the sign that it wants lists of records as they are read."""
    return value


class _Kept(MemoryRecords):  # type: ignore[misc]
    """Fetched bytes that can be read twice."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw)
        self.raw = raw


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return record.records if isinstance(record, _Whole) else super()._consumer_record(tp, record)

    def _unpack_records(self) -> Iterator[Any]:
        kept: Any = self._records
        try:
            yield from self._unpack(kept)
        except UnicodeDecodeError:
            pass
        else:
            return
        # leaves out, of its first batch, what was given out already
        yield from self._unpack(_Lenient(kept.raw, self.next_fetch_offset))

    def _unpack(self, records: Any) -> Iterator[Any]:
        self._records: Any = _WholeBatches(records, self) if self._value_deserializer is plain else records
        yield from super()._unpack_records()


class _WholeBatches:
    """Batches, each of which aiokafka takes for a single record."""

    def __init__(self, records: Any, reader: _PartitionRecords) -> None:
        self._records, self._reader = records, reader
        self.has_next = records.has_next

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        return batch if batch.is_control_batch else _Whole(batch, self._reader.next_fetch_offset)


class _Whole:
    """A batch, and the only record in it; `records` are those from `start` on, `offset` is the last one's."""

    def __init__(self, batch: Any, start: int) -> None:
        self._batch, self._start = batch, start

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Self]:
        self.records = list(self._batch)
        if self.records and self.records[0].offset < self._start:
            self.records = [record for record in self.records if record.offset >= self._start]
        if self.records:
            self.offset = self.records[-1].offset
            yield self


class _Lenient(_MemoryRecordsPy):  # type: ignore[misc]
    def __init__(self, raw: bytes, start: int) -> None:
        super().__init__(raw)
        while self._is_new() and _Batch(self._next_slice).next_offset <= start:
            self._cache_next()

    def _is_new(self) -> bool:
        return self._next_slice is not None and self._next_slice[_MAGIC] >= 2

    def next_batch(self, *_: Any) -> Any:
        if not self._is_new():
            return super().next_batch()  # older formats have no headers
        batch = _Batch(self._next_slice)
        self._cache_next()
        return batch


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        if not isinstance(self._buffer, _Bytes):
            self._buffer = _Bytes(self._buffer)


class _Bytes(bytearray):
    """Bytes of which any part can be read as text."""

    def __getitem__(self, part: Any) -> Any:
        found = super().__getitem__(part)
        return _Bytes(found) if isinstance(part, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)
