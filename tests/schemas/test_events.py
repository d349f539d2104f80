"""Events one by one: every hostile message is refused with its reason, every odd one counts."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from schemas import events
from schemas.events import FUTURE_MS, OLD_MS, REASONS, Event, Refused, instant, read
from tests.hostile import LONG, TIME, Gone, Refusable, content, login, odd, padded, refusable

AT = instant(TIME)
KAFKA_MS = instant("2026-11-22T00:00:00Z")


def reason(raw: bytes | None, kafka_ms: int = KAFKA_MS, *, refuse_old: bool = False) -> str | None:
    try:
        read(raw, kafka_ms, refuse_old=refuse_old)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{n}") for n, case in enumerate(refusable())])
def test_each_is_refused_with_its_reason(case: Refusable) -> None:
    assert reason(case.value) == case.reason, case.name
    before_1970 = case.reason == "bad_time" and any(year in case.name for year in ("'0001", "'1969", "'1970"))
    assert reason(case.value, refuse_old=True) == ("too_old" if before_1970 else case.reason), case.name


def test_the_corpus_is_large_and_has_every_reason() -> None:
    corpus = refusable()
    assert len(corpus) >= 400
    assert len({case.name for case in corpus}) == len(corpus)
    assert {case.reason for case in corpus} == set(REASONS) - {"too_old"}
    assert min(Counter(case.reason for case in corpus).values()) >= 2


@pytest.mark.parametrize("case", odd(AT + 123), ids=lambda case: case.name)
def test_each_odd_one_counts(case: Any) -> None:
    event = read(case.value, KAFKA_MS, refuse_old=True)
    assert event.data is not None
    assert (event.data.actor, event.time_ms) == (case.actor, AT + 123)


def test_a_message_cannot_set_a_field_of_ours() -> None:
    for value in ("x", 7, None):
        assert read(login(time_ms=value), KAFKA_MS, refuse_old=False).time_ms == AT
    assert {"time_ms"} == {*Event.__struct_fields__} - {*events._Envelope.__struct_fields__}


def test_of_a_name_given_twice_the_last_counts() -> None:
    assert read(login()[:-1] + b', "id": "last"}', KAFKA_MS, refuse_old=False).id == "last"


def test_a_heartbeat_needs_no_data_and_no_actor() -> None:
    for data in (Gone, None, {"actor": Gone}, {"verb": "yell", "outcome": "?"}):
        assert read(login(data, type="esn.heartbeat"), KAFKA_MS, refuse_old=True).time_ms == AT


def test_people_behind_the_fiftieth_do_not_matter() -> None:
    for text in LONG.values():
        assert reason(content({"to": ["u"] * 49 + [text]})) == "id_too_long"
        assert reason(content({"to": ["u"] * 50 + [text]})) is None


@pytest.mark.parametrize(("bytes_", "characters"), [(1, "a"), (2, "é"), (3, "部"), (4, "🙂")])
@pytest.mark.parametrize("field", ["id", "actor", "community", "object", "thread", "in_reply_to"])
def test_ids_have_256_bytes(field: str, bytes_: int, characters: str) -> None:
    def message(text: str) -> bytes:
        return content(id=text) if field == "id" else content({field: text})

    fits = characters * (256 // bytes_)
    fits += "x" * (256 - len(fits.encode()))
    assert reason(message(fits)) is None
    assert reason(message(fits + "x")) == "id_too_long"


def test_a_mebibyte_is_not_too_large() -> None:
    assert reason(padded(login(), 1 << 20)) is None
    assert reason(padded(login(), (1 << 20) + 1)) == "too_large"


def told(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds")


@pytest.mark.parametrize(("ahead", "expected"), [(FUTURE_MS, None), (FUTURE_MS + 1, "future")])
def test_five_minutes_ahead_of_the_record(ahead: int, expected: str | None) -> None:
    for kind in ("esn.login", "esn.heartbeat"):
        assert reason(login(time=told(KAFKA_MS + ahead), type=kind)) == expected
        assert reason(login(time=told(KAFKA_MS + ahead), type=kind), refuse_old=True) == expected


@pytest.mark.parametrize(("behind", "expected"), [(OLD_MS, None), (OLD_MS + 1, "too_old")])
def test_four_hundred_days_behind_the_record(behind: int, expected: str | None) -> None:
    assert behind // 86_400_000 == 400
    for kind in ("esn.login", "esn.heartbeat"):
        assert reason(login(time=told(KAFKA_MS - behind), type=kind), refuse_old=True) == expected
        assert reason(login(time=told(KAFKA_MS - behind), type=kind)) is None


@pytest.mark.parametrize("kafka_ms", [-(1 << 63), -1, 0, 1, (1 << 63) - 1])
def test_a_record_may_have_any_timestamp(kafka_ms: int) -> None:
    assert reason(login(), kafka_ms) == ("future" if kafka_ms < AT else None)
    assert reason(login(), kafka_ms, refuse_old=True) == ("future" if kafka_ms < AT else "too_old")


def test_time_begins_in_1970() -> None:
    assert read(login(time="1970-01-01T00:00:00Z"), KAFKA_MS, refuse_old=False).time_ms == 0
    assert reason(login(time="1969-12-31T23:59:59.999999Z")) == "bad_time"


def test_fractions_are_floored() -> None:
    assert instant("2026-03-28T12:00:00.9999999Z") == AT + 999
    assert instant("2026-03-28T12:00:00.0009Z") == AT
    for digits in range(1, 31):
        expected = AT - 3_600_000 + int(("9" * digits).ljust(3, "0")[:3])
        assert instant(f"2026-03-28T12:00:00.{'9' * digits}+01:00") == expected


def test_a_long_fraction_is_not_kept_in_memory() -> None:
    before = events._rest_ms.cache_info().currsize
    for last in range(10):
        assert instant(f"2026-03-28T12:00:00.{'1' * 500_000}{last}Z") == AT + 111
    assert events._rest_ms.cache_info().currsize == before
