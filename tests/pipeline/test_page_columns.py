"""One page <-> bytes: what is written is read again, whatever it is, and what is cut short is not read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.acts import NEVER
from pipeline.page_columns import PageReader, PageWriter, TornPages

INTEGERS = st.one_of(st.integers(-(1 << 60), 1 << 60), st.integers(-5, 300), st.just(NEVER))


@given(numbers=st.lists(INTEGERS), flags=st.lists(st.booleans()), texts=st.lists(st.text(st.characters(codec="utf-8"))))
def test_columns_come_back(numbers: list[int], flags: list[bool], texts: list[str]) -> None:
    writer = PageWriter()
    writer.ints(np.array(numbers, np.int64))
    writer.ints(np.array(numbers, np.int64), absent=NEVER)
    writer.bools(np.array(flags, bool))
    writer.texts(texts)
    page = writer.page()
    reader = PageReader(page)
    assert reader.ints().tolist() == numbers
    assert reader.ints(absent=NEVER).tolist() == numbers
    assert reader.bools().tolist() == flags
    assert reader.texts() == texts
    reader.done()
    shorter = PageReader(page[:-1])
    with pytest.raises(TornPages):
        _ = shorter.ints(), shorter.ints(absent=NEVER), shorter.bools(), shorter.texts()
