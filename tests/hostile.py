"""Hostile messages, each with the reason that it must be refused with, and odd ones that must count all the same.

Rules: makes bytes and reads nothing; of the product it knows the names of the reasons only. Everybody who acts in
here is called `hostile-...` or `odd-...` and says WORDS, so that a test can look for them where they must not be.
"""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from schemas.events import Reason

WORDS: Final = "geheimnis"
TIME: Final = "2026-03-28T12:00:00Z"
MEBIBYTE: Final = 1 << 20
DEEP: Final = 500_000
"""Levels: more than any interpreter's stack holds, and short enough not to be refused for the length."""
LONG: Final = {"ascii": "a" * 257, "two bytes": "é" * 128 + "a", "four bytes": "🙂" * 64 + "a"}
NOT_TEXT: Final = {"surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\x80", "high": b"\xf4\x90\x80\x80", "lone": b"\xbf"}
NOT_JSON: Final = (
    *("NaN", "Infinity", "-Infinity", "1e", "01", "+1", ".5", "1.", "-", "0x10", "True", "None", "tru", "undefined"),
    *("'a'", "{a: 1}", '{"a" 1}', '{"a": 1,}', "[1,]", "[1 2]", "[,]", "[", "]", "}", "", "1 2", "/**/ 1", "1 // a"),
    *(r'"\x41"', r'"\q"', r'"\u12g4"', r'"\u12"', '"a\nb"', '"a\tb"', '"a\0b"', "\0", "\u00a01", "\v1"),
    *(r'"\ud800"', r'"\udc00"', r'"\udc00\ud800"', r'"\ud800A"', r'"\ud800\ud800"', r'"\ud800\n"'),
    *("[" * DEEP, "[" * DEEP + "]" * DEEP, '{"":' * 200_000 + "1" + "}" * 200_000),
)
NO_STRING: Final[tuple[Any, ...]] = (17, -1, 1.5, True, [], {}, ["h"], 10**400)
NO_FLAG: Final[tuple[Any, ...]] = ("yes", 1, 0, [], {})
_NO_NAMES: Final[tuple[Any, ...]] = ("u1", 1, {}, [1], [None], [["u1"]], True)


class Refusable(NamedTuple):
    """A message that must be refused."""

    name: str
    reason: Reason
    value: bytes | None
    key: bytes | None = None


class Odd(NamedTuple):
    """A message that must count."""

    name: str
    actor: str
    value: bytes


class Gone:
    """Stands for a field that is left out."""


AS_GIVEN: Final[dict[str, Any]] = {}


def login(data: Any = AS_GIVEN, **head: Any) -> bytes:
    """A good login, but for what is given: fields of the data, or something in their place."""
    return _event("esn.login", {"actor": "hostile-1", "text": WORDS}, data, head)


def content(data: Any = AS_GIVEN, **head: Any) -> bytes:
    """The same of a good post."""
    return _event("esn.content", {"actor": "hostile-2", "verb": "post", "text": WORDS}, data, head)


def _event(kind: str, good: dict[str, Any], data: Any, head: dict[str, Any]) -> bytes:
    inner = left({**good, **data}) if isinstance(data, dict) else data
    outer = {"specversion": "1.0", "id": "h1", "source": "/hostile", "type": kind, "time": TIME, "data": inner}
    return json.dumps(left({**outer, **head})).encode()


def left(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not Gone}


def extra(text: str | bytes) -> bytes:
    """A good login with one more field, whose value is written like this."""
    return login()[:-1] + b', "extra": ' + (text.encode() if isinstance(text, str) else text) + b"}"


def refusable() -> list[Refusable]:
    """All of them; none of the reasons depends on the clock, or on a record's own timestamp of these years."""
    parts = (_cut(), _not_text(), _not_json(), _not_fields(), _values(), _times(), _sizes())
    return [case for part in parts for case in part]


