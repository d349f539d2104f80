"""Pairs have the slots that a dictionary would give them."""

import random

import numpy as np
import pytest

from pipeline.communities import Pairs


@pytest.mark.parametrize("seed", range(3))
def test_a_pair_keeps_its_slot_until_its_person_is_forgotten(seed: int) -> None:
    dice = random.Random(seed)
    pairs = Pairs()
    known: dict[tuple[int, int], int] = {}
    for _ in range(120):
        some = [(dice.randrange(40), 4 + dice.randrange(60)) for _ in range(dice.choice([0, 1, 200]))]
        persons, communities = np.array(some, np.int64).reshape(-1, 2).T
        for pair, slot in zip(some, pairs.of(persons, communities).tolist(), strict=True):
            assert known.setdefault(pair, slot) == slot
        gone = dice.randrange(40)
        if dice.random() < 0.3:
            assert sorted(pairs.forget(gone)) == sorted(slot for pair, slot in known.items() if pair[0] == gone)
            known = {pair: slot for pair, slot in known.items() if pair[0] != gone}
        if dice.random() < 0.1:
            kept = pairs
            pairs = Pairs()
            pairs.restore(kept.person[: len(kept)], kept.community[: len(kept)])
        assert len(set(known.values())) == len(known)
        assert pairs.used().tolist() == sorted(known.values())
        assert all((pairs.person[slot], pairs.community[slot]) == pair for pair, slot in known.items())


def test_slots_are_given_in_the_order_of_reading() -> None:
    pairs = Pairs()
    assert pairs.of(np.array([9, 3, 9, 1, 3]), np.array([5, 5, 5, 4, 6])).tolist() == [0, 1, 0, 2, 3]
