"""The pages of what was heard of sources: small ones, for there are few sources.

kind                       entries  changes with
sources    what is usual        16  every step
heard      not closed yet    16384  every act, at the end
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from pipeline.hearing import Hearing, Sound
from pipeline.page_columns import PageReader, PageWriter
from pipeline.sources import Source

_AT_ONCE: Final = 16


def write_hearing(hearing: Hearing) -> Iterator[tuple[str, bytes]]:
    """Write the sources and the sounds that wait for their step."""
    for start in range(0, len(hearing.names), _AT_ONCE):
        page = PageWriter()
        names = hearing.names[start : start + _AT_ONCE]
        sources = [hearing.sources.get(start + place) for place in range(len(names))]
        known = [source for source in sources if source is not None]
        page.texts(names)
        page.bools(np.array([source is not None for source in sources]))
        page.bools(np.array([source.beats for source in known], bool))
        told = [(one.first_ms, one.newest_ms, one.events, len(one.hours)) for one in known]
        for column in np.array(told, np.int64).reshape(-1, 4).T:
            page.ints(column)
        hours = [pair for source in known for pair in sorted(source.hours.items())]
        for column in np.array(hours, np.int64).reshape(-1, 2).T:
            page.ints(column)
        yield f"sources/{start // _AT_ONCE:05}", page.page()
    waiting = [(step, *sound) for step, sounds in sorted(hearing.waiting.items()) for sound in sounds]
    if waiting:
        page = PageWriter()
        for column in np.array(waiting, np.int64).T:
            page.ints(column)
        yield "heard/00000", page.page()


def read_hearing(pages: Mapping[str, bytes], hearing: Hearing) -> None:
    """Read them; there are none in a state that was written before sources were remembered."""
    for key in sorted(key for key in pages if key.startswith("sources/")):
        page = PageReader(pages[key])
        names, known = page.texts(), page.bools()
        beats = page.bools().tolist()
        first, newest, events, many = (page.ints().tolist() for _ in range(4))
        hour, count = page.ints().tolist(), page.ints().tolist()
        page.done()
        hours = iter(zip(hour, count, strict=True))
        numbers = [hearing.number(name) for name in names]
        of_known = [number for number, is_known in zip(numbers, known.tolist(), strict=True) if is_known]
        for number, *told, has_hours in zip(of_known, first, newest, events, beats, many, strict=True):
            told.append(dict(next(hours) for _ in range(has_hours)))
            hearing.sources[number] = Source(*told)
    if "heard/00000" in pages:
        page = PageReader(pages["heard/00000"])
        for step, number, beat, *times in zip(*(page.ints().tolist() for _ in range(6)), strict=True):
            hearing.waiting.setdefault(step, []).append(Sound(number, bool(beat), *times))
        page.done()
