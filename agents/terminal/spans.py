"""Spans and moments as people type them at the command line: `7d`, `2h`; `2026-11-22`, `2026-11-22T08:00Z`."""

import re
from datetime import UTC, datetime
from typing import Any

import click

from schemas.events import Refused, instant

_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_LONGEST_MS = 36_500 * 86_400_000


class Span(click.ParamType):
    """A span in milliseconds."""

    name = "SPAN"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Take 30m, 2h, 7d or 4w."""
        if isinstance(value, int):
            return value
        match = re.fullmatch(r"([0-9]{1,9})([mhdw])", value)
        span = int(match[1]) * _UNITS[match[2]] if match else 0
        if not 0 < span <= _LONGEST_MS:
            self.fail(f"{value} is no span: write a number and m, h, d or w, as in 30m, 2h, 7d, 4w", param, ctx)
        return span


class Moment(click.ParamType):
    """A time in milliseconds since 1970."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Take an RFC 3339 time with its zone, seconds or not, or a date, which begins at midnight UTC."""
        if isinstance(value, int):
            return value
        text = re.sub(r"^(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d)(?!:)", r"\1:00", value)
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                return int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp()) * 1000
            return instant(text)
        except (Refused, ValueError):
            self.fail(f"{value} is no time: write 2026-11-22 or 2026-11-22T08:00Z, with a zone", param, ctx)


def spoken(span_ms: int) -> str:
    """Write a span for a person, rounded down: 7 days, 36 hours, 90 minutes, 1 hour."""
    for letter, name in (("d", "day"), ("h", "hour"), ("m", "minute")):
        unit = _UNITS[letter]
        if span_ms == unit:
            return f"1 {name}"
        if span_ms >= 2 * unit:
            return f"{span_ms // unit:,} {name}s"
    return f"{span_ms / 1000:.0f} seconds"
