"""What a step publishes: people counted per segment, measure and window, straight from everybody's times.

Rules: looks at all people anew for each step and keeps nothing but the segments shown last time. Times are
unix milliseconds, `at` of a row is in seconds.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from tests.recount.person import Person, newest
from tests.recount.reading import UNLISTED, Entry
from tests.recount.rows import ActiveKey, ActiveRow

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WINDOWS = (5 * MINUTE, HOUR, DAY, 7 * DAY, 28 * DAY)
MEASURES = ("active", "login", "contribute")

Segment = tuple[str, str]  # dimension, member
Name = tuple[str, str, str]  # dimension, member, measure


def counts(entry: Entry | None) -> bool:
    """Who counts: people who are not in the directory, and enabled people and guests."""
    return entry is None or entry.counted


def homes(entry: Entry | None) -> list[Segment]:
    """The segments a person is in by the directory."""
    at_home = entry or UNLISTED
    return [
        ("company", "all"),
        ("region", at_home.region),
        ("department", at_home.department),
        ("manager", at_home.manager),
    ]


def measures_of(dimension: str) -> tuple[str, ...]:
    """Nobody logs in to a community."""
    return ("active", "contribute") if dimension == "community" else MEASURES


def somebody_active(people: Collection[Person], at: int) -> bool:
    """Whether anybody who counts is in the longest window, and so any window is not empty."""
    return any(counts(p.entry) and newest(p.acts.get((None, "active"), []), at) > at - WINDOWS[-1] for p in people)


class Steps:
    """Rows of `active_people`, step after step."""

    def __init__(self) -> None:
        self.rows: dict[ActiveKey, ActiveRow] = {}
        self.shown: set[Name] = set()  # rows above zero when their dimension was last published

    def publish(self, people: Collection[Person], at: int) -> None:
        """Write all rows of the step that ends at `at`."""
        dimensions = {"company", "region", "department"}
        if at % HOUR == 0:
            dimensions |= {"manager", "community"}
        enabled, present, adopted = count(people, at, dimensions)
        alive = {(*segment, measure) for segment in enabled for measure in measures_of(segment[0])}
        alive |= present.keys()
        last_zeros = {name for name in self.shown if name[0] in dimensions}
        always = {("company", "all", measure) for measure in MEASURES}
        for name in alive | last_zeros | always:
            in_enabled = enabled[name[:2]]
            share = adopted[name] / in_enabled if in_enabled else 0.0
            w5m, w1h, w24h, w7d, w28d = present.get(name, [0] * 5)
            row = ActiveRow(in_enabled, w5m, w1h, w24h, w7d, w28d, adoption_7d=share)
            self.rows[ActiveKey(at // 1000, *name)] = row
        self.shown = self.shown - last_zeros | alive


def count(
    people: Collection[Person], at: int, dimensions: Collection[str]
) -> tuple[Counter[Segment], dict[Name, list[int]], Counter[Name]]:
    """Enabled people per segment; people per window, and adopters, per segment and measure."""
    enabled: Counter[Segment] = Counter()
    present: defaultdict[Name, list[int]] = defaultdict(lambda: [0] * len(WINDOWS))
    adopted: Counter[Name] = Counter()
    for person in people:
        if not counts(person.entry):
            continue
        belongs = [segment for segment in belonging(person, at) if segment[0] in dimensions]
        for segment in belongs:
            enabled[segment] += 1
        for segment, measure, seen in appearances(person, at):
            if segment[0] not in dimensions:
                continue
            name = (*segment, measure)
            for i, width in enumerate(WINDOWS):
                present[name][i] += seen > at - width
            if seen > at - 7 * DAY and segment in belongs:
                adopted[name] += 1
    return enabled, present, adopted


def belonging(person: Person, at: int) -> list[Segment]:
    """The segments in whose `enabled` the person is."""
    if person.entry is None or not person.entry.in_enabled:
        return []
    return homes(person.entry) + [("community", name) for name in person.communities(at)]


def appearances(person: Person, at: int) -> Iterator[tuple[Segment, str, int]]:
    """Each segment and measure in which the person was within the longest window, and when last."""
    at_home = homes(person.entry)
    for (community, measure), times in person.acts.items():
        seen = newest(times, at)
        if seen > at - WINDOWS[-1]:
            for segment in at_home if community is None else [("community", community)]:
                yield segment, measure, seen
