"""Events by law: whatever the bytes, `read` gives an event that meets the contract, or a refusal; and all that the
contract allows is read.

A second reader holds it to that, written from the contract with the standard library alone.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.bulk import instants, read_all
from schemas.events import CLIENTS, FUTURE_MS, OBJECT_KINDS, OLD_MS, REASONS, VERBS, Event, Refused, instant, read
from tests.hostile import TIME, Gone, content, login, odd

AT = instant(TIME)
KAFKA_MS = instant("2026-11-22T00:00:00Z")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GOOD = (
    login(),
    content({"community": "c", "object": "o", "object_kind": "blog", "to": ["u2"], "question": True, "client": "web"}),
    login(Gone, type="esn.heartbeat"),
    *(one.value for one in odd(AT) if len(one.value) < 2000),
)


def lawful(raw: bytes, kafka_ms: int, *, refuse_old: bool) -> bool:
    """Read; fail unless it is a refusal of the list or an event that meets the contract. Say whether it is an event."""
    event = event_of(raw, kafka_ms, refuse_old=refuse_old)
    if event is None:
        return False
    assert len(raw) <= 1 << 20
    line = json.loads(raw.decode(), parse_constant=fail)
    assert isinstance(line, dict)
    for name in ("id", "source", "type", "time"):
        assert isinstance(line[name], str)
        assert line[name]
    assert (event.id, event.source, event.type) == (line["id"], line["source"], line["type"])
    assert event.type in ("esn.login", "esn.content", "esn.heartbeat")
    assert event.time_ms == milliseconds(line["time"])
    assert 0 <= event.time_ms <= kafka_ms + 5 * 60_000
    assert not refuse_old or event.time_ms >= kafka_ms - 400 * 86_400_000
    if event.type != "esn.heartbeat":
        act = line["data"]
        assert event.data is not None
        assert act["actor"]
        for name in ("actor", "verb", "client", "outcome", "object", "object_kind", "community", "thread"):
            assert getattr(event.data, name) == act.get(name)
        assert event.type == "esn.login" or act["verb"] in VERBS
        assert act.get("outcome") in (None, "success", "failure")
        ids = [line["id"], *(act.get(name) or "" for name in ("actor", "community", "object", "thread", "in_reply_to"))]
        assert all(len(one.encode()) <= 256 for one in [*ids, *(act.get("to") or ())[:50]])
    return True


def event_of(raw: bytes, kafka_ms: int, *, refuse_old: bool) -> Event | None:
    try:
        return read(raw, kafka_ms, refuse_old=refuse_old)
    except Refused as refused:
        if refused.reason not in REASONS:
            raise
    return None


def fail(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def milliseconds(text: str) -> int:
    """By Python's own reader of times, which floors to the microsecond."""
    return (datetime.fromisoformat(text.upper()) - EPOCH) // timedelta(milliseconds=1)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A good message with some of its bytes cut, flipped, put in, taken out, doubled, or taken from another."""
    raw = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(raw)))
        end = min(len(raw), at + draw(st.integers(0, 12)))
        how = draw(st.integers(0, 6))
        if how == 0:
            del raw[at:]
        elif how == 1 and at < len(raw):
            raw[at] ^= 1 << draw(st.integers(0, 7))
        elif how == 2:
            raw[at:at] = draw(st.sampled_from(SCRAPS))
        elif how == 3:
            del raw[at:end]
        elif how == 4:
            raw[at:at] = raw[at:end]
        elif how == 5:
            raw[at:end] = draw(st.binary(max_size=4))
        else:
            raw[at:] = draw(st.sampled_from(GOOD))[at:]
    return bytes(raw)


SCRAPS = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"null", b"1e999", b"NaN", b"\\ud800", b"\\u0000", b"\0"),
    *(
        b"\xff",
        b"\xed\xa0\x80",
        b"\xef\xbb\xbf",
        b"-",
        b"+",
        b"Z",
        b".9",
        b'"id":7,',
        b'"data":null,',
        b'"x":[[[[',
        b"\n",
    ),
)
CLOCKS = st.sampled_from((AT - FUTURE_MS - 1, AT, KAFKA_MS, AT + OLD_MS + 1))


@given(mutated(), CLOCKS, st.booleans())
def test_whatever_comes_is_an_event_or_refused(raw: bytes, kafka_ms: int, refuse_old: bool) -> None:
    lawful(raw, kafka_ms, refuse_old=refuse_old)


