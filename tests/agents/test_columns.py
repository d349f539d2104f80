"""Arrays against the driver's own writing of the same values as lists; a real server's view is in tests/live."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from clickhouse_driver.bufferedwriter import CompressedBufferedWriter
from clickhouse_driver.columns.service import write_column
from clickhouse_driver.errors import TypeMismatchError

from agents.storage import columns
from schemas.rows import Names

NAMES = "LowCardinality(String)"
CONTEXT = SimpleNamespace(client_settings={"use_numpy": False, "strings_as_bytes": False}, settings={})


class Written:
    """Takes what leaves the driver's buffer."""

    def __init__(self) -> None:
        self.data = b""
        self.out = CompressedBufferedWriter(self, 1 << 20)

    def write(self, data: bytes) -> None:
        self.data += data

    def end(self) -> bytes:
        self.out.flush()
        return self.data


def by_driver(kind: str, values: Sequence[Any]) -> bytes:
    written = Written()
    write_column(CONTEXT, "x", kind, list(values), written.out)
    return written.end()


def by_us(kind: str, column: Any) -> bytes:
    written = Written()
    columns.writer(otherwise=write_column)(CONTEXT, "x", kind, column, written.out, types_check=False)
    return written.end()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("UInt8", [0, 1, 255]),
        ("UInt32", [0, 7, 2**32 - 1]),
        ("UInt64", [0, 2**40, 2**63 - 1]),
        ("DateTime('UTC')", [0, 1_795_046_400, 2**32 - 1]),
        ("DateTime64(3, 'UTC')", [0, 1_795_046_400_123, -1]),
    ],
)
def test_numbers_are_what_the_driver_writes(kind: str, values: list[int]) -> None:
    assert by_us(kind, np.array(values, np.int64)) == by_driver(kind, values)


def test_arrays_as_they_come_out_of_tables() -> None:
    assert by_us("UInt64", np.array([[1, 2], [2**64 - 1, 3]], np.uint64)[:, 0]) == by_driver("UInt64", [1, 2**64 - 1])
    assert by_us("UInt64", np.array([1, 2], np.uint32)) == by_driver("UInt64", [1, 2])


@pytest.mark.parametrize("kind", ["Bool", "UInt8"])
def test_yes_and_no(kind: str) -> None:
    assert by_us(kind, np.array([True, False])) == by_driver(kind, [True, False])


@pytest.mark.parametrize("values", [[None, 5, None], [5, 6], [None]], ids=str)
def test_masked_is_null(values: list[int | None]) -> None:
    kind = "Nullable(DateTime64(3, 'UTC'))"
    column = np.ma.masked_equal([-1 if value is None else value for value in values], -1)
    assert by_us(kind, column) == by_driver(kind, values)


@pytest.mark.parametrize(("kind", "value"), [("UInt32", -1), ("UInt32", 2**32), ("UInt8", 256), ("UInt64", -1)])
def test_a_number_that_does_not_fit_is_an_error(kind: str, value: int) -> None:
    with pytest.raises(OverflowError, match=kind.lower()):
        by_us(kind, np.array([0, value]))


@pytest.mark.parametrize("many", [1, 255, 257, 65_537])
def test_names_are_what_the_driver_writes(many: int) -> None:
    names = [f"ñ{number}" for number in range(many)]
    codes = np.append(np.arange(many), [0, many - 1])
    assert by_us(NAMES, Names(names, codes)) == by_driver(NAMES, [names[code] for code in codes])


def test_names_that_nobody_uses_are_not_written() -> None:
    names = ["no", "a" * 300, "", "no", "b"]
    column = Names(names, np.array([1, 2, 4, 1], np.uint8))
    assert by_us(NAMES, column) == by_driver(NAMES, column.tolist())


@pytest.mark.parametrize(
    ("kind", "column"),
    [
        ("String", Names(["a", "b"], np.array([1, 0]))),
        ("LowCardinality(Nullable(String))", Names(["a", "b"], np.array([1, 0]))),
        ("Enum8('a' = 1, 'b' = 2)", Names(["a", "b"], np.array([1, 0]))),
        ("Int16", np.array([-1, 5])),
        ("Float64", np.array([1, 5])),
        ("Nullable(UInt32)", np.array([1, 5])),
        ("LowCardinality(UInt8)", np.array([1, 5, 1])),
        ("String", ["a", "b"]),
    ],
    ids=str,
)
def test_tables_that_somebody_altered_are_written_as_the_driver_does(kind: str, column: Any) -> None:
    assert by_us(kind, column) == by_driver(kind, column if isinstance(column, list) else column.tolist())


def test_null_where_none_may_be_is_an_error() -> None:
    with pytest.raises(TypeMismatchError):
        by_us("UInt32", np.ma.masked_equal([1, 2], 2))


def test_columns_are_cut_alike() -> None:
    whole = [[1, 2, 3], np.array([4, 5, 6]), Names(["x", "y"], np.array([0, 1, 1]))]
    cut = [[list(column) if isinstance(column, list) else column.tolist() for column in part]
           for part in columns.chunks(whole, 2)]  # fmt: skip
    assert cut == [[[1, 2], [4, 5], ["x", "y"]], [[3], [6], ["y"]]]
