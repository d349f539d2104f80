"""State <-> bytes: nothing is lost, nothing is misread, only what changed is sent, and the forgotten are forgotten."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import pages, published
from pipeline.acts import NEVER
from pipeline.page_columns import FORMAT
from pipeline.partition import Partition
from schemas.directory import Listing
from tests.pipeline.interrupted import Interrupted, check_the_same, feed, send
from tests.pipeline.pure import PureRun
from tests.pipeline.test_law import Json, records
from tests.recount import differences
from tests.recount.lines import act, heartbeat, login, person

START = "10:00:00"
LARGEST = 900 * 1024


def state_after(*lines: Json) -> Partition:
    """The state of a lone partition that has read these lines; what they leave open stays open."""
    run = PureRun(1, step_seconds=60)
    feed(run, *lines)
    return run.partitions[0]


def busy() -> Partition:
    """A state with every kind of page."""
    run = PureRun(1, step_seconds=60)
    run.partitions[0].days.partitions = 2  # a day waits for what the other says
    feed(
        run,
        person("u1", region="SE"),
        person("u2"),
        person("idle"),
        heartbeat("2026-03-01T22:00:00"),
        act("2026-03-01T22:00:00", "u2", to=["nobody"]),
        heartbeat("2026-03-02T09:59:00"),
        act("2026-03-01T21:00:00", "u1"),
        *(login(f"10:00:{second:02}", f"u{second}") for second in range(10)),
        *(act(f"10:0{minute}:00", f"u{minute}", "join", community="hr") for minute in range(6)),
        act("09:30:00", "u1", community="hr"),  # late, for a closed minute
        person("u1", region="ES", manager="u2"),  # changes the directory after minutes closed
        login("10:05:30", "u3"),
        heartbeat("10:05:31"),
        {"forget": "u9"},
    )
    for line in (heartbeat("10:20:00"), act("10:10:00", "u3", community="hr"), heartbeat("10:20:00")):
        send(run, line)  # late for a minute that can be closed, and is not closed here
    state = run.partitions[0]
    for (_, topic), log in run.logs.items():
        state.clocks.add(topic, run.readers[0].read_events(log).acts)
    state.apply((True, True))
    assert {key.split("/")[0] for key in pages.encode(state)} == KINDS
    return state


KINDS = {"moment", "segments", "who", "times", "counts", "pairs", "digests", "people-wait", "pairs-wait",
         "open", "open-late", "late", "before", "forgotten", "sources", "heard",
         "day-past", "day-today", "day-waits", "day-made", "day-rest", "day-state"}  # fmt: skip


def decode(written: dict[str, bytes], **changes: Any) -> Partition:
    return pages.decode(
        written, **({"number": 0, "partitions": 1, "step_ms": 60_000, "lateness_ms": 120_000} | changes)
    )


@pytest.mark.parametrize("step_seconds", [900, 3600])
@given(drawn=records(), seed=st.integers(0, 1000), partitions=st.sampled_from([1, 3]))
@settings(max_examples=30, deadline=None)
def test_crashing_and_reading_again_changes_no_row(
    step_seconds: int, drawn: tuple[list[Json], list[Json]], seed: int, partitions: int
) -> None:
    directory, record = drawn
    expected = PureRun(partitions, step_seconds=step_seconds, seed=seed).run(directory, record)
    found = Interrupted(partitions, step_seconds=step_seconds, seed=seed).run(directory, record)
    assert differences(expected.active_people, found.active_people) == []
    assert differences(expected.activity, found.activity) == []
    assert differences(expected.people, found.people) == []


def test_every_kind_of_page_comes_back() -> None:
    state = busy()
    written = pages.encode(state)
    assert pages.encode(state) == written
    check_the_same(state, written)


def test_a_new_partition_can_be_written_down() -> None:
    check_the_same(state_after(), pages.encode(state_after()))


def test_the_forgotten_are_in_no_page() -> None:
    name = "Jürgen-Ω-7"
    run = PureRun(1, step_seconds=60)
    state = run.partitions[0]
    feed(
        run,
        person(name, region="ES", manager="boss"),
        person("u1", manager=name),
        *(login(f"10:0{minute}:00", name) for minute in range(8)),
        *(act(f"10:0{minute}:00", name, "join", community="hr") for minute in range(8)),
        act("09:30:00", name, community="hr"),
        person(name, region="SE", manager="boss"),
        act("10:07:30", name),
        act("10:07:20", name),  # waits for esn.logins to come this far
    )
    assert state.clocks.waiting(1)
    assert len(state.waiting_people)
    assert len(state.waiting_pairs)
    assert any(name.encode() in page for page in pages.encode(state).values())
    feed(run, {"forget": name}, person("u1", manager="u2"))
    assert name.encode() in pages.encode(state)["forgotten/00000"]
    # whose manager they were is needed for a day, to count what comes late
    feed(run, heartbeat("2026-03-03T11:12:00"), heartbeat("2026-03-03T12:12:00"))
    published.changed_people(state, 1)
    written = pages.encode(state)
    assert not any(name.encode() in page for page in written.values())
    check_the_same(state, written)


def test_what_somebody_forgotten_did_stays_forgotten_when_it_is_read_again() -> None:
    run = Interrupted(1, step_seconds=60, crashes=0)
    feed(run, heartbeat(START), act("10:00:30", "bob"), act("10:00:25", "ann"), act("10:00:20", "ann"))
    assert run.partitions[0].clocks.waiting(1) == 2  # until esn.logins has come to 10:00:30
    run._directory({"forget": "ann"})
    run.checkpoint(0)
    run.sent[0, 1] = run._unapplied(0, 1)
    run.crash(0)
    state = run.partitions[0]
    assert state.clocks.waiting(1) == 0
    feed(run, heartbeat("10:05:00"))
    published.changed_people(state, 1)
    assert state.clocks.waiting(1) == 0
    assert "ann" not in state.people.slot
    assert state.clocks.struck == (set(), set())
    assert not any(b"ann" in page for page in pages.encode(state).values())


def test_the_row_of_somebody_forgotten_goes_though_the_name_is_heard_again() -> None:
    run = PureRun(1, step_seconds=60)
    feed(run, heartbeat(START), login("10:00:30", "ann"))
    published.changed_people(run.partitions[0], 1)
    feed(run, {"forget": "ann"}, login("10:00:31", "ann", outcome="failure"))
    rows = published.changed_people(run.partitions[0], 2)
    assert list(zip(rows.person, rows.is_deleted, strict=True)) == [("ann", True)]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_another_format_is_refused_with_advice(kind: str) -> None:
    written = pages.encode(busy())
    key = next(key for key in written if key.split("/")[0] == kind)
    written[key] = bytes([7]) + written[key][1:]
    with pytest.raises(pages.OtherFormat, match=f"format 7, this esn-pulse reads format {FORMAT}: start the version"):
        decode(written)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_pages_that_are_not_whole_are_refused(kind: str) -> None:
    written = pages.encode(busy())
    key = next(key for key in written if key.split("/")[0] == kind)
    without = {other: page for other, page in written.items() if other != key}
    damaged = written | {key: written[key][:-1] + bytes([written[key][-1] ^ 1])}
    shortened = written | {key: written[key][:-1]}
    empty = written | {key: b""}
    for broken in (
        without,
        damaged,
        shortened,
        empty,
        {},
        written | {"late/0/00000": written["late/1772442000000/00000"]},
    ):
        with pytest.raises(pages.TornPages, match=r"esn\.pages") as refusal:
            decode(broken)
        assert "\n" not in str(refusal.value)


def test_pages_of_two_moments_are_refused() -> None:
    state = busy()
    before = pages.encode(state)
    state.people.counters[0, 0] += 1
    after = pages.encode(state)
    assert pages.encode(decode(before)) != pages.encode(decode(after))
    with pytest.raises(pages.TornPages, match="of different moments"):
        decode(after | {"counts/00000": before["counts/00000"]})


def test_pages_of_another_partition_are_refused() -> None:
    written = pages.encode(busy())
    for other in ({"number": 1, "partitions": 2}, {"partitions": 2}):
        with pytest.raises(pages.OtherPartition, match="source partition 0 of 1"):
            decode(written, **other)


def test_only_what_changed_is_sent_and_is_sent_until_committed() -> None:
    run = PureRun(1, step_seconds=3600)
    state = run.partitions[0]
    for number in range(3000):
        state.list_(Listing(person=f"u{number}", manager=f"u{number % 1500}"))
    feed(run, heartbeat(START), login("10:00:00", "u0"), heartbeat("10:03:01"))
    published.changed_people(state, 1)
    dirty = pages.Dirty()
    everything = pages.encode(state)
    assert dirty.changed(everything) == everything
    assert dirty.changed(everything) == everything  # it was not committed
    dirty.committed(everything)
    assert dirty.changed(everything) == {}
    assert pages.Dirty(everything).changed(everything) == {}

    feed(run, login("10:03:02", "u2999"), heartbeat("10:03:03"))
    sent = dirty.changed(pages.encode(state))
    span, hour, minute = 82057, 1772449200000, 1772445780000
    assert set(sent) == {
        "moment", "who/00001", "counts/00001", "heard/00000", "day-today/00001",
        f"digests/{span}/00000", f"people-wait/{hour}/00000", f"open/{minute}/00000",
    }  # fmt: skip
    dirty.committed(sent)

    feed(run, login("10:03:03", "u2999"))
    sent = dirty.changed(pages.encode(state))
    assert "who/00001" not in sent  # it holds when they were seen first, which changed before
    dirty.committed(sent)

    feed(run, heartbeat("10:07:00"))
    sent = dirty.changed(pages.encode(state))
    assert {key: page is None for key, page in sent.items()} == {
        "moment": False, "heard/00000": False, f"open/{minute}/00000": True,
    }  # fmt: skip
    dirty.committed(sent)
    assert dirty.changed(pages.encode(state)) == {}


def test_what_grows_grows_at_its_end() -> None:
    state = state_after(heartbeat(START))
    digests = np.arange(1, 40_001, dtype=np.uint64)
    times = np.full(len(digests), state.clocks.watermark)
    state.duplicates.see(digests[:20_000], times[:20_000], times[:20_000])
    before = pages.encode(state)
    state.duplicates.see(digests[20_000:], times[20_000:], times[20_000:])
    sent = pages.Dirty(before).changed(pages.encode(state))
    assert sorted(key[-5:] for key in sent if key.startswith("digests/")) == ["00001", "00002"]


def test_no_page_is_too_large_for_a_message() -> None:
    state = state_after(heartbeat(START))
    for number in range(5000):
        name = f"{number:04}" + "\U0001d546" * 63  # 256 bytes
        state.list_(Listing(person=name, region=name, manager=name))
        if number % 2:
            state.forget(name)
    digests = np.random.default_rng(1).integers(1, 1 << 63, 200_000).astype(np.uint64)
    state.duplicates.see(digests, np.full(200_000, state.clocks.watermark), np.full(200_000, NEVER))
    written = pages.encode(state)
    assert max(map(len, written.values())) < LARGEST
    check_the_same(state, written)


def test_the_head_comes_back_and_says_the_same_in_the_same_bytes() -> None:
    head = pages.Head(4, 60, 7, {"esn.logins": 12, "esn.content": 0}, {"esn.logins": 15}, closed_step=1_772_445_600_000)
    again = pages.Head(
        4, 60, 7, {"esn.content": 0, "esn.logins": 12}, {"esn.logins": 15}, closed_step=1_772_445_600_000
    )
    assert pages.Head.decode(head.encode()) == head
    assert head.encode() == again.encode()
    with pytest.raises(pages.OtherFormat):
        pages.Head.decode(b"\x07" + head.encode()[1:])
    with pytest.raises(pages.TornPages):
        pages.Head.decode(head.encode()[:-1])


@pytest.mark.parametrize(("before", "after"), [(3600, 60), (60, 3600), (900, 300), (300, 900), (900, 3600)])
def test_another_step_goes_on_after_the_last_one_closed(before: int, after: int) -> None:
    record = [login(f"2026-03-02T{hour:02}:{minute:02}:07", f"u{(hour * 60 + minute) % 17}")
              for hour in range(6, 18) for minute in range(0, 60, 5)]  # fmt: skip
    record = [line for hour in record for line in (hour, act(hour["time"], hour["data"]["actor"], community="hr"))]
    directory = [person(f"u{number}", region="ES", manager="u1") for number in range(10)]
    expected = {step: PureRun(1, step_seconds=step).run(directory, record) for step in (before, after)}
    run = Interrupted(1, step_seconds=before, crashes=0)
    for line in directory:
        run._directory(line)
    feed(run, heartbeat(record[0]["time"]), *record[: len(record) // 2 + 5])
    state = run.partitions[0]
    assert state.next_step is not None
    closed = state.next_step // 1000 - before
    run.step_ms = after * 1000
    unapplied = {place: run._unapplied(*place) for place in run.logs}
    run.use(run.decoded(0, pages.encode(state)))
    run.logs = unapplied
    found = run.run([], record[len(record) // 2 + 5 :])
    kept = {key: row for key, row in expected[before].active_people.items() if key.at <= closed}
    then = {key: row for key, row in expected[after].active_people.items() if key.at > closed}
    assert kept
    assert then
    assert differences(kept | then, found.active_people) == []
    assert differences(expected[after].activity, found.activity) == []