@given(st.lists(st.tuples(mutated() | st.sampled_from(GOOD), CLOCKS), max_size=6), st.booleans())
def test_many_at_once_are_read_as_each_by_itself(messages: list[tuple[bytes, int]], refuse_old: bool) -> None:
    events, refused = [], []
    for place, (raw, kafka_ms) in enumerate(messages):
        try:
            events.append((place, read(raw, kafka_ms, refuse_old=refuse_old)))
        except Refused as why:
            refused.append((place, why.reason))
    clocks = np.array([kafka_ms for _, kafka_ms in messages], np.int64)
    found = read_all([raw for raw, _ in messages], clocks, refuse_old=refuse_old)
    assert found.refused == refused
    assert list(found.places) == [place for place, _ in events]
    assert found.time.tolist() == [event.time_ms for _, event in events]
    assert [replace(event, time_ms=0) for event in found.events] == [replace(event, time_ms=0) for _, event in events]


DIGIT = st.sampled_from("0123456789")
SIGNS = [DIGIT if sign.isdigit() else st.just(sign) for sign in "2026-11-22T08:15:03.120Z"]
ABOUT_A_TIME = st.tuples(*SIGNS).map("".join)


@given(st.lists(ABOUT_A_TIME | st.just(TIME) | st.text("0123456789-:.TtZz+ é", max_size=30), max_size=8))
def test_many_times_at_once_are_read_as_each_by_itself(texts: list[str]) -> None:
    assert instants(texts).tolist() == [max(-1, time_of(text)) for text in texts]


def time_of(text: str) -> int:
    try:
        return instant(text)
    except Refused:
        return -1


@given(st.binary(max_size=300), CLOCKS)
def test_bytes_are_refused(raw: bytes, kafka_ms: int) -> None:
    lawful(raw, kafka_ms, refuse_old=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(("esn.login", TIME, "post")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(("actor", "to", "verb")), inner),
    max_leaves=12,
)
FIELDS = ("id", "source", "type", "time", "data", "time_ms", "specversion")
INNER = ("actor", "verb", "client", "outcome", "object", "object_kind", "community", "thread", "in_reply_to", "to")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), st.dictionaries(st.sampled_from(INNER), JSON))
def test_any_json_in_any_field(head: dict[str, Any], data: dict[str, Any]) -> None:
    for whole in (head, {"data": data, **head}):
        lawful(json.dumps(whole).encode(), KAFKA_MS, refuse_old=False)
    lawful(content(data, **{name: value for name, value in head.items() if name != "data"}), KAFKA_MS, refuse_old=True)


@pytest.mark.parametrize("good", [login(), content({"to": ["é"], "question": None}), GOOD[2]])
def test_every_beginning_of_a_message_is_refused(good: bytes) -> None:
    assert [end for end in range(len(good)) if lawful(good[:end], KAFKA_MS, refuse_old=False)] == []


@pytest.mark.parametrize("depth", [10, 100, 900, 990, 1000, 10_000])
def test_deep_ones_are_refused_or_count(depth: int) -> None:
    """How deep is too deep is the interpreter's to say; the standard library's reader would not follow."""
    for deep in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth):
        event_of(login()[:-1] + f',"x":{deep}}}'.encode(), KAFKA_MS, refuse_old=False)
        for raw in (login().replace(b'"h1"', deep.encode()), deep.encode()):
            assert event_of(raw, KAFKA_MS, refuse_old=False) is None


IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)
MINUTES = st.integers(-1439, 1439)


@given(
    ids=st.tuples(IDS, IDS, IDS),
    community=IDS | st.none(),
    verb=st.sampled_from(VERBS),
    kinds=st.tuples(st.sampled_from(CLIENTS) | IDS, st.sampled_from(OBJECT_KINDS) | IDS),
    time_ms=st.integers(0, KAFKA_MS + FUTURE_MS),
    zone=MINUTES,
    digits=st.text("0123456789", max_size=30),
)
def test_all_that_the_contract_allows_counts(
    ids: tuple[str, str, str],
    community: str | None,
    verb: str,
    kinds: tuple[str, str],
    time_ms: int,
    zone: int,
    digits: str,
) -> None:
    local = (EPOCH + timedelta(milliseconds=time_ms, minutes=zone)).strftime("%Y-%m-%dT%H:%M:%S")
    hours, minutes = divmod(abs(zone), 60)
    time = f"{local}.{time_ms % 1000:03}{digits}{'-' if zone < 0 else '+'}{hours:02}:{minutes:02}"
    data = {"actor": ids[0], "verb": verb, "community": community, "client": kinds[0], "object_kind": kinds[1]}
    raw = content(data, id=ids[1], source=ids[2], time=time)
    event = read(raw, KAFKA_MS, refuse_old=False)
    assert event.time_ms == time_ms
    assert (event.data.actor if event.data else None, event.id, event.source) == ids
