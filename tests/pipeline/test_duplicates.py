"""The memory of events is that of a set."""

import random

import numpy as np
import pytest

from pipeline.duplicates import MEMORY_MS, Duplicates

NOON = 1_774_440_000_000


@pytest.mark.parametrize("seed", range(3))
def test_an_event_is_a_duplicate_if_it_was_read_within_a_day(seed: int) -> None:
    dice = random.Random(seed)
    memory = Duplicates()
    known: set[int] = set()
    for _ in range(60):
        digests = [dice.randrange(1, 8000) << 48 for _ in range(dice.choice([0, 1, 30, 300]))]
        ages = [dice.choice([0, 1000, MEMORY_MS, MEMORY_MS + 1]) for _ in digests]
        times = NOON - np.array(ages, np.int64)
        found = memory.see(np.array(digests, np.uint64), times, np.full(len(digests), NOON))
        for digest, age, duplicate in zip(digests, ages, found.tolist(), strict=True):
            assert duplicate == (age <= MEMORY_MS and digest in known)
            if age <= MEMORY_MS:
                known.add(digest)
