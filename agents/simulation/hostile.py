"""What a network sends on its worst days: messages that must be refused, odd spellings of good ones, odd names.

Only where it was asked for. `REFUSED` has every reason that a line can carry on its own (an empty message is no line,
and what is too old depends on the worker's clock); the odd spellings mean the same as before and must count.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from agents.simulation.dice import Dice, Ints

SHARE: Final = 0.005  # of the events, for each of the two kinds
DEPARTMENTS: Final = ('R&D "Süd"', "unknown", "a/b\\c\nd", "部門 7 🙂", "D" * 256)
COMMUNITIES: Final = ('say "hi"', "unknown", "{}", "c" * 256, "قهوة")
PEOPLE: Final = ("Zoë O'Neil", 'back\\slash "q"', "ユーザー", "d@example.org;x,y", "i" * 256)
MEBIBYTE: Final = 1 << 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ZONES: Final = (timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=9, minutes=30)), UTC)


def _event(kind: str = "login", data: str = '{"actor":"u2"}', time: str = "TIME") -> bytes:
    """Return an event with blanks NUMBER, TIME, LONG and LARGE."""
    event = f'{{"specversion":"1.0","id":"bNUMBER","source":"/bad","type":"esn.{kind}","time":"{time}","data":{data}}}'
    return event.encode()


REFUSED: Final = {
    "not_utf8": _event(data='{"actor":"X"}').replace(b"X", b"\xff\xfe"),
    "not_json": _event()[:-1],
    "missing_field": _event(data="{}"),
    "wrong_type": _event(data='{"actor":17}'),
    "unknown_type": _event("logout"),
    "unknown_verb": _event("content", '{"actor":"u2","verb":"yell"}'),
    "bad_time": _event(time="last Monday"),
    "no_zone": _event(time="2026-03-02T08:00:00"),
    "future": _event(time="9999-01-01T00:00:00Z"),
    "id_too_long": _event(data='{"actor":"LONG"}'),
    "too_large": _event(data='{"actor":"u2","x":"LARGE"}'),
}


class Hostile:
    """Makes refused messages beside good ones, and spells good ones oddly."""

    def __init__(self, seed: int) -> None:
        self._dice = Dice(seed, "hostile")
        self._made = 0

    def refused(self, time: Ints) -> tuple[Ints, list[bytes]]:
        """Return messages that must be refused, at some of these times; each reason in turn, the largest seldom."""
        at = time[self._dice.share(SHARE, len(time))]
        return at, [self._message(int(moment)) for moment in at.tolist()]

    def _message(self, time_ms: int) -> bytes:
        reasons = list(REFUSED) if self._made % 100 < len(REFUSED) else list(REFUSED)[:-1]
        reason = reasons[self._made % 100 % len(reasons)]
        self._made += 1
        stamp = (_EPOCH + timedelta(milliseconds=time_ms)).isoformat().encode()
        message = REFUSED[reason].replace(b"NUMBER", b"%d" % self._made).replace(b"TIME", stamp)
        return message.replace(b"LONG", b"u" * 257).replace(b"LARGE", b"x" * MEBIBYTE)

    def respell(self, time: Ints, lines: list[bytes]) -> None:
        """Write some events in another way that means the same: other zones, finer seconds, nulls, unknown fields."""
        for row in self._dice.share(SHARE, len(time)).nonzero()[0].tolist():
            how = self._dice.one(4)
            front, stamp, rest = self._split(lines[row])
            if how < len(_ZONES):
                local = (_EPOCH + timedelta(milliseconds=int(time[row]))).astimezone(_ZONES[how])
                stamp = local.isoformat(timespec="milliseconds").replace("+00:00", "999z").encode()
            else:
                rest = rest.replace(b'"data":{', b'"traceparent":null,"data":{"mood":["?"],"in_meeting":null,', 1)
            lines[row] = front + stamp + rest

    @staticmethod
    def _split(line: bytes) -> tuple[bytes, bytes, bytes]:
        """Cut a line at its time."""
        front, mark, back = line.partition(b'"time":"')
        stamp, quote, rest = back.partition(b'"')
        return front + mark, stamp, quote + rest
