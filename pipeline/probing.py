"""Open addressing with linear probing, many entries at once; what a table holds is its owner's affair."""

from typing import Any

from numpy.typing import NDArray

from pipeline.acts import Ints


def fill(table: NDArray[Any], entries: NDArray[Any], places: Ints, empty: int) -> None:
    """Put each entry at its place or the next one that is `empty`.

    `entries` (n,) differ from one another and are not empty; `table` has room for them, its size is a power of two.
    """
    while len(entries):
        free = table[places] == empty
        table[places[free]] = entries[free]  # of two that want one place the last gets it
        left = table[places] != entries
        entries, places = entries[left], (places[left] + 1) & (len(table) - 1)