def _cut() -> Iterator[Refusable]:
    yield Refusable("no value", "empty", None, b"hostile-1")
    yield Refusable("empty value", "empty", b"")
    goods = {"login": login(), "content": content({"community": "hostile", "to": ["hostile-3"], "question": True})}
    for name, good in goods.items():
        for end in range(1, len(good), 6):
            yield Refusable(f"{name} cut at {end}", "not_json", good[:end])
    yield Refusable("cut within a letter", "not_utf8", login({"actor": "XX"}).partition(b"XX")[0] + b"\xc3")


def _not_text() -> Iterator[Refusable]:
    good = login().decode()
    accented = good.replace(WORDS, "crème brûlée")
    for codec in ("utf-16", "utf-32"):
        yield Refusable(f"{codec} with mark", "not_utf8", good.encode(codec))
        yield Refusable(f"{codec}, other end first, with mark", "not_utf8", ("\ufeff" + good).encode(f"{codec}-be"))
        for end in ("le", "be"):
            yield Refusable(f"{codec}-{end}", "not_json", good.encode(f"{codec}-{end}"))
    yield Refusable("utf-16-le, accents", "not_utf8", accented.encode("utf-16-le"))
    yield Refusable("utf-8 with mark", "not_json", b"\xef\xbb\xbf" + login())
    yield Refusable("latin-1", "not_utf8", accented.encode("latin-1"))
    yield Refusable("gzip", "not_utf8", gzip.compress(login(), mtime=0))
    for name, letter in NOT_TEXT.items():
        yield Refusable(f"{name} in the actor", "not_utf8", login({"actor": "XYZ"}).replace(b"XYZ", letter))
        yield Refusable(f"{name} in an unknown field", "not_utf8", extra(b'"' + letter + b'"'))
        yield Refusable(f"{name} behind the end", "not_utf8", login() + letter)


def _not_json() -> Iterator[Refusable]:
    for text in NOT_JSON:
        yield Refusable(f"unknown field {text[:20]!r} of {len(text)}", "not_json", extra(text))
    for text in ('"a\0b"', r'"\ud800"', "NaN", "'a'", "[" * DEEP + "]" * DEEP):
        yield Refusable(f"id {text[:20]!r}", "not_json", login().replace(b'"h1"', text.encode()))
    ends = {"another": login(), "comma": b",", "null byte": b"\0", "brace": b"}", "word": b"x"}
    for name, end in ends.items():
        yield Refusable(f"behind the end: {name}", "not_json", login() + end)
    for text in ("plain words", "<xml/>", "a,b\n1,2", "\0" * 64, " ", "\n", "{", "'", "id=h1&actor=u1", "[" * DEEP):
        yield Refusable(f"all of it {text[:20]!r}", "not_json", text.encode())


def _not_fields() -> Iterator[Refusable]:
    for text in ("[]", "17", "1e999", '"words"', "null", "true", f"[{login().decode()}]"):
        yield Refusable(f"top level {text[:10]}", "wrong_type", text.encode())
    nothing: dict[str, Any] = {"missing": Gone, "null": None, "empty": ""}
    for how, value in nothing.items():
        for name in ("id", "source", "type", "time"):
            yield Refusable(f"{name} {how}", "missing_field", login(**{name: value}))
        yield Refusable(f"actor {how}", "missing_field", login({"actor": value}))
        yield Refusable(f"actor of content {how}", "missing_field", content({"actor": value}))
        yield Refusable(f"verb {how}", "missing_field", content({"verb": value}))
        yield Refusable(f"data {how}", "wrong_type" if value == "" else "missing_field", login(value))
    for value in NO_STRING:
        for name in ("id", "source", "type", "time"):
            yield Refusable(f"{name} is {str(value)[:9]}", "wrong_type", login(**{name: value}))
        for name in ("actor", "verb", "client", "outcome", "object", "community", "thread", "in_reply_to"):
            yield Refusable(f"{name} is {str(value)[:9]}", "wrong_type", content({name: value}))
        if not isinstance(value, dict):
            yield Refusable(f"data is {str(value)[:9]}", "wrong_type", login(value))
    for wrong in _NO_NAMES:
        yield Refusable(f"to is {wrong}", "wrong_type", content({"to": wrong}))
    for wrong in NO_FLAG:
        yield Refusable(f"question is {wrong}", "wrong_type", content({"question": wrong}))
    yield Refusable("id is 1e999", "wrong_type", login().replace(b'"h1"', b"1e999"))
    yield Refusable("id given twice, last wrongly", "wrong_type", login()[:-1] + b', "id": 7}')
    yield Refusable("data given twice, last null", "missing_field", login()[:-1] + b', "data": null}')


