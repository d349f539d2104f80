"""State <-> bytes: all state of one source partition as pages of one moment, and back.

    encode    state -> key -> page; the same state gives the same bytes
    Dirty     which pages differ from those last committed: only they are sent
    decode    key -> page -> state; refuses pages of another format, partition or of several moments
    Head      what stands beside the pages: where to read on, the epoch

Not kept: acts that wait for their turn (the head's offsets point at the first of them, they are read again), and
`Partition.seen`, which counts for a process. A forgotten person's name is in no page once their row is deleted.
"""

from collections.abc import Mapping
from datetime import UTC, tzinfo
from typing import Final, Self, TypeVar

import msgspec
import numpy as np
from xxhash import xxh3_128, xxh3_128_digest

from pipeline import page_kinds as kinds
from pipeline.page_columns import FORMAT, BadPages, OtherFormat, OtherPartition, TornPages, check_format
from pipeline.page_days import read_days, write_days
from pipeline.page_hearing import read_hearing, write_hearing
from pipeline.partition import Partition

__all__ = ["BadPages", "Dirty", "Head", "OtherFormat", "OtherPartition", "TornPages", "decode", "encode"]

HEAD: Final = "head"
_MOMENT: Final = "moment"
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class Head(msgspec.Struct, frozen=True):
    """Where a source partition stands. It is committed with the pages, and alone when the epoch is raised."""

    partitions: int
    step_seconds: int
    epoch: int
    offsets: dict[str, int]
    """Input topic -> offset to read on from: that of the first act that waits, else the next one."""
    sent: dict[str, int]
    """Input topic -> offset up to which refused and moved messages were sent on: not again when read again."""
    closed_step: int | None = None
    """The last step that was closed, unix ms."""

    def encode(self) -> bytes:
        """Return the head's page."""
        return bytes([FORMAT]) + msgspec.json.encode(self, order="deterministic")

    @classmethod
    def decode(cls, page: bytes) -> Self:
        """Read the head's page. Raises `BadPages`."""
        return _read_struct(page, cls)


class _Moment(msgspec.Struct, frozen=True):
    """What is single; and what holds the pages together."""

    number: int
    partitions: int
    step_ms: int
    read: tuple[int, int]
    watermark: int
    newest: int
    struck: tuple[list[int], list[int]]
    closed_to: int
    next_step: int | None
    jumps: list[tuple[int, int]]
    pages: int
    digest: str


def encode(state: Partition) -> dict[str, bytes]:
    """Return all pages; none is larger than about half a MiB."""
    pages: dict[str, bytes] = {}
    history = kinds.history(state.activity)
    pages.update(kinds.write_segments(state, history))
    pages.update(kinds.write_people(state.people))
    pages.update(kinds.write_pairs(state.pairs))
    pages.update(kinds.write_digests(state.duplicates))
    pages.update(kinds.write_waiting("people-wait", state.waiting_people))
    pages.update(kinds.write_waiting("pairs-wait", state.waiting_pairs))
    pages.update(kinds.write_acts("open", state.activity.open_acts))
    pages.update(kinds.write_acts("open-late", state.activity.late_acts))
    pages.update(kinds.write_late(state.activity))
    pages.update(kinds.write_before(history))
    pages.update(kinds.write_forgotten(state.forgotten))
    pages.update(write_hearing(state.hearing))
    pages.update(write_days(state.days, len(state.people.name)))
    clocks = state.clocks
    moment = _Moment(
        number=state.number,
        partitions=state.partitions,
        step_ms=state.step_ms,
        read=(clocks.read[0], clocks.read[1]),
        watermark=clocks.watermark,
        newest=clocks.newest,
        struck=(sorted(clocks.struck[0]), sorted(clocks.struck[1])),
        closed_to=state.activity.closed_to,
        next_step=state.next_step,
        jumps=state.jumps,
        pages=len(pages),
        digest=digest(pages),
    )
    pages[_MOMENT] = bytes([FORMAT]) + msgspec.json.encode(moment)
    return pages


