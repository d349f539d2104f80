"""The judge's state <-> pages of `esn.baselines`, all of one moment; see pages.py for how they are kept.

page                            holds                                        changes
grid/W/series/B                 the series of rows B                         with new series
grid/W/C/B, grid/W/C/I/B        column C of the bank; I cuts large ones      some with every interval of window W
waiting/AT/P                    a step's rows of source partition P          until the step is judged
book, found                     how far everybody is; open drops             every step; with a drop
moment                          what holds the pages together                always
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from pipeline.drops import Bank
from pipeline.found import Found
from pipeline.grid import Grid
from pipeline.judge import Judge
from pipeline.page_columns import FORMAT, TornPages, check_format
from pipeline.pages import digest
from pipeline.pulse_book import Counts, Key, Part
from schemas.drops import Drop

_ROWS: Final = 256
_MOMENT: Final = "moment"
_pack: Final = msgspec.msgpack.encode


class _Book(msgspec.Struct, frozen=True):
    partitions: int
    done: int
    closed: dict[int, int]
    epochs: dict[int, int]
    unfed: list[tuple[int, int, int]]
    grids: dict[str, int]
    """Window -> number of series."""


def encode(judge: Judge) -> dict[str, bytes]:
    """Return all pages; none is larger than about half a MiB."""
    book = judge.book
    pages = {
        "book": _pack(
            _Book(
                book.partitions,
                book.done,
                dict(sorted(book.closed.items())),
                dict(sorted(book.epochs.items())),
                sorted((at, number, since) for (at, number), since in book.unfed.items()),
                {grid.window: len(grid.keys) for grid in judge.grids},
            ),
        ),
        "found": _pack(sorted(judge.found.open.values(), key=lambda drop: drop.drop_id)),
    }
    for at, parts in book.waiting.items():
        for number, part in parts.items():
            pages[f"waiting/{at}/{number}"] = _pack((part.epoch, sorted(part.rows.items())))
    for grid in judge.grids:
        pages.update(_write_grid(grid))
    pages = {key: bytes([FORMAT]) + page for key, page in pages.items()}
    pages[_MOMENT] = bytes([FORMAT]) + _pack((len(pages), digest(pages)))
    return pages


def decode(pages: Mapping[str, bytes], judge: Judge) -> None:
    """Fill a new judge. Raises `BadPages`."""
    if not pages:
        return
    if _MOMENT not in pages:
        raise _torn()
    for page in pages.values():
        check_format(page)
    others = {key: page for key, page in pages.items() if key != _MOMENT}
    try:
        if msgspec.msgpack.decode(pages[_MOMENT][1:], type=tuple[int, str]) != (len(others), digest(others)):
            raise _torn()
        _read({key: memoryview(page)[1:] for key, page in others.items()}, judge)
    except (msgspec.DecodeError, KeyError, ValueError):
        raise _torn() from None


def _read(pages: Mapping[str, memoryview], judge: Judge) -> None:
    book, told = judge.book, msgspec.msgpack.decode(pages["book"], type=_Book)
    book.partitions, book.done, book.closed, book.epochs = told.partitions, told.done, told.closed, told.epochs
    book.unfed = {(at, number): since for at, number, since in told.unfed}
    judge.found = Found(msgspec.msgpack.decode(pages["found"], type=list[Drop]))
    for key, page in pages.items():
        if key.startswith("waiting/"):
            at, number = map(int, key.split("/")[1:])
            epoch, rows = msgspec.msgpack.decode(page, type=tuple[int, list[tuple[Key, Counts]]])
            book.waiting.setdefault(at, {})[number] = Part(epoch, dict(rows))
    for grid in judge.grids:
        if grid.window in told.grids:
            _read_grid(pages, grid, told.grids[grid.window])
    judge.look()


def _columns(grid: Grid) -> dict[str, NDArray[Any]]:
    """Return what is kept by row, the bank's own arrays."""
    return grid.bank.dump() | {"expected-now": grid.bank.expected, "line-now": grid.bank.line, "alive": grid.alive_at,
                                 "listed": grid.listed}  # fmt: skip


def _parts(name: str, column: NDArray[Any]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Cut a column into pages; one of several dimensions by the first of them, of which few parts change at a time."""
    cuts = [(name, column)]
    if column.ndim > 2:
        cuts = [(f"{name}/{place}", column[:, place]) for place in range(column.shape[1])]
    for key, cut in cuts:
        for start in range(0, len(column), _ROWS):
            yield f"{key}/{start // _ROWS:04}", cut[start : start + _ROWS]


def _write_grid(grid: Grid) -> Iterator[tuple[str, bytes]]:
    for start in range(0, len(grid.keys), _ROWS):
        yield f"grid/{grid.window}/series/{start // _ROWS:04}", _pack(grid.keys[start : start + _ROWS])
    for name, column in _columns(grid).items():
        for key, part in _parts(name, column):
            yield f"grid/{grid.window}/{key}", part.tobytes()


def _read_grid(pages: Mapping[str, memoryview], grid: Grid, rows: int) -> None:
    for start in range(0, rows, _ROWS):
        page = pages[f"grid/{grid.window}/series/{start // _ROWS:04}"]
        grid.keys += msgspec.msgpack.decode(page, type=list[Key])
    grid.bank.add(rows)
    grid.alive_at, grid.listed = np.zeros(rows, np.int64), np.zeros(rows, bool)
    columns = {name: np.empty_like(column) for name, column in _columns(grid).items()}
    for name, column in columns.items():
        for key, part in _parts(name, column):
            part[...] = np.frombuffer(pages[f"grid/{grid.window}/{key}"], column.dtype).reshape(part.shape)
    grid.alive_at, grid.listed = columns.pop("alive"), columns.pop("listed")
    now = [columns.pop(name) for name in ("expected-now", "line-now")]
    grid.bank = Bank.load(grid.seconds, columns)
    grid.bank.expected, grid.bank.line = now
    grid.number()


def _torn() -> TornPages:
    return TornPages("the state in esn.baselines is damaged: delete and create the topic, the judge learns anew")
