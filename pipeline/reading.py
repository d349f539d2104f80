"""Messages of one source partition into acts, directory records, refusals and moved messages.

Nothing is counted here. A message that is refused or that belongs to another partition leaves no trace in the state.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from operator import xor
from typing import Any, Final, NamedTuple, Protocol

import numpy as np

from pipeline.acts import ACTION_CODE, FAILED_CODE, LOGIN_CODE, NOBODY, Acts, Ints
from pipeline.ids import digest_of
from pipeline.partition import Partition
from pipeline.segments import COMMUNITY
from pipeline.sources import Heard
from schemas import directory
from schemas.bulk import read_all
from schemas.events import (
    ACTIONS,
    CLIENTS,
    CONTENT,
    HEARTBEAT,
    LOGIN,
    MOST_NAMED,
    OBJECT_KINDS,
    Data,
    Event,
    Reason,
    Refused,
    Type,
)

MOVED_HEADER: Final = "esn-moved"
RESENT_HEADER: Final = "esn-resent"


class _Codes(dict[str | None, int]):
    """Codes of names; 0 of all others."""

    def __missing__(self, _name: str | None) -> int:
        return 0


_OUTCOME: Final = {None: LOGIN_CODE, "success": LOGIN_CODE, "failure": FAILED_CODE}
_ACTION: Final = _Codes({**dict[str | None, int](ACTION_CODE.items()), **_OUTCOME})
"""Of an event's verb, or of a login's outcome."""
_CLIENT: Final = _Codes({name: code for code, name in enumerate(CLIENTS)})
_OBJECT_KIND: Final = _Codes({name: code for code, name in enumerate(OBJECT_KINDS)})


class Message(Protocol):
    """What is read of a Kafka record."""

    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int
    headers: Sequence[tuple[str, bytes]]


class Refusal(NamedTuple):
    """A message that is not counted."""

    message: Message
    reason: Reason


class Slice(NamedTuple):
    """What was read from one fetched slice of a partition."""

    acts: Acts
    refused: list[Refusal]
    moved: list[tuple[int, bytes, Message]]
    """(right partition, right key, message)"""
    verbs: Counter[str]
    """How many events of each verb (`login`, `login_failed`, `heartbeat` and the content verbs) were read."""
    sources: dict[str, Heard]


class Reader:
    """Reads for one partition. `partition_of(key)` is Kafka's default partitioner."""

    def __init__(self, state: Partition, partition_of: Callable[[bytes], int], *, refuse_old: bool) -> None:
        self.state = state
        self._partition_of = partition_of
        self._refuse_old = refuse_old

    def read_events(self, messages: Sequence[Message], struck: Collection[int] = ()) -> Slice:
        """Read messages of `esn.logins` or `esn.content`, in offset order; `struck`: see `Clocks`."""
        result = Slice(Acts.none(), [], [], Counter(), {})
        stamp = _ints([message.timestamp for message in messages])
        found, time, places, refused = read_all(
            [message.value or b"" for message in messages], stamp, refuse_old=self._refuse_old
        )
        if refused:
            result.refused.extend(Refusal(messages[place], reason) for place, reason in refused)
            messages, stamp = [messages[place] for place in places], stamp[places]
        if not found:
            return result
        first, last = messages[0].offset, messages[-1].offset
        if last - first == len(messages) - 1:  # there are no holes
            offset: Ints = np.arange(first, last + 1)
        else:
            offset = _ints([message.offset for message in messages])
        for place in np.flatnonzero(np.isin(offset, list(struck))) if struck else ():
            found[place].data = None
        types = [event.type for event in found]
        source, naming = self._hear(found, types, time, result.sources), self._naming(found, types)
        columns = (*self._columns(found, types, messages, result), source, naming)
        return result._replace(acts=Acts(time, np.minimum(time, stamp), offset, *columns))

    def _columns(
        self, found: list[Event], types: list[Type], messages: Sequence[Message], into: Slice
    ) -> tuple[Any, ...]:
        """Return the columns of `Acts` from `person` to `digest`. Column by column costs a third of act by act."""
        acting = found
        places: Sequence[int] = range(len(found))
        where: Any = slice(None)
        datas = [event.data for event in found if event.data is not None]
        if HEARTBEAT in types or len(datas) < len(found):
            places = [place for place, event in enumerate(found) if event.data is not None and event.type != HEARTBEAT]
            acting, types = [found[place] for place in places], [types[place] for place in places]
            where, datas = np.array(places, np.intp), [event.data for event in acting if event.data is not None]
        actors = [data.actor or "" for data in datas]
        hashes = list(map(digest_of, actors))
        slots = self.state.people.slot.find(np.array(hashes, np.uint64))
        for place in np.flatnonzero(slots == NOBODY).tolist():
            slots[place] = self._newcomer(actors[place], messages[places[place]], into)
        told = [data.outcome if type_ == LOGIN else data.verb for type_, data in zip(types, datas, strict=True)]

        def column(values: Ints, nobodys: int = 0) -> Any:
            made = np.full(len(found), nobodys, values.dtype)
            made[where] = values
            return made

        person, action = column(slots, NOBODY), column(_codes(_ACTION, told))
        for code, many in enumerate(np.bincount(action[person != NOBODY])):
            if many:
                into.verbs[ACTIONS[code]] += int(many)
        if len(acting) < len(found):
            into.verbs["heartbeat"] += len(found) - len(acting)
        kind = column(_codes(_OBJECT_KIND, [data.object_kind for data in datas]))
        client = column(_codes(_CLIENT, [data.client for data in datas]))
        community = column(self._communities(datas, types, slots), NOBODY)
        return person, action, kind, client, community, column(_digests(acting, hashes))

    def _communities(self, datas: list[Data], types: list[Type], slots: Ints) -> Ints:
        """Return the segment of each act's community, NOBODY for acts of nobody and in none."""
        names = [data.community for data in datas]
        if LOGIN in types or (slots == NOBODY).any():
            counted = zip(names, types, slots.tolist(), strict=True)
            names = [None if type_ == LOGIN or slot == NOBODY else name for name, type_, slot in counted]
        of = self.state.segments.of
        segment = {name: of(COMMUNITY, name) if name else NOBODY for name in dict.fromkeys(names)}
        return _ints([segment[name] for name in names])

    def _naming(self, found: list[Event], types: list[Type]) -> Ints:
        """Keep whom events name; return the column `naming` of `Acts`."""
        column = np.full(len(found), NOBODY)
        if CONTENT in types:
            named = [(place, event.data.to) for place, event in enumerate(found) if event.data and event.data.to]
            for place, people in named:
                if types[place] == CONTENT:
                    column[place] = self.state.name(people[:MOST_NAMED])
        return column

    def _hear(self, found: list[Event], types: list[Type], time: Ints, sources: dict[str, Heard]) -> Ints:
        """Note of each source what is heard of it; return the column `source` of `Acts`."""
        told = [event.source for event in found]
        names = list(dict.fromkeys(told))
        place = np.zeros(len(found), np.intp)
        if len(names) > 1:
            number = {name: place for place, name in enumerate(names)}
            place = _ints([number[name] for name in told])
        newest = np.zeros(len(names), np.int64)
        np.maximum.at(newest, place, time)
        beat = np.zeros(len(found), bool)
        if HEARTBEAT in types:
            beat[[place for place, type_ in enumerate(types) if type_ == HEARTBEAT]] = True
        beats = np.bincount(place[beat], minlength=len(names))
        heard = np.bincount(place, minlength=len(names)) - beats
        for name, *all_ in zip(names, newest.tolist(), heard.tolist(), beats.tolist(), strict=True):
            sources[name] = Heard(*all_)
        codes = np.array([2 * self.state.hearing.number(name) for name in names], np.int64)
        source: Ints = codes[place] + beat
        return source

    def _newcomer(self, actor: str, message: Message, into: Slice) -> int:
        """Give somebody a slot, unless the message belongs to another partition and was not moved here."""
        key = actor.encode()
        right = self._partition_of(key)
        if right == self.state.number or is_moved(message):
            return self.state.people.of(actor)
        into.moved.append((right, key, message))
        return NOBODY

    def read_directory(self, messages: Sequence[Message]) -> Slice:
        """Read messages of `esn.directory`, in offset order; what they say holds at once."""
        result = Slice(Acts.none(), [], [], Counter(), {})
        for message in messages:
            try:
                listing = None if message.value is None else directory.read(message.value)
                person = directory.read_key(message.key) if listing is None else listing.person or ""
            except Refused as refusal:
                result.refused.append(Refusal(message, refusal.reason))
                continue
            right = self._partition_of(person.encode())
            if right != self.state.number and not is_moved(message):
                result.moved.append((right, person.encode(), message))
            elif listing is None:
                self.state.forget(person)
            else:
                self.state.list_(listing)
        return result


def is_moved(message: Message) -> bool:
    """Say whether a worker sent this message on from another partition."""
    return any(name == MOVED_HEADER for name, _ in message.headers)


def _ints(values: Sequence[Any]) -> Ints:
    return np.fromiter(values, np.int64, len(values))


def _codes(codes: _Codes, names: Sequence[str | None]) -> Ints:
    """Return the code of each name; there are fewer than 256."""
    return np.frombuffer(bytes(map(codes.__getitem__, names)), np.uint8).astype(np.int64)


def _digests(events: Sequence[Event], actors: Sequence[int]) -> Any:
    """Return a hash of each event's source, actor (by hash) and id, never 0: the first two are the seed of the last."""
    sources = [event.source for event in events]
    of_source = {source: digest_of(source, 1) for source in set(sources)}  # 1: an actor may be called like a source
    seeds = map(xor, actors, map(of_source.__getitem__, sources))
    found = np.fromiter(map(digest_of, [event.id for event in events], seeds), np.uint64, len(events))
    found[found == 0] = 1
    return found
