"""The events we accept: `read(raw, ...)` gives an `Event`, or raises `Refused` with a reason from a closed list.

What may live here: the wire format and what it allows. What may not: what the numbers mean, and any state.
The order of the checks is the order of the steps in `read`; the first that refuses names the reason.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeVar, cast, get_args

import msgspec

T = TypeVar("T")
Reason = Literal[
    "empty", "not_utf8", "not_json", "too_large", "missing_field", "wrong_type", "unknown_type",
    "unknown_verb", "bad_time", "no_zone", "future", "too_old", "id_too_long",
]  # fmt: skip
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

Type = Literal["esn.login", "esn.content", "esn.heartbeat"]
Presence = Literal["view", "search", "follow", "unfollow", "join", "leave"]
Reaction = Literal["like", "unlike", "vote", "share", "share_external"]
Contribution = Literal["post", "comment", "upload", "edit", "recognise", "accept_answer", "create_community"]
Verb = Literal[Presence, Reaction, Contribution, "delete"]
PRESENCE: Final[tuple[Presence, ...]] = get_args(Presence)
REACTION: Final[tuple[Reaction, ...]] = get_args(Reaction)
CONTRIBUTION: Final[tuple[Contribution, ...]] = get_args(Contribution)
VERBS: Final[tuple[Verb, ...]] = get_args(Verb)
ACTIONS: Final = ("login", "login_failed", *VERBS)
"""What `esn.activity` calls `verb`; an action's code is its place here."""

CLIENTS: Final = ("other", "web", "desktop", "mobile", "api")
OBJECT_KINDS: Final = (
    "other", "message", "blog", "wiki", "forum", "file", "status", "poll", "event", "profile", "community",
)  # fmt: skip

LOGIN: Final = "esn.login"
CONTENT: Final = "esn.content"
HEARTBEAT: Final = "esn.heartbeat"
TYPES: Final = frozenset({LOGIN, CONTENT, HEARTBEAT})

LARGEST_BYTES: Final = 1 << 20
LONGEST_ID_BYTES: Final = 256
MOST_NAMED: Final = 50
"""So many people of `to` count."""
FUTURE_MS: Final = 5 * 60_000
OLD_MS: Final = 400 * 86_400_000

_VERBS: Final = frozenset(VERBS)
_OUTCOMES: Final = frozenset({None, "success", "failure"})
_SECOND = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)", re.ASCII)
_LONGEST_REST: Final = 40
_REST = re.compile(r"(?:\.(\d+))?(?:([Zz])|([+-])(\d\d):(\d\d))?", re.ASCII)


