"""Messages into acts, listings, refusals and moved messages: what is refused or moved leaves no trace."""

from collections.abc import Sequence

import pytest

from pipeline import pages
from pipeline.acts import NOBODY
from pipeline.partition import Partition
from pipeline.reading import MOVED_HEADER, Reader, Slice
from schemas.events import FUTURE_MS, instant
from tests.hostile import TIME, Gone, content, login, odd, refusable
from tests.hostile_directory import listing, odd_listings, refusable_listings
from tests.pipeline.pure import Message

KAFKA_MS = instant("2026-11-22T00:00:00Z")
AT = instant(TIME)
MOVED = ((MOVED_HEADER, b"1"),)


def at_home(_key: bytes) -> int:
    return 0


def elsewhere(_key: bytes) -> int:
    return 3


def reader(partition_of: object = at_home) -> Reader:
    state = Partition(0, 4, step_ms=60_000, lateness_ms=120_000)
    return Reader(state, partition_of, refuse_old=False)  # type: ignore[arg-type]


def messages(values: Sequence[bytes | None], headers: Sequence[tuple[str, bytes]] = ()) -> list[Message]:
    return [Message(None, value, offset, KAFKA_MS, headers) for offset, value in enumerate(values)]


def read(made: Reader, *values: bytes | None, headers: Sequence[tuple[str, bytes]] = ()) -> Slice:
    return made.read_events(messages(values, headers))


def is_untouched(made: Reader) -> bool:
    return pages.encode(made.state) == pages.encode(reader().state)


def test_refused_events_are_told_in_order_and_leave_no_trace() -> None:
    corpus = refusable()
    made = reader()
    found = read(made, *(case.value for case in corpus))
    assert [(one.message.offset, one.reason) for one in found.refused] == [
        (offset, case.reason) for offset, case in enumerate(corpus)
    ]
    assert (len(found.acts), found.moved, found.verbs, found.sources) == (0, [], {}, {})
    assert is_untouched(made)


def test_refused_listings_are_told_in_order_and_leave_no_trace() -> None:
    corpus = refusable_listings()
    made = reader()
    found = made.read_directory([Message(case.key, case.value, n) for n, case in enumerate(corpus)])
    assert [(one.message.offset, one.reason) for one in found.refused] == [
        (offset, case.reason) for offset, case in enumerate(corpus)
    ]
    assert is_untouched(made)


def test_odd_ones_count_once_each() -> None:
    made = reader()
    cases = odd(AT)
    for again in range(2):
        made.state.clocks.add(0, read(made, *(case.value for case in cases)).acts)
        made.state.apply((True, True))
        assert made.state.seen["duplicate"] == again * len(cases)
    assert set(made.state.people.slot) == {case.actor for case in cases}


def test_equal_ids_of_other_sources_and_actors_are_no_duplicates() -> None:
    made = reader()
    pairs = [(source, actor) for source in ("a", "b", "c") for actor in ("a", "b", "c")]
    made.state.clocks.add(0, read(made, *(login({"actor": actor}, source=source) for source, actor in pairs)).acts)
    made.state.apply((True, True))
    assert made.state.seen["duplicate"] == 0


def test_odd_listings_hold() -> None:
    made = reader()
    made.read_directory(messages([case.value for case in odd_listings()]))
    assert set(made.state.people.slot) == {case.actor for case in odd_listings()}


def test_bad_neighbours_do_not_harm_good_ones() -> None:
    corpus = refusable()
    mixed = [value for case in corpus for value in (case.value, login({"actor": f"u{len(case.name)}"}))]
    found = read(reader(), *mixed)
    assert found.acts.offset.tolist() == list(range(1, len(mixed), 2))
    assert len(found.refused) == len(corpus)


@pytest.mark.parametrize(
    ("source", "id_", "other_source", "other_id"),
    [("a\0", "b", "a", "\0b"), ("a", "bc", "ab", "c"), ("1 ", "1", "1", " 1"), ("a", "b", "b", "a")],
)
def test_ids_are_told_apart_whatever_is_in_them(source: str, id_: str, other_source: str, other_id: str) -> None:
    found = read(reader(), login(source=source, id=id_), login(source=other_source, id=other_id))
    assert len(set(found.acts.digest.tolist())) == 2
    same = read(reader(), login(source=source, id=id_), content({"actor": "hostile-1"}, source=source, id=id_))
    assert len(set(same.acts.digest.tolist())) == 1


def test_ids_of_several_people_are_told_apart() -> None:
    pairs = [("a", "b\0c"), ("a\0b", "c"), ("a", "bc"), ("ab", "c")]
    found = read(reader(), *(login({"actor": actor}, source=source, id="i") for actor, source in pairs))
    assert len(set(found.acts.digest.tolist())) == len(pairs)


def test_a_topics_clock_is_not_ahead_of_the_record() -> None:
    ahead = content(time="2026-11-22T00:04:59.999Z")
    assert instant("2026-11-22T00:04:59.999Z") < KAFKA_MS + FUTURE_MS
    found = read(reader(), ahead, login(), login(Gone, type="esn.heartbeat"))
    assert found.acts.clock.tolist() == [KAFKA_MS, AT, AT]
    assert found.acts.time.tolist() == [KAFKA_MS + FUTURE_MS - 1, AT, AT]
    assert found.acts.person.tolist()[2] == NOBODY
    assert found.verbs == {"post": 1, "login": 1, "heartbeat": 1}


# -- other people's partitions


def test_somebody_elses_events_are_moved_with_the_right_key_and_move_time_here() -> None:
    made = reader(elsewhere)
    found = read(made, login({"actor": "é"}), content())
    assert [(right, key, message.offset) for right, key, message in found.moved] == [
        (3, "é".encode(), 0),
        (3, b"hostile-2", 1),
    ]
    assert found.acts.person.tolist() == [NOBODY, NOBODY]
    assert found.acts.clock.tolist() == [AT, AT]
    assert not found.verbs
    assert not made.state.people.slot


def test_what_was_moved_here_stays_here() -> None:
    made = reader(elsewhere)
    found = read(made, login(), headers=MOVED)
    assert (found.moved, list(made.state.people.slot)) == ([], ["hostile-1"])
    made.read_directory([Message(b"u1", listing(person="u1"), 0, headers=MOVED)])
    assert "u1" in made.state.people.slot


def test_what_must_be_refused_is_refused_wherever_it_lies() -> None:
    found = read(reader(elsewhere), *(case.value for case in refusable()))
    assert not found.moved
    assert len(found.refused) == len(refusable())


def test_heartbeats_are_everybodys() -> None:
    assert not read(reader(elsewhere), login(Gone, type="esn.heartbeat")).moved


def test_listings_and_forgettings_of_others_are_moved() -> None:
    made = reader(elsewhere)
    sent = [Message(b"wrong key", listing(person="u1"), 0), Message(b"u2", None, 1)]
    found = made.read_directory(sent)
    assert [(right, key, message.offset) for right, key, message in found.moved] == [(3, b"u1", 0), (3, b"u2", 1)]
    assert is_untouched(made)
