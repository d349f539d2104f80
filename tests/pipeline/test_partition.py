"""The state of one source partition: what it lets go of."""

import json

import pytest

from pipeline import partition
from pipeline.partition import Partition
from pipeline.reading import Reader
from tests.pipeline.pure import Message
from tests.recount.lines import act, heartbeat, login, person


def test_names_that_only_failed_to_log_in_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partition, "STRANGERS", 10)
    state = Partition(0, 1, step_ms=60_000, lateness_ms=0)
    reader = Reader(state, lambda _: 0, refuse_old=False)
    reader.read_directory([Message(None, json.dumps(person("listed")).encode(), 0)])
    lines = [
        act("10:00:00", "guest of no list", "view"),
        *(login("10:00:01", f"guess{number}", outcome="failure") for number in range(50)),
        login("10:00:02", "listed", outcome="failure"),
        heartbeat("10:05:00"),
    ]
    messages = [Message(None, json.dumps(line).encode(), offset) for offset, line in enumerate(lines)]
    state.clocks.add(0, reader.read_events(messages, set()).acts)
    state.clocks.add(1, reader.read_events(messages[-1:], set()).acts)
    state.apply((False, False))
    counts = state.close().activity[0]
    assert counts.events[counts.segment == 0].sum() == 52  # failures count in the activity all the same

    later = [Message(None, json.dumps(act("10:06:00", f"new{n}", "view")).encode(), 100 + n) for n in range(11)]
    state.clocks.add(0, reader.read_events(later, set()).acts)
    state.apply((False, True))
    assert sorted(state.people.slot) == sorted(["guest of no list", "listed", *(f"new{n}" for n in range(11))])
