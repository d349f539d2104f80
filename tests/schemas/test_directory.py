"""The directory's records: each hostile one is refused with its reason, each odd one holds, nothing else happens."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.directory import Listing, read, read_key
from schemas.events import REASONS, Refused
from tests.hostile import LONG, MEBIBYTE, Refusable, padded
from tests.hostile_directory import listing, odd_listings, refusable_listings

GOOD = (listing(), listing(enabled=False, kind="guest", department="é", manager="u3", leader=True, timezone="UTC"))


def reason(value: bytes | None, key: bytes | None = b"u1") -> str | None:
    try:
        if value is None:
            read_key(key)
        else:
            read(value)
    except Refused as refused:
        return refused.reason
    return None


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{n}") for n, case in enumerate(refusable_listings())])
def test_each_is_refused_with_its_reason(case: Refusable) -> None:
    assert reason(case.value, case.key) == case.reason, case.name


def test_the_corpus_is_large_and_has_every_reason() -> None:
    corpus = refusable_listings()
    assert len(corpus) >= 150
    assert len({case.name for case in corpus}) == len(corpus)
    of_events = {"unknown_type", "unknown_verb", "bad_time", "no_zone", "future", "too_old"}
    assert {case.reason for case in corpus} == set(REASONS) - of_events


@pytest.mark.parametrize("case", odd_listings(), ids=lambda case: case.name)
def test_each_odd_one_holds(case: Any) -> None:
    assert read(case.value).person == case.actor


def test_null_is_the_same_as_absent() -> None:
    names = [name for name in Listing.__struct_fields__ if name != "person"]
    assert read(listing(**dict.fromkeys(names))) == Listing(person="hostile-1")
    assert read(listing(enabled=None)).is_enabled
    assert not read(listing(enabled=False)).is_enabled


def test_an_empty_value_is_none_that_forgets() -> None:
    assert reason(b"") == "empty"
    assert reason(b"null") == "wrong_type"
    assert reason(None, b"u1") is None


def test_people_and_members_have_256_bytes() -> None:
    for text in LONG.values():
        shorter = text[:-1]
        assert len(shorter.encode()) == 256
        for name in ("person", "region", "department", "manager"):
            assert reason(listing(**{name: shorter})) is None
            assert reason(listing(**{name: text})) == "id_too_long"
        assert read_key(shorter.encode()) == shorter
        assert reason(None, text.encode()) == "id_too_long"


def test_a_mebibyte_is_not_too_large() -> None:
    assert reason(padded(listing(), MEBIBYTE)) is None
    assert reason(padded(listing(), MEBIBYTE + 1)) == "too_large"


@given(st.sampled_from(GOOD), st.data())
def test_whatever_comes_is_a_listing_or_refused(good: bytes, data: st.DataObject) -> None:
    raw = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = start + data.draw(st.integers(0, 5))
        raw[start:end] = data.draw(st.binary(max_size=5) | st.sampled_from((b"null", b'"', b"\\ud800", b'"person":7,')))
    lawful(bytes(raw))


@given(st.binary(max_size=300))
def test_bytes_are_a_key_or_refused(raw: bytes) -> None:
    if reason(None, raw) is None:
        assert read_key(raw).encode() == raw
    assert reason(None, raw) in (None, *REASONS)
    lawful(raw)


def lawful(raw: bytes) -> None:
    if (refused := reason(raw)) is not None:
        assert refused in REASONS
        return
    found = read(raw)
    line = json.loads(raw.decode())
    assert found.person
    assert {name: line.get(name) for name in Listing.__struct_fields__} == {
        name: getattr(found, name) for name in Listing.__struct_fields__
    }
    assert found.kind in (None, "person", "guest", "service")
    for name in ("person", "region", "department", "manager"):
        assert len((getattr(found, name) or "").encode()) <= 256
    for name in ("enabled", "leader", "ambassador"):
        assert getattr(found, name) in (None, True, False)
