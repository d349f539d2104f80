"""Counting at one moment is what one would count by hand."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline import windows
from pipeline.acts import NEVER
from pipeline.windows import W7D, WINDOWS_MS

AT = 1_774_440_000_000
AGES = [0, -1, 5000, AT - NEVER, *(int(window) + edge for window in WINDOWS_MS for edge in (-1, 0, 1))]
SIZE = 4


@st.composite
def people(draw: st.DrawFn) -> list[tuple[list[int], list[int], bool, bool]]:
    """Each with the ages of two measures, the places in two dimensions, whether counted and whether enabled."""
    return draw(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(AGES), min_size=2, max_size=2),
                st.lists(st.integers(0, SIZE - 1), min_size=2, max_size=2),
                st.booleans(),
                st.booleans(),
            ),
            max_size=40,
        )
    )


@given(people())
def test_people_are_counted_as_by_hand(crowd: list[tuple[list[int], list[int], bool, bool]]) -> None:
    expected = np.zeros((2, SIZE, len(WINDOWS_MS)), int)
    adopted = np.zeros((2, SIZE), int)
    for ages, places, counts, is_enabled in crowd:
        for measure, age in enumerate(ages):
            inside = (age < WINDOWS_MS) & counts
            for place in places:
                expected[measure, place] += inside
                adopted[measure, place] += inside[W7D] and is_enabled
    last, segments = (np.array([one[column] for one in crowd], np.int64).reshape(-1, 2).T for column in (0, 1))
    counted, enabled = (np.array([one[column] for one in crowd], bool) for column in (2, 3))
    found = windows.count(AT - last, AT, list(segments.astype(np.int32)), SIZE, counted, enabled)
    assert found[0].tolist() == expected.tolist()
    assert found[1].tolist() == adopted.tolist()