def _values() -> Iterator[Refusable]:
    for kind in ("esn.logout", "ESN.LOGIN", "esn.login ", "login", "com.example.made", "esn.heartbeats", "esn.", "\0"):
        yield Refusable(f"type {kind!r}", "unknown_type", login(type=kind))
    for verb in ("yell", "Post", "post ", "login", "login_failed", "delete\0", "🙂", "null"):
        yield Refusable(f"verb {verb!r}", "unknown_verb", content({"verb": verb}))
    for outcome in ("ok", "SUCCESS", "", "failed", "success "):
        yield Refusable(f"outcome {outcome!r}", "wrong_type", login({"outcome": outcome}))
    for name, text in LONG.items():
        yield Refusable(f"id of 257 bytes, {name}", "id_too_long", login(id=text))
        for field in ("actor", "community", "object", "thread", "in_reply_to"):
            yield Refusable(f"{field} of 257 bytes, {name}", "id_too_long", content({field: text}))
        yield Refusable(f"the 50th of 257 bytes, {name}", "id_too_long", content({"to": ["u"] * 49 + [text]}))


def _times() -> Iterator[Refusable]:
    broken = (
        *("now", "12:00", "1774699200", "1.5e9", "2026-03-28", "2026-03-28T12:00Z", "20260328T120000Z", "12:00:00Z"),
        *("2026-3-28T12:00:00Z", "2026-03-28 12.00.00Z", "2026-03-28_12:00:00Z", "2026-087T12:00:00Z", TIME * 2),
        *("2026-00-10T12:00:00Z", "2026-13-01T12:00:00Z", "2026-02-29T12:00:00Z", "2026-04-31T12:00:00Z"),
        *("2026-03-28T24:00:00Z", "2026-03-28T12:60:00Z", "2026-12-31T23:59:60Z", "2016-12-31T23:59:60Z"),
        *("0000-01-01T00:00:00Z", "-2026-03-28T12:00:00Z", "+2026-03-28T12:00:00Z", "12026-03-28T12:00:00Z"),
        *("0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:30:00+01:00", f" {TIME}", f"{TIME} "),
        *(f"2026-03-28T12:00:00{rest}" for rest in (".Z", ",5Z", ".", " Z", "z ")),
        *(f"2026-03-28T12:00:00{rest}" for rest in (".5.5Z", ".-5Z", ".5e3Z", ".٣Z", ":00Z", "ZZ", "Zulu", "\0Z")),
        *(f"2026-03-28T12:00:00{zone}" for zone in ("+24:00", "+01", "+0100", "+1:00", "+01:60", "+01:00:00", "-")),
        *(
            f"2026-03-28T12:00:00{zone}"
            for zone in (" +01:00", "UTC", "CET", "[Europe/Madrid]", "+", "+٠١:٠٠", "±01:00")
        ),
        "٢٠٢٦-03-28T12:00:00Z",
    )
    for time in broken:
        yield Refusable(f"time {time!r}", "bad_time", login(time=time))
    for time in ("2026-03-28T12:00:00", "2026-03-28t12:00:00", "2026-03-28 12:00:00.125", "9999-12-31T23:59:59"):
        yield Refusable(f"time {time!r}", "no_zone", login(time=time))
    for time in ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59-23:59", "2262-04-12T00:00:00Z"):
        yield Refusable(f"time {time!r}", "future", login(time=time))
    yield Refusable(
        "heartbeat of the far future", "future", login(Gone, type="esn.heartbeat", time="3000-01-01T00:00:00Z")
    )