class Refused(Exception):  # noqa: N818  (it is an outcome, not a fault)
    """This message is not counted; `reason` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID_BYTES // 4)]
"""So few characters have at most `LONGEST_ID_BYTES` bytes, in any script."""


class Data(msgspec.Struct, gc=False):
    """The `data` of an event; `null` is the same as absent. `text` is left out: nobody reads it."""

    actor: _Id | None = None
    outcome: Literal["success", "failure"] | None = None
    client: str | None = None
    verb: Verb | None = None
    object: _Id | None = None
    object_kind: str | None = None
    community: _Id | None = None
    thread: _Id | None = None
    in_reply_to: _Id | None = None
    to: list[_Id] | None = None
    question: bool | None = None


class Event(msgspec.Struct, gc=False):
    """An event or a heartbeat that is accepted: an event has an actor, one of content a verb, too.

    Messages are decoded into this form, which is stricter than the contract so that msgspec does the checks; what does
    not fit (a long id, an empty string) is read once more as an `_Envelope`, and judged there.
    """

    id: _Id
    source: Annotated[str, msgspec.Meta(min_length=1)]
    type: Type
    time: Annotated[str, msgspec.Meta(min_length=1)]
    data: Data | None = None
    time_ms: int = 0
    """Of `time`; whatever a message calls by this name is overwritten."""


class _Envelope(msgspec.Struct, gc=False):
    """A CloudEvents 1.0 envelope as it comes; no field of ours in here, or a message could set it."""

    id: str | None = None
    source: str | None = None
    type: str | None = None
    time: str | None = None
    data: "_Data | None" = None


class _Data(msgspec.Struct, gc=False):
    """The fields of `Data`, of the right type and otherwise as they come."""

    actor: str | None = None
    outcome: str | None = None
    client: str | None = None
    verb: str | None = None
    object: str | None = None
    object_kind: str | None = None
    community: str | None = None
    thread: str | None = None
    in_reply_to: str | None = None
    to: list[str] | None = None
    question: bool | None = None


decode = msgspec.json.Decoder(Event).decode
"""Of a message that is like nearly all others; of nothing can be said why it does not fit."""
_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def read(raw: bytes | None, kafka_ms: int, *, refuse_old: bool) -> Event:
    """Read one message of an input topic.

    `kafka_ms` is the record's own timestamp; `refuse_old` is true where the wall clock rules (`ESN_TIME=clock`).
    Raises `Refused`.
    """
    usual = _read_usual(raw)
    event = usual or _read_any(raw)
    event.time_ms = time_ms = instant(event.time)
    if time_ms > kafka_ms + FUTURE_MS:
        raise Refused("future")
    if refuse_old and time_ms < kafka_ms - OLD_MS:
        raise Refused("too_old")
    if time_ms < 0:  # ClickHouse's DateTime begins in 1970
        raise Refused("bad_time")
    if usual is None and (too_long(event.id) or (event.data is not None and _too_long_within(event.data))):
        raise Refused("id_too_long")
    return event


def _read_usual(raw: bytes | None) -> Event | None:
    """Return a message that is like nearly all others, or None."""
    if not raw or len(raw) > LARGEST_BYTES:
        return None
    try:
        event = decode(raw)
        if not raw.isascii():  # msgspec does not look into the strings of fields it skips
            raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return event if is_usual(event) else None


def is_usual(event: Event) -> bool:
    """Say whether a message that was decoded has what an event must have."""
    data = event.data
    return event.type == HEARTBEAT or (
        data is not None and data.actor is not None and (data.verb is not None or event.type == LOGIN)
    )


def _read_any(raw: bytes | None) -> Event:
    """Return any other message whose fields are as they must be. Raises `Refused`."""
    head = parse(raw, _decode_envelope)
    data = head.data
    if not (head.id and head.source and head.type and head.time):
        raise Refused("missing_field")
    if head.type not in TYPES:
        raise Refused("unknown_type")
    if head.type != HEARTBEAT:
        if data is None or not data.actor:
            raise Refused("missing_field")
        if head.type == CONTENT and data.verb not in _VERBS:
            raise Refused("unknown_verb" if data.verb else "missing_field")
        if data.outcome not in _OUTCOMES:
            raise Refused("wrong_type")
    kept = None if data is None else Data(*(getattr(data, name) for name in Data.__struct_fields__))
    return Event(head.id, head.source, cast(Type, head.type), head.time, kept)


def parse(raw: bytes | None, decode: Callable[[bytes], T]) -> T:
    """Decode a message, whatever it is. Raises `Refused`."""
    if not raw:
        raise Refused("empty")
    if len(raw) > LARGEST_BYTES:
        raise Refused("too_large")
    try:
        # msgspec does not look into the strings of fields it skips
        raw.decode()
        return decode(raw)
    except UnicodeDecodeError:
        raise Refused("not_utf8") from None
    except msgspec.ValidationError:
        raise Refused("wrong_type" if _is_json(raw) else "not_json") from None
    except (msgspec.DecodeError, RecursionError):
        raise Refused("not_json") from None


def _is_json(raw: bytes) -> bool:
    """Say whether these bytes are JSON at all, whatever they hold."""
    try:
        msgspec.json.decode(raw)
    except msgspec.ValidationError:
        return True  # well-formed, but a number is out of range
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _too_long_within(data: Data) -> bool:
    if too_long(data.actor) or too_long(data.community) or too_long(data.object):
        return True
    if too_long(data.thread) or too_long(data.in_reply_to):
        return True
    return any(too_long(one) for one in (data.to or ())[:MOST_NAMED])


def too_long(text: str | None) -> bool:
    """Say whether an id has more than 256 bytes; most are settled by their length in characters."""
    return text is not None and len(text) * 4 > LONGEST_ID_BYTES and len(text.encode()) > LONGEST_ID_BYTES


def instant(text: str) -> int:
    """Return the milliseconds since 1970 of an RFC 3339 time, floored. Raises `Refused`.

    Both halves are cached: neighbouring events share their second, and fractions and zones repeat. A fraction may
    have a million digits: what is longer than anybody writes in earnest is not kept.
    """
    second, rest = text[:19], text[19:]
    return _second_ms(second) + (_rest_ms(rest) if len(rest) <= _LONGEST_REST else _rest_ms.__wrapped__(rest))


@lru_cache(maxsize=65_536)
def _second_ms(text: str) -> int:
    match = _SECOND.fullmatch(text)
    if match is None:
        raise Refused("bad_time")
    try:
        moment = datetime(*(int(part) for part in match.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type] # six integers
    except ValueError:  # month 13, year 0, a leap second
        raise Refused("bad_time") from None
    return int(moment.timestamp()) * 1000


@lru_cache(maxsize=65_536)
def _rest_ms(text: str) -> int:
    match = _REST.fullmatch(text)
    if match is None:
        raise Refused("bad_time")
    fraction, zulu, sign, hours, minutes = match.groups()
    offset = 0
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            raise Refused("bad_time")
        offset = (int(hours) * 60 + int(minutes)) * 60_000 * (1 if sign == "+" else -1)
    elif not zulu:
        raise Refused("no_zone")
    return int((fraction or "")[:3].ljust(3, "0")) - offset
