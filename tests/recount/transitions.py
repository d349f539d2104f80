"""What happens to people: each transition once, when its step or its day closes.

Rules: the only file that knows what was folded into closed steps. Times are unix milliseconds, days numbers of dates.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise
from statistics import median

from xxhash import xxh3_128_hexdigest

from tests.recount.days import LocalDays
from tests.recount.person import Person
from tests.recount.reading import EPOCH, Entry
from tests.recount.rows import LifecycleKey, TransitionKey, TransitionRow
from tests.recount.steps import DAY, counts, homes

STATES = {
    "new": ("unseen", "active"),
    "returning": ("silent", "active"),
    "resurrected": ("dormant", "active"),
    "first_contribution": ("reader", "contributor"),
    "at_risk": ("active", "at_risk"),
    "dormant": ("silent", "dormant"),
    "joined": ("outside", "inside"),
    "left": ("inside", "outside"),
}


class Transitions:
    """All records, and how many there are per day and segment."""

    def __init__(self, days: LocalDays) -> None:
        self.days = days
        self.records: dict[TransitionKey, TransitionRow] = {}
        self.people: Counter[LifecycleKey] = Counter()

    def close_step(self, people: Mapping[str, Person], at: int, open_day: int) -> None:
        """Judge the step that ends at `at`; its transitions are of the day in which it lies, or the record's first."""
        day = max(self.days.of(at - 1), open_day)
        for name, person in people.items():
            for kind in (*activity(person, at), *employment(person)):
                self.note(kind, name, person.entry, at, day)

    def close_day(self, people: Mapping[str, Person], day: int) -> None:
        """Judge who is silent at the end of a day."""
        for name, person in people.items():
            for kind in silence(person, day) if counts(person.entry) else ():
                self.note(kind, name, person.entry, self.days.end(day), day)

    def note(self, kind: str, name: str, entry: Entry | None, at: int, day: int) -> None:
        """Write the record, and count it where the person is by the directory now."""
        written_at = f"{EPOCH + timedelta(milliseconds=at):%Y-%m-%dT%H:%M:%SZ}"
        id_ = xxh3_128_hexdigest(f"{kind}\0{name}\0{written_at}".encode())
        self.records[TransitionKey(written_at, kind, name)] = TransitionRow(id_, *STATES[kind])
        for segment in homes(entry):
            self.people[LifecycleKey(date.fromordinal(day), *segment, kind)] += 1


def activity(person: Person, at: int) -> Iterator[str]:
    """Fold what falls into the step, and say what that is to somebody who counts.

    What falls into a step that was passed over (it lies before the record's first, or is empty and skipped) is folded
    into the next that closes. Of people who do not count it is remembered all the same.
    """
    past = person.past
    folded = [act for step, act in past.open if step <= at]
    if not folded:
        return
    past.open = [(step, act) for step, act in past.open if step > at]
    last, contributed = past.last_activity, past.contributed
    past.last_activity = max([act.time for act in folded] + ([] if last is None else [last]))
    past.contributed = contributed or any("contribute" in act.measures for act in folded)
    if not counts(person.entry):
        return
    if last is None:
        yield "new"
    elif later := [act.time for act in folded if act.time > last]:
        gap = min(later) - last
        if gap >= 7 * DAY:
            yield "resurrected" if gap >= 28 * DAY else "returning"
    if past.contributed and not contributed:
        yield "first_contribution"


def employment(person: Person) -> Iterator[str]:
    """Who is inside since the step closed last, and who is outside. Leavers do not count any more, but have left."""
    inside = person.entry is not None and person.entry.in_enabled
    if inside != person.past.inside:
        yield "joined" if inside else "left"
    person.past.inside = inside


def silence(person: Person, day: int) -> Iterator[str]:
    """Whether somebody is silent for unusually long, or for 28 days; once per silence, that is per last active day."""
    active_on = sorted(person.times("active", day))
    if not active_on:
        return
    last = active_on[-1]
    gaps = [later - earlier for earlier, later in pairwise(on for on in active_on if day - on <= 63)]
    for kind, silent in (
        ("at_risk", bool(gaps) and max(3 * median(gaps), 3) < day - last < 28),
        ("dormant", day - last >= 28),
    ):
        if silent and (kind, last) not in person.past.told:
            person.past.told.add((kind, last))
            yield kind
