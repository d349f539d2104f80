"""Chance that falls the same on every machine.

Only whole numbers, and only the raw bits of PCG64: numpy keeps those stable for ever, but not what it makes of them
(its distributions change between releases, exp and log between processors). Weights are whole numbers, too.
"""

from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Dice:
    """One stream of chance, named after what it decides, so that one subject's draws do not move another's."""

    def __init__(self, seed: int, subject: str) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, crc32(subject.encode())]))

    def below(self, limit: int | Ints, size: int) -> Ints:
        """Draw whole numbers in [0, limit); `limit` may be an array of `size`."""
        raw = np.asarray(self._bits.random_raw(size), dtype=np.uint64)
        return (raw >> np.uint64(1)).astype(np.int64) % limit

    def one(self, limit: int) -> int:
        """Draw a single number in [0, limit)."""
        return int(self.below(limit, 1)[0])

    def share(self, share: float, size: int) -> Mask:
        """Say yes for about this share of `size` cases."""
        if share <= 0:
            return np.zeros(size, dtype=np.bool_)
        return self.below(1 << 30, size) < int(share * (1 << 30))

    def pick(self, cumulative: Ints, size: int) -> Ints:
        """Draw indices; `cumulative` is the running sum of their whole-number weights."""
        return np.searchsorted(cumulative, self.below(int(cumulative[-1]), size), side="right").astype(np.int64)

    def some(self, of: Ints, share: float) -> Ints:
        """Choose this share of `of`, at least one where there is any, in ascending order."""
        count = min(len(of), max(1, round(share * len(of))))
        return np.sort(of[np.argsort(self.below(1 << 62, len(of)), kind="stable")[:count]])


def table(weights: dict[str, int] | list[int], size: int = 4096) -> NDArray[np.int8]:
    """Spread weights over a look-up table: the code at a random place is a weighted draw."""
    values = list(weights.values()) if isinstance(weights, dict) else weights
    bounds = np.cumsum(values) * size // sum(values)
    return np.searchsorted(bounds, np.arange(size), side="right").astype(np.int8)
