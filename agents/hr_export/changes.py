"""What an export changes in the directory: records to send, and how many people would be disabled.

Rules: a person in the file is enabled unless the file says otherwise. A field without a column keeps what the directory
has. Only people of the kinds that the file holds can be missing from it: an export of employees says nothing about
service accounts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import msgspec

from agents.hr_export.people import Entry
from schemas import directory
from schemas.events import Refused

Leavers = Literal["ignore", "disable", "forget"]
_DEFAULTS: Final = {"enabled": True, "kind": "person", "leader": False, "ambassador": False}
_ORDER: Final = (
    "person", "enabled", "kind", "region", "department", "manager", "leader", "ambassador", "timezone",
)  # fmt: skip


class Difference(NamedTuple):
    """One field that changes, or `person` itself: new or forgotten. No row: the person is not in the file."""

    row: int | None
    person: str
    field: str
    before: str | None
    after: str | None


@dataclass
class Changes:
    """What there is to send, `None` for a person to forget, and what it amounts to."""

    records: dict[str, bytes | None] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    leavers: int = 0
    enabled_before: int = 0
    disabled: int = 0
    """How many enabled people are disabled or forgotten."""


def changes(people: Mapping[str, Entry], present: Mapping[str, bytes], leavers: Leavers) -> Changes:
    """Compare the file with the directory's latest records."""
    found = Changes()
    kinds = {entry.fields.get("kind") or "person" for entry in people.values()}
    for person, raw in present.items():
        old = _listing(raw)
        if old is None or old.get("kind", "person") not in kinds:
            continue
        found.enabled_before += old.get("enabled", True)
        if person not in people:
            _leave(found, person, old, leavers)
    for person, entry in people.items():
        _enter(found, person, entry, _listing(present[person]) if person in present else None)
    return found


def _enter(found: Changes, person: str, entry: Entry, old: Mapping[str, Any] | None) -> None:
    record = {**(old or {}), "enabled": True, **entry.fields, "person": person}
    for name, default in _DEFAULTS.items():
        if record.get(name) is None:
            record[name] = default
    if old is None:
        found.new += 1
        found.differences.append(Difference(entry.row, person, "person", None, "new"))
    else:
        differing = list(_differing(entry.row, person, old, record))
        if not differing:
            found.unchanged += 1
            return
        found.changed += 1
        found.differences += differing
        found.disabled += bool(old.get("enabled", True) and not record["enabled"])
    found.records[person] = _encoded(record)


def _leave(found: Changes, person: str, old: Mapping[str, Any], leavers: Leavers) -> None:
    enabled = bool(old.get("enabled", True))
    if not enabled and leavers != "forget":
        return  # left before
    found.leavers += 1
    if leavers == "ignore":
        return
    found.disabled += enabled
    if leavers == "forget":
        found.records[person] = None
        found.differences.append(Difference(None, person, "person", "listed", "forgotten"))
    else:
        found.records[person] = _encoded({**old, "enabled": False})
        found.differences.append(Difference(None, person, "enabled", "true", "false"))


def _differing(row: int, person: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[Difference]:
    for name in dict.fromkeys((*_ORDER, *new)):
        before, after = (record.get(name, _DEFAULTS.get(name)) for record in (old, new))
        if before != after:
            yield Difference(row, person, name, _told(before), _told(after))


def _listing(raw: bytes) -> dict[str, Any] | None:
    """Return a record's fields, those of others included; None if workers refuse it."""
    try:
        directory.read(raw)
    except Refused:
        return None
    found: dict[str, Any] = msgspec.json.decode(raw)
    return {name: value for name, value in found.items() if value is not None}


def _encoded(record: Mapping[str, Any]) -> bytes:
    known = {name: record[name] for name in _ORDER if record.get(name) is not None}
    if not known.get("ambassador"):
        known.pop("ambassador", None)
    if not known.get("leader"):
        known.pop("leader", None)
    others = {name: value for name, value in record.items() if name not in _ORDER and value is not None}
    return msgspec.json.encode(known | others)


def _told(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else msgspec.json.encode(value).decode()