def decode(
    pages: Mapping[str, bytes], number: int, partitions: int, step_ms: int, lateness_ms: int, zone: tzinfo = UTC
) -> Partition:
    """Return the state. Raises `BadPages`.

    `step_ms` may differ from the one that the pages were written with. What was published stands; steps go on with
    the first one of the new grid after the last one closed, so that none is published twice and none between them
    is left out: from hours to minutes with the minute after the last hour, from minutes to hours with the next full
    hour. What waits is put into its step of the new grid by its own time, as it counts in every window still to close.
    """
    moment = _moment(pages, number, partitions)
    state = Partition(number, partitions, step_ms=step_ms, lateness_ms=lateness_ms, zone=zone)
    kinds.read_segments(pages, state)
    kinds.read_people(pages, state.people)
    kinds.read_pairs(pages, state.pairs)
    kinds.read_digests(pages, state.duplicates)
    kinds.read_waiting("people-wait", pages, state.waiting_people, state.people.latest)
    kinds.read_waiting("pairs-wait", pages, state.waiting_pairs, state.pairs.latest)
    kinds.read_acts("open", pages, state.activity.open_acts)
    kinds.read_acts("open-late", pages, state.activity.late_acts)
    kinds.read_late(pages, state.activity)
    kinds.read_before(pages, state.activity)
    state.forgotten = kinds.read_forgotten(pages)
    read_hearing(pages, state.hearing)
    read_days(pages, state.days)
    state.clocks.read = list(moment.read)
    state.clocks.watermark, state.clocks.newest = moment.watermark, moment.newest
    state.clocks.struck = set(moment.struck[0]), set(moment.struck[1])
    state.activity.closed_to = moment.closed_to
    state.next_step, state.jumps = moment.next_step, moment.jumps
    if moment.step_ms != step_ms:
        _realign(state, moment.step_ms)
    return state


def _moment(pages: Mapping[str, bytes], number: int, partitions: int) -> _Moment:
    """Return the moment's page, after checking that all others belong to it."""
    if _MOMENT not in pages:
        raise _torn(number, f"{len(pages)} pages, not the one that holds them together")
    moment = _read_struct(pages[_MOMENT], _Moment)
    if (moment.number, moment.partitions) != (number, partitions):
        raise OtherPartition(
            f"the pages in esn.pages are of source partition {moment.number} of {moment.partitions}, not {number} of "
            f"{partitions}: if the topics were given more partitions, the state must be repartitioned first"
        )
    others = {key: page for key, page in pages.items() if key not in {_MOMENT, HEAD}}
    if len(others) != moment.pages:
        raise _torn(number, f"{len(others)} pages instead of {moment.pages}")
    for page in others.values():
        check_format(page)
    if digest(others) != moment.digest:
        raise _torn(number, "pages of different moments")
    return moment


def _torn(number: int, what: str) -> TornPages:
    return TornPages(
        f"the state of source partition {number} in esn.pages is not whole ({what}): restore the topic from a backup, "
        "or see the runbook, 'Lost state'"
    )


def _realign(state: Partition, old_step_ms: int) -> None:
    """Go over to another grid of steps."""
    if state.next_step is None:
        return
    new = state.step_ms
    first = (state.next_step - old_step_ms) // new * new + new
    state.next_step = first
    for waiting in (state.waiting_people, state.waiting_pairs):
        waiting.parts = [part._replace(step=np.maximum(-(-part.time // new) * new, first)) for part in waiting.parts]
    heard, state.hearing.waiting = state.hearing.waiting, {}
    for sound in (sound for sounds in heard.values() for sound in sounds):
        state.hearing.waiting.setdefault(max(-(-sound.newest_ms // new) * new, first), []).append(sound)


def _read_struct(page: bytes, kind: type[_Struct]) -> _Struct:
    check_format(page)
    try:
        return msgspec.json.decode(page[1:], type=kind)
    except msgspec.DecodeError:
        raise TornPages(
            "a page in esn.pages is damaged: restore the topic from a backup, or see the runbook, 'Lost state'"
        ) from None


def digest(pages: Mapping[str, bytes]) -> str:
    """Return a hash over all pages and their keys."""
    whole = xxh3_128()
    for key in sorted(pages):
        whole.update(f"{key}\0".encode())
        whole.update(xxh3_128_digest(pages[key]))
    return whole.hexdigest()


class Dirty:
    """Which pages differ from those that were committed last."""

    def __init__(self, committed: Mapping[str, bytes] | None = None) -> None:
        self._hashes = {key: xxh3_128_digest(page) for key, page in (committed or {}).items()}

    def changed(self, pages: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """Return what must be sent: new and changed pages, and None (a tombstone) for those that are no more."""
        sent: dict[str, bytes | None] = {
            key: page for key, page in pages.items() if self._hashes.get(key) != xxh3_128_digest(page)
        }
        return sent | {key: None for key in self._hashes if key not in pages}

    def committed(self, sent: Mapping[str, bytes | None]) -> None:
        """Take note that the transaction with what `changed` returned was committed."""
        for key, page in sent.items():
            if page is None:
                self._hashes.pop(key, None)
            else:
                self._hashes[key] = xxh3_128_digest(page)
