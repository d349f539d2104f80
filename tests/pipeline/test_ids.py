"""The slots of ids are those of a dict."""

import random

import numpy as np
import pytest

from pipeline import ids
from pipeline.ids import Slots, digest_of


def same(slots: Slots, known: dict[str, int], asked: list[str]) -> None:
    found = slots.find(np.array([digest_of(name) for name in asked], np.uint64))
    assert found.tolist() == [known.get(name, -1) for name in asked]
    assert [slots.get(name) for name in asked] == [known.get(name) for name in asked]
    assert (len(slots), set(slots)) == (len(known), set(known))


@pytest.mark.parametrize("names", [30, 3000])
@pytest.mark.parametrize("seed", range(3))
def test_they_are_given_found_taken_and_given_again(seed: int, names: int) -> None:
    dice = random.Random(seed)
    slots, known, free = Slots(), dict[str, int](), list[int]()
    for _ in range(20):
        for _ in range(names // 5):
            name = f"u{dice.randrange(names)}"
            if name not in known and dice.random() < 0.7:
                known[name] = free.pop() if free else len(slots.name)
                slots.add(name, known[name])
            elif name in known:
                assert slots.pop(name) == known[name]
                free.append(known.pop(name))
            else:
                assert slots.pop(name) is None
        same(slots, known, [f"u{dice.randrange(2 * names)}" for _ in range(50)])
    again = Slots()
    again.restore(list(slots.name))
    same(again, known, [f"u{number}" for number in range(names)])


def test_equal_low_bits_are_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "digest_of", lambda name: int(name) << 40)
    slots = Slots()
    for number in range(300):
        slots.add(str(number), number)
    for number in range(0, 300, 2):
        slots.pop(str(number))
    digests = np.array([number << 40 for number in range(400)], np.uint64)
    assert slots.find(digests).tolist() == [number if number % 2 and number < 300 else -1 for number in range(400)]