def _sizes() -> Iterator[Refusable]:
    yield Refusable("one byte more than a MiB", "too_large", padded(login(), MEBIBYTE + 1))
    yield Refusable("1.5 MiB", "too_large", padded(content(), 3 * MEBIBYTE // 2))
    yield Refusable("1.5 MiB of nothing", "too_large", b"\0" * (3 * MEBIBYTE // 2))


def padded(message: bytes, size: int) -> bytes:
    """A message with an unknown field that brings it to this size."""
    front = message[:-1] + b', "padding": "'
    return front + b"x" * (size - len(front) - 2) + b'"}'


def odd(time_ms: int) -> list[Odd]:
    """Messages of that time, each in another odd spelling; `json.loads` reads all of them."""
    told = _told(time_ms, UTC)
    found: list[Odd] = []

    def add(name: str, write: Any = login, data: Any = AS_GIVEN, then: Any = bytes, **head: Any) -> None:
        actor = data.get("actor", f"odd-{len(found)}")
        message = write({**data, "actor": actor}, **{"id": name, "source": "/odd", "time": told, **head})
        found.append(Odd(name, actor, then(message)))

    for minutes in (345, -570, 0, 1439, -1439):
        add(f"zone {minutes}", time=_told(time_ms, timezone(timedelta(minutes=minutes))))
    add("minus zero", time=told.replace("Z", "-00:00"))
    add("lower case", time=told.lower())
    add("blank for T", time=told.replace("T", " "))
    for digits in (1, 2, 5, 9, 30, 5000):
        add(f"{digits} digits more", time=told.replace("Z", "9" * digits + "Z"))
    add("unknown fields", time_ms="x", none=None, data={"mood": ["?"], "in_meeting": None, "deep": {"a": [{}]}})
    for text in (
        "1e999",
        "-1e-999",
        "7" * 400,
        "7" * 5000 + ".5",
        "[" * 300 + "]" * 300,
        '"\\u0000"',
        '"\\ud83d\\ude00"',
    ):
        add(f"unknown field {text[:9]} of {len(text)}", then=lambda it, text=text: it[:-1] + f',"x":{text}}}'.encode())
    add("escaped names", then=lambda it: it.replace(b'"actor"', rb'"\u0061ctor"').replace(b'"time"', rb'"t\u0069me"'))
    add("id given twice", then=lambda it: b'{"id": "first", ' + it[1:])
    add("data given twice", then=lambda it: b'{"data": {"actor": "hostile-9"}, ' + it[1:])
    add("nulls", content, data={"client": None, "object": None, "to": None, "question": None, "outcome": None})
    add("unknown client and kind", content, data={"client": "fridge", "object_kind": "hologram", "object": "p"})
    add("a failure", data={"outcome": "failure"})
    add("blanks round it", then=lambda it: b" \t\r\n" + it + b"\r\n ")
    add("null in the id", id="a\0b")
    add("null in the source", source="a\0", id="b")
    add("the same but for the null", data={"actor": found[-1].actor}, source="a", id="\0b")
    add("null in the actor", data={"actor": "odd-\0-null"})
    add(
        "letters",
        data={"actor": "odd-ñ-部門-🙂-قهوة-\u2028-\x7f"},
        then=lambda it: json.dumps(json.loads(it), ensure_ascii=False).encode(),
    )
    add(
        "256 bytes",
        content,
        data={"actor": "odd-" + "é" * 126, "community": "🙂" * 64, "object": "o" * 256},
        id="i" * 256,
    )
    add("more than fifty", content, data={"to": ["u"] * 50 + ["t" * 300]})
    add("a long source", source="/s" * 5000)
    add("a MiB", then=lambda it: padded(it, MEBIBYTE))
    return found


def _told(time_ms: int, zone: timezone) -> str:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time_ms)
    return at.astimezone(zone).isoformat(timespec="milliseconds").replace("+00:00", "Z")
