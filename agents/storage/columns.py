"""Arrays and `Names` as bytes of ClickHouse's native protocol, without a Python object per row.

The driver packs Python objects; its numpy mode would bring pandas. What is not known here is left to the driver.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from schemas.rows import Names

_BYTES: Final = {
    "Bool": "u1", "UInt8": "u1", "UInt32": "<u4", "UInt64": "<u8",
    "Date": "<u2", "DateTime": "<u4", "DateTime64": "<i8",
}  # fmt: skip
_ONE_DICTIONARY: Final = 1
_KEYS_AND_DICTIONARY_FOLLOW: Final = 1 << 9 | 1 << 10
_INDEXES: Final = ("u1", "<u2", "<u4")


def writer(otherwise: Callable[..., None]) -> Callable[..., None]:
    """Return a `write_column` for the driver; `otherwise` is its own, for all that needs Python objects.

    It raises OverflowError if a number does not fit into ClickHouse's type.
    """

    def write_column(context: Any, name: str, kind: str, items: Any, out: Any, **given: Any) -> None:
        size = _BYTES.get(kind.removeprefix("Nullable(").partition("(")[0].rstrip(")"))
        nullable, masked = kind.startswith("Nullable("), isinstance(items, np.ma.MaskedArray)
        if isinstance(items, Names) and kind == "LowCardinality(String)":
            _write_names(items, out)
        elif isinstance(items, np.ndarray) and size and nullable >= masked:
            if nullable:
                out.write(np.ma.getmaskarray(items).tobytes())
            out.write(_fitting(np.ma.filled(items, 0), np.dtype(size)).tobytes())
        else:
            otherwise(context, name, kind, items if isinstance(items, list) else items.tolist(), out, **given)

    return write_column


def chunks(columns: Sequence[Any], most: int) -> Iterator[list[Any]]:
    """Cut columns into blocks of at most so many rows; lists are copied, for the driver changes them."""
    for start in range(0, len(columns[0]), most):
        yield [column[start : start + most] for column in columns]


def _fitting(numbers: NDArray[Any], to: np.dtype[Any]) -> NDArray[Any]:
    if not np.can_cast(numbers.dtype, to) and len(numbers):
        limits = np.iinfo(to)
        if numbers.min() < limits.min or numbers.max() > limits.max:
            raise OverflowError(f"a number does not fit into {to.name}")
    return numbers.astype(to, copy=False)


def _write_names(column: Names, out: Any) -> None:
    """Write those names that are used, and for each row which one."""
    used = np.zeros(len(column.names), bool)
    used[column.codes] = True
    keys = [column.names[code] for code in np.flatnonzero(used).tolist()]
    width = (len(keys) > 1 << 8) + (len(keys) > 1 << 16)
    index = (np.cumsum(used) - 1).astype(_INDEXES[width])[column.codes]
    out.write(np.array([_ONE_DICTIONARY, _KEYS_AND_DICTIONARY_FOLLOW | width, len(keys)], "<i8").tobytes())
    out.write_strings(keys, "utf-8")
    out.write(np.array([len(index)], "<i8").tobytes() + index.tobytes())
