"""Rows -> people: what each row says about one person, and what is odd about the rows, by row number."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from agents.errors import Failed
from agents.hr_export.columns import plain
from agents.hr_export.words import Words
from schemas.events import too_long

_TEXTS: Final = ("region", "department", "timezone")
_FLAGS: Final = ("enabled", "leader", "ambassador")
_ROWS_TOLD: Final = 5
_ROUNDED = re.compile(r"\d(\.\d+)?E\+\d+")  # what Excel makes of a long number


class Entry(NamedTuple):
    """What the file says about a person; None where a cell is blank, no key where there is no column."""

    row: int
    fields: dict[str, Any]


@dataclass
class Found:
    """Everything that was read; `odd` and `left_out` are what is to be told, with their row numbers."""

    people: dict[str, Entry] = field(default_factory=dict)
    left_out: dict[str, list[int]] = field(default_factory=dict)
    odd: dict[str, list[int]] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Return a line for each thing that is odd."""
        told = [f"{where(rows)}: {what}: left out" for what, rows in self.left_out.items()]
        return told + [f"{where(rows)}: {what}" for what, rows in self.odd.items()]


def where(rows: Sequence[int]) -> str:
    """Name the first of some rows."""
    if len(rows) == 1:
        return f"row {rows[0]}"
    if len(rows) <= _ROWS_TOLD:
        return f"rows {', '.join(map(str, rows[:-1]))} and {rows[-1]}"
    return f"rows {', '.join(map(str, rows[:_ROWS_TOLD]))} and {len(rows) - _ROWS_TOLD:,} more"


class Reading:
    """Reads rows; `columns` are as `columns.columns` gives them."""

    def __init__(self, columns: Mapping[str, int], width: int, words: Words, manager_by: str = "id") -> None:
        self.found = Found()
        self._columns = columns
        self._width = width
        self._words = words
        self._manager_by = manager_by
        self._unclear: dict[str, list[int]] = {}
        self._shared: dict[str, str] = {}  # a million people share some departments
        self._people_by: dict[str, set[str]] = {}  # e-mail address or name -> people

    def has(self, name: str) -> bool:
        """Say whether there is a column for a field."""
        return name in self._columns

    def row(self, number: int, cells: Sequence[str]) -> None:
        """Read one row below the header."""
        wrong = self._wrong(cells)
        if wrong:
            self.found.left_out.setdefault(wrong, []).append(number)
            return
        person = self._cell(cells, "person")
        fields = {name: self._text(cells, name) for name in (*_TEXTS, "manager") if name in self._columns}
        for name in _FLAGS:
            if name in self._columns:
                fields[name] = self._meaning(number, cells, name)
        if "kind" in self._columns:
            fields["kind"] = self._meaning(number, cells, "kind")
        if self._manager_by != "id" and (known_as := self._cell(cells, self._manager_by)):
            self._people_by.setdefault(_alike(known_as), set()).add(person)
        before = self.found.people.get(person)
        if before is not None:
            what = "the person was in an earlier row" + ("" if before.fields == fields else ", and this row stands")
            self.found.odd.setdefault(what, []).append(number)
        self.found.people[person] = Entry(number, fields)

    def finish(self, known: Collection[str] = ()) -> Found:
        """Resolve managers and return everything; `known` are people whom the directory has already.

        Raises Failed where a word means nothing: to guess would enable or disable people.
        """
        for name, rows in self._unclear.items():
            meanings = "person, guest nor service" if name == "kind" else "yes nor no"
            raise Failed(
                f"{where(rows)}: what is in the column of {name} means neither {meanings}: say what it means with "
                f"--word WORD={'guest' if name == 'kind' else 'no'}, or --map {name}= to leave the column out"
            )
        if "manager" in self._columns:
            if self._manager_by != "id":
                self._find_managers()
            self._check_managers(known)
        return self.found

    def _wrong(self, cells: Sequence[str]) -> str:
        person = self._cell(cells, "person")
        if len(cells) > self._width:
            return "more cells than the header has"
        if not person:
            return "no person's id"
        if _ROUNDED.fullmatch(person):
            return "the id was rounded by a spreadsheet"
        if any(too_long(self._cell(cells, name)) for name in ("person", "region", "department", "manager")):
            return "an id of more than 256 bytes"
        return ""

    def _cell(self, cells: Sequence[str], name: str) -> str:
        place = self._columns.get(name)
        return cells[place] if place is not None and place < len(cells) else ""

    def _text(self, cells: Sequence[str], name: str) -> str | None:
        cell = self._cell(cells, name)
        if name in _TEXTS:
            cell = " ".join(cell.split())
        return self._shared.setdefault(cell, cell) or None

    def _meaning(self, number: int, cells: Sequence[str], name: str) -> Any:
        cell = self._cell(cells, name)
        if not cell:
            return None
        meaning = self._words.kind(cell) if name == "kind" else self._words.flag(cell)
        if meaning is None:
            self._unclear.setdefault(name, []).append(number)
        return meaning

    def _find_managers(self) -> None:
        """Replace managers' addresses or names by their ids."""
        for entry in self.found.people.values():
            told = entry.fields["manager"]
            ids = self._people_by.get(_alike(told), set()) if told else set()
            entry.fields["manager"] = next(iter(ids)) if len(ids) == 1 else None
            if told and len(ids) != 1:
                what = "is that of several people" if ids else "is nobody's in the file"
                self.found.odd.setdefault(f"the manager's {self._manager_by} {what}, so none is set", []).append(
                    entry.row
                )

    def _check_managers(self, known: Collection[str]) -> None:
        people = self.found.people
        missing = sorted(
            entry.row
            for entry in people.values()
            if (manager := entry.fields["manager"]) and manager not in people and manager not in known
        )
        if missing:
            what = "the manager is neither in the file nor in the directory"
            if len(missing) * 2 > len(people):
                what += "; are managers given otherwise, as --manager-by email or name says?"
            self.found.odd[what] = missing
        managers = {person: entry.fields["manager"] for person, entry in people.items()}
        for circle in circles(managers):
            rows = sorted(people[person].row for person in circle)
            what = "the person is their own manager" if len(rows) == 1 else "the person's managers form a circle"
            self.found.odd.setdefault(what, []).extend(rows)


def circles(managers: Mapping[str, str | None]) -> Iterable[list[str]]:
    """Yield each circle of people who manage each other."""
    done: set[str] = set()
    for start in managers:
        path: dict[str, None] = {}
        person: str | None = start
        while person is not None and person in managers and person not in done and person not in path:
            path[person] = None
            person = managers[person]
        if person is not None and person in path:
            way = list(path)
            yield way[way.index(person) :]
        done.update(path)


def _alike(text: str) -> str:
    """Return an address or a name as it is compared."""
    return text.casefold() if "@" in text else plain(text)
