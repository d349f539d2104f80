"""Hostile records of the directory, each with the reason that it must be refused with, and odd ones that must hold.

Rules: those of `tests/hostile.py`.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from tests.hostile import LONG, MEBIBYTE, NO_FLAG, NO_STRING, NOT_JSON, NOT_TEXT, Gone, Odd, Refusable, left, padded

_NOTHING: Final[dict[str, Any]] = {"missing": Gone, "null": None, "empty": ""}


def listing(**columns: Any) -> bytes:
    """A good directory record, but for what is given."""
    return json.dumps(left({"person": "hostile-1", "region": "ES", **columns})).encode()


def refusable_listings() -> list[Refusable]:
    """Records of the directory that must be refused."""
    return [*_bytes(), *_columns(), *_forgettings()]


def _bytes() -> Iterator[Refusable]:
    good = listing()
    yield Refusable("empty", "empty", b"")
    for end in range(1, len(good), 5):
        yield Refusable(f"cut at {end}", "not_json", good[:end])
    for name, letter in NOT_TEXT.items():
        yield Refusable(f"{name} in the person", "not_utf8", good.replace(b"hostile-1", letter))
        yield Refusable(f"{name} in an unknown field", "not_utf8", good[:-1] + b', "x": "' + letter + b'"}')
    yield Refusable("utf-16", "not_utf8", good.decode().encode("utf-16"))
    yield Refusable("utf-8 with mark", "not_json", b"\xef\xbb\xbf" + good)
    for text in NOT_JSON:
        yield Refusable(
            f"unknown field {text[:20]!r} of {len(text)}", "not_json", good[:-1] + f', "x": {text}}}'.encode()
        )
    yield Refusable("one byte more than a MiB", "too_large", padded(good, MEBIBYTE + 1))


def _columns() -> Iterator[Refusable]:
    for text in ("null", "[]", "17", '"hostile-1"', "true"):
        yield Refusable(f"top level {text}", "wrong_type", text.encode())
    for how, value in _NOTHING.items():
        yield Refusable(f"person {how}", "missing_field", listing(person=value))
    for value in NO_STRING:
        for name in ("person", "kind", "region", "department", "manager", "timezone"):
            yield Refusable(f"{name} is {str(value)[:9]}", "wrong_type", listing(**{name: value}))
    for wrong in NO_FLAG:
        for name in ("enabled", "leader", "ambassador"):
            yield Refusable(f"{name} is {wrong}", "wrong_type", listing(**{name: wrong}))
    for kind in ("robot", "Person", ""):
        yield Refusable(f"kind {kind!r}", "wrong_type", listing(kind=kind))
    for name, text in LONG.items():
        for field in ("person", "region", "department", "manager"):
            yield Refusable(f"{field} of 257 bytes, {name}", "id_too_long", listing(**{field: text}))


def _forgettings() -> Iterator[Refusable]:
    yield Refusable("forget nobody", "missing_field", None, None)
    yield Refusable("forget an empty key", "missing_field", None, b"")
    for name, letter in NOT_TEXT.items():
        yield Refusable(f"forget a key with {name}", "not_utf8", None, b"hostile-" + letter)
    for name, text in LONG.items():
        yield Refusable(f"forget a key of 257 bytes, {name}", "id_too_long", None, text.encode())


def odd_listings() -> list[Odd]:
    """Directory records that hold all the same."""
    found = {
        "nulls": (listing(enabled=None, kind=None, region=None, department=None, manager=None, leader=None), "odd-1"),
        "unknown fields": (listing(time_ms="x", is_enabled=[0], deep=[{}], region="R\0\n🙂"), "odd-2"),
        "huge numbers": (listing()[:-1] + b', "x": 1e999, "y": ' + b"7" * 400 + b"}", "odd-3"),
        "given twice": (b'{"person": "hostile-9", ' + listing()[1:], "odd-4"),
        "escaped names": (listing().replace(b'"person"', rb'"pers\u006fn"'), "odd-5"),
        "256 bytes": (listing(region="é" * 128, department="🙂" * 64, manager="m" * 256), "odd-" + "é" * 126),
        "a long zone": (listing(timezone="z" * 5000), "odd-6"),
        "a MiB": (padded(listing(person="odd-7"), MEBIBYTE), "odd-7"),
    }
    return [
        Odd(name, person, value.replace(b"hostile-1", json.dumps(person)[1:-1].encode()))
        for name, (value, person) in found.items()
    ]
