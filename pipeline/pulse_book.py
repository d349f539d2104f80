"""What `esn.pulse` says, until it can be judged: rows and closing records, per step and source partition.

    rows      wait per step and source partition; those of a greater epoch replace all of a smaller one
    closed    how far each source partition has come; what all have closed is complete, what one skipped is zero
    unfed     steps during which a source was silent

A record that comes twice changes nothing, nor does the order in which source partitions come; a partition that is
behind is waited for. Only steps that somebody judges are kept. Times are unix seconds.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec

from schemas.pulse import CLOSING, Closing, unix_seconds

KEPT_SECONDS: Final = 2 * 86_400
"""Unfed steps are remembered so long; no judged interval is longer than a day."""

Key = tuple[str, str, str]
"""dimension, member, measure"""
_AT: Final = slice(len('{"at":"'), len('{"at":"2026-11-22T08:15:00Z'))


class Counts(NamedTuple):
    """People of one segment and measure."""

    w5m: int
    w1h: int
    w7d: int
    w28d: int
    enabled: int

    def plus(self, other: "Counts") -> "Counts":
        """Return the sums; written out, for it is called most often."""
        w5m, w1h, w7d, w28d, enabled = other
        return Counts(self.w5m + w5m, self.w1h + w1h, self.w7d + w7d, self.w28d + w28d, self.enabled + enabled)


class _Row(msgspec.Struct, frozen=True):
    """What is judged of a row."""

    source_partition: int
    epoch: int
    dimension: str
    member: str
    measure: str
    w5m: int
    w1h: int
    w7d: int
    w28d: int
    enabled: int


@dataclass
class Part:
    """A source partition's rows of one step, of one epoch."""

    epoch: int
    rows: dict[Key, Counts] = field(default_factory=dict)


class Book:
    """The records. `wants(at)` says which steps are judged, `skipped` which dimensions are not."""

    def __init__(self, wants: Callable[[int], bool], skipped: frozenset[str]) -> None:
        self._wants, self._skipped = wants, skipped
        self._row = msgspec.json.Decoder(_Row).decode
        self._closing = msgspec.json.Decoder(Closing).decode
        self._known_at: tuple[bytes, int, bool] = (b"", 0, False)
        self.partitions = 0
        """How many source partitions there are, by the newest closing record."""
        self.closed: dict[int, int] = {}
        """Source partition -> newest step that it closed."""
        self.epochs: dict[int, int] = {}
        """Source partition -> the greatest epoch heard of."""
        self.unfed: dict[tuple[int, int], int] = {}
        """(step, source partition) -> since when a source was silent."""
        self.waiting: dict[int, dict[int, Part]] = {}
        """Step -> source partition -> rows."""
        self.done = 0
        """The newest step that was taken."""

    def hear(self, records: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Take records, key and value, in the order of the log; what we never wrote is passed over."""
        for key, value in records:
            with suppress(msgspec.DecodeError, ValueError):
                if key == CLOSING:
                    self._close(self._closing(value or b""))
                elif (at := self._wanted(value or b"")) is not None:
                    self._put(at, self._row(value or b""))

    def _wanted(self, value: bytes) -> int | None:
        """Return a row's step, if it is judged; found without decoding, for most rows are of other steps."""
        text = value[_AT]
        if text != self._known_at[0]:
            at = unix_seconds(text.decode())
            self._known_at = (text, at, self._wants(at))
        _, at, wanted = self._known_at
        return at if wanted and at > self.done else None

    def _put(self, at: int, row: _Row) -> None:
        if row.dimension in self._skipped or not self._is_current(row.source_partition, row.epoch, at):
            return
        parts = self.waiting.setdefault(at, {})
        part = parts.get(row.source_partition)
        if part is None or part.epoch < row.epoch:
            part = parts[row.source_partition] = Part(row.epoch)
        counts = Counts(row.w5m, row.w1h, row.w7d, row.w28d, row.enabled)
        part.rows[row.dimension, row.member, row.measure] = counts

    def _close(self, closing: Closing) -> None:
        at, number = unix_seconds(closing.at), closing.source_partition
        if self.partitions and closing.partitions != self.partitions:  # people have moved: begin anew
            for known in (self.closed, self.epochs, self.waiting):
                known.clear()
        self.partitions = closing.partitions
        if not self._is_current(number, closing.epoch, at):
            return
        self.closed[number] = max(at, self.closed.get(number, at))
        if closing.silent_since is not None:
            self.unfed[at, number] = unix_seconds(closing.silent_since)
        else:
            self.unfed.pop((at, number), None)

    def _is_current(self, number: int, epoch: int, at: int) -> bool:
        """Say whether a record counts; the first one of a new owner takes back what was closed from there on."""
        known = self.epochs.setdefault(number, epoch)
        if epoch > known:
            self.epochs[number] = epoch
            if number in self.closed:
                self.closed[number] = min(self.closed[number], at - 1)
        return epoch >= known

    def complete(self) -> list[int]:
        """Return the steps that every source partition has closed, in order."""
        if len(self.closed) < self.partitions:
            return []
        end = min(self.closed.values(), default=0)
        return sorted(at for at in self.waiting if at <= end)

    def take(self, at: int) -> dict[Key, Counts]:
        """Take a complete step: return its rows, added up over source partitions."""
        self.done = at
        total: dict[Key, Counts] = {}
        for part in self.waiting.pop(at).values():
            for key, counts in part.rows.items():
                known = total.get(key)
                total[key] = counts if known is None else known.plus(counts)
        for step in [step for step in self.unfed if step[0] < at - KEPT_SECONDS]:
            del self.unfed[step]
        return total

    def silent_since(self, begin: int, end: int) -> int | None:
        """Return since when a source was silent that was so in steps of (begin, end]; None if all are fed."""
        return min((since for (at, _), since in self.unfed.items() if begin < at <= end), default=None)


def region_sizes(rows: Mapping[Key, Counts]) -> dict[str, int]:
    """Return the enabled people of each region."""
    return {member: counts.enabled for (dimension, member, measure), counts in rows.items()
            if dimension == "region" and measure == "active"}  # fmt: skip
