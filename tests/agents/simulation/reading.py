"""Reads a made-up record back with the product's own reader."""

from collections.abc import Iterable
from typing import Any

import msgspec

from schemas.events import HEARTBEAT, Event, Refused, read

LONG_AFTER_MS = 4_000_000_000_000


def events(lines: Iterable[bytes]) -> list[Event]:
    """Return the events that count, in the order of the file, without heartbeats."""
    return [event for event in messages(lines) if event.type != HEARTBEAT]


def messages(lines: Iterable[bytes]) -> list[Event]:
    """Return the events and heartbeats that are accepted."""
    accepted = []
    for line in lines:
        try:
            accepted.append(read(line, LONG_AFTER_MS, refuse_old=False))
        except Refused:
            continue
    return accepted


def changes(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    """Return the changes of the directory in the record."""
    return [msgspec.json.decode(line) for line in lines if line.startswith((b'{"person"', b'{"forget"'))]


def records(lines: Iterable[bytes]) -> dict[str, dict[str, Any]]:
    """Return directory records by person."""
    return {record["person"]: record for record in map(msgspec.json.decode, lines)}


def actor(event: Event) -> str:
    """Return who acted."""
    assert event.data is not None
    assert event.data.actor is not None
    return event.data.actor
