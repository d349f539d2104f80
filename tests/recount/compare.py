"""Expected rows against the rows found: differences one can read, and a guard against comparing nothings.

Rules: knows rows as named tuples by key; knows no view in particular, but for the one flag on rows of zeros.
"""

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol, get_type_hints

NUMERIC = (int, float, int | None, float | None)


class Row(Protocol):
    """Any of the row types: a NamedTuple."""

    def _asdict(self) -> dict[str, Any]: ...


def differences(expected: Mapping[Any, Row], actual: Mapping[Any, Row], *, missing_is_zero: bool = False) -> list[str]:
    """Say what differs, one line each, in the order of the keys; an empty list if nothing does.

    With `missing_is_zero` a row whose numbers of people are all zero equals no row at all.
    """
    if expected == actual:
        return []
    found = []
    for key in sorted(expected.keys() | actual.keys()):
        here, there = expected.get(key), actual.get(key)
        if here is None and there is not None:
            if not (missing_is_zero and nobody(there)):
                found.append(f"unexpected {named(key)}: {told(there._asdict())}")
        elif there is None and here is not None:
            if not (missing_is_zero and nobody(here)):
                found.append(f"missing {named(key)}: {told(here._asdict())}")
        elif here is not None and there is not None:
            columns = list(unlike(here._asdict(), there._asdict()))
            if columns:
                found.append(f"differs {named(key)}: {', '.join(columns)}")
    return found


def assert_varied(rows: Mapping[Any, Row], *, but: Collection[str] = ()) -> None:
    """Every numeric column takes at least three values, or else agreement would prove little.

    `but`: columns of which the record is known to hold nothing.
    """
    assert rows, "no rows at all"
    first = next(iter(rows.values()))
    for column, kind in get_type_hints(type(first)).items():
        if kind in NUMERIC and column not in but:
            values = {row._asdict()[column] for row in rows.values()} - {None}
            assert len(values) >= 3, f"{column} takes only the values {sorted(values)}"


def assert_occurs(rows: Mapping[Any, Row], column: str, names: Iterable[str]) -> None:
    """Each name of a column of the key stands in rows of people of at least three segments, or it was not tried."""
    for name in names:
        held = {
            (key.dimension, key.member)
            for key, row in rows.items()
            if getattr(key, column) == name and row._asdict()["people"]
        }
        assert len(held) >= 3, f"{name} occurs in {len(held)} segments"


def nobody(row: Row) -> bool:
    """Whether a row of active people counts nobody: `enabled` and all windows are zero."""
    people = [value for column, value in row._asdict().items() if column == "enabled" or column.startswith("w")]
    return bool(people) and not any(people)


def unlike(expected: dict[str, Any], actual: dict[str, Any]) -> Iterable[str]:
    """Each column that differs."""
    for column in expected.keys() | actual.keys():
        here, there = expected.get(column), actual.get(column)
        if here != there and not close(here, there):
            yield f"{column} expected {here!r}, found {there!r}"


def close(here: object, there: object) -> bool:
    """Equal but for the rounding of a division."""
    return isinstance(here, float) and isinstance(there, float) and math.isclose(here, there, rel_tol=1e-12)


def named(key: object) -> str:
    """A key on one line."""
    return " / ".join(str(part) for part in key) if isinstance(key, tuple) else str(key)


def told(columns: dict[str, Any]) -> str:
    """All columns on one line."""
    return ", ".join(f"{column} {value!r}" for column, value in columns.items())
