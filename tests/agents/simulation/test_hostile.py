from collections import Counter

import pytest

from agents.simulation import Company
from agents.simulation.hostile import REFUSED
from schemas import directory
from schemas.events import REASONS, Refused, read
from tests.agents.simulation.reading import LONG_AFTER_MS, events

COMPANY = Company(people=300, days=4, seed=6, hostile=True)


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    return list(COMPANY.lines())


def test_every_reason_that_a_line_can_carry_occurs(lines: list[bytes]) -> None:
    found = Counter[str]()
    for line in lines:
        if line.startswith((b'{"person"', b'{"forget"')):
            continue
        try:
            read(line, LONG_AFTER_MS, refuse_old=False)
        except Refused as refused:
            found[refused.reason] += 1
    assert set(found) == set(REFUSED) == set(REASONS) - {"empty", "too_old"}
    assert found["too_large"] < found["not_json"]


def test_no_message_holds_a_line_end(lines: list[bytes]) -> None:
    assert not any(b"\n" in line or not line for line in lines)


def test_odd_spellings_mean_the_same(lines: list[bytes]) -> None:
    """Ids are given in order of time within each kind: a time that was spelt wrongly would stand out."""
    by_kind: dict[str, list[tuple[int, int]]] = {"l": [], "c": []}
    for event in events(lines):
        if event.id and event.id[0] in by_kind:
            by_kind[event.id[0]].append((int(event.id[1:]), event.time_ms))
    assert any(b"+05:45" in line for line in lines)
    assert any(b'999z"' in line for line in lines)
    assert any(b'"in_meeting":null' in line for line in lines)
    times = [event.time_ms for event in events(lines)]
    assert times == sorted(times)
    assert by_kind["l"]
    assert by_kind["c"]


def test_odd_names_are_readable_and_act(lines: list[bytes]) -> None:
    listed = {directory.read(line).person for line in COMPANY.directory()}
    acting = {event.data.actor for event in events(lines) if event.data}
    assert {"ユーザー", "i" * 256, 'back\\slash "q"'} <= listed & acting


def test_a_kind_company_sends_nothing_that_is_refused() -> None:
    kind = Company(people=50, days=1)
    for line in kind.lines():
        if not line.startswith((b'{"person"', b'{"forget"')):
            read(line, kind.end_ms, refuse_old=True)
