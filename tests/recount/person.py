"""All that is remembered of one person, and the questions asked of it.

Rules: no clock and no watermark of its own; whoever calls says what time it is. Times are unix milliseconds.
"""

from bisect import bisect_right, insort
from collections import Counter, defaultdict

from tests.recount.reading import UNLISTED, Act, Entry
from tests.recount.rows import PersonRow

NEVER = -(1 << 62)


def newest(times: list[int], at: int) -> int:
    """The last of the sorted times that is not after `at`."""
    before = bisect_right(times, at)
    return times[before - 1] if before else NEVER


class Past:
    """What transitions ask of a person's past: what was folded into closed steps, and which silences were told."""

    def __init__(self) -> None:
        self.open: list[tuple[int, Act]] = []  # (end of the step that it falls into, act) of steps still open
        self.last_activity: int | None = None
        self.contributed = False
        self.inside = False  # enabled, of kind person
        self.told: set[tuple[str, int]] = set()  # (kind of silence, last active day)


class Person:
    """Somebody who is in the directory, or acted, or both."""

    def __init__(self) -> None:
        self.entries: list[tuple[int, Entry]] = []  # (watermark when it was read, entry), in order of reading
        # (community or None for anywhere, measure) -> sorted times
        self.acts: defaultdict[tuple[str | None, str], list[int]] = defaultdict(list)
        self.joined: defaultdict[str, list[int]] = defaultdict(list)  # community -> sorted times
        self.left: defaultdict[str, list[int]] = defaultdict(list)
        self.created: defaultdict[str, list[int]] = defaultdict(list)
        self.counters: Counter[str] = Counter()
        self.ids: dict[tuple[str, str], int] = {}  # (source, id) -> time
        # deed -> (day from which it is known, day on which it was done) -> how often
        self.deeds: defaultdict[str, Counter[tuple[int, int]]] = defaultdict(Counter)
        self.member_of: list[str] = []  # communities, by the step closed last
        self.stage: str | None = None  # of the journey, at the end of the day closed last, if enabled then
        self.past = Past()

    @property
    def entry(self) -> Entry | None:
        """The directory's newest word on the person."""
        return self.entries[-1][1] if self.entries else None

    def entry_at(self, closing: int) -> Entry | None:
        """What the directory said when the minute closed that ends at `closing`."""
        return next((entry for watermark, entry in reversed(self.entries) if watermark <= closing), None)

    def repeated(self, act: Act, watermark: int) -> bool:
        """Whether this id is known from within 24 h behind the watermark; from now on it is."""
        known_time = self.ids.get((act.source, act.id))
        if known_time is not None and watermark - known_time <= 24 * 3_600_000:
            return True
        self.ids[act.source, act.id] = act.time
        return False

    def see(self, act: Act) -> None:
        """Remember when what was done, in no particular order of time."""
        for measure in act.measures:
            insort(self.acts[None, measure], act.time)
            if act.community is not None:
                insort(self.acts[act.community, measure], act.time)
        if act.community is not None and act.verb in {"join", "create_community"}:
            insort(self.joined[act.community], act.time)
        if act.community is not None and act.verb == "create_community":
            insort(self.created[act.community], act.time)
        if act.community is not None and act.verb == "leave":
            insort(self.left[act.community], act.time)

    def do(self, act: Act, day: int, known: int) -> None:
        """Remember on which local day what was done, and from which day on that is known."""
        for deed in act.deeds:
            self.deeds[deed][known, day] += 1

    def times(self, deed: str, at: int, days: int | None = None) -> Counter[int]:
        """How often the person did it by day, by what is known at the end of day `at`; of the last `days`, or ever."""
        found: Counter[int] = Counter()
        for (known, day), often in self.deeds.get(deed, {}).items():
            if known <= at and (days is None or at - day < days):
                found[day] += often
        return found

    def communities(self, at: int) -> list[str]:
        """Whose member the person is: the later of join and leave decides, a tie leaves."""
        return [
            community
            for community, times in self.joined.items()
            if newest(times, at) > newest(self.left.get(community, []), at)
        ]

    def owned(self, at: int) -> list[str]:
        """Which communities the person created and did not leave since."""
        return [
            community
            for community, times in self.created.items()
            if newest(times, at) > newest(self.left.get(community, []), at)
        ]

    def row(self) -> PersonRow | None:
        """The person's row of the view, none for somebody unlisted who never acted."""
        active = self.acts.get((None, "active"), [])
        logins = self.acts.get((None, "login"), [])
        contributions = self.acts.get((None, "contribute"), [])
        if self.entry is None and not active:
            return None
        entry = self.entry or UNLISTED
        return PersonRow(
            kind=entry.kind,
            listed=self.entry is not None,
            enabled=entry.enabled,
            region=entry.region,
            department=entry.department,
            manager=entry.manager,
            leader=entry.leader,
            ambassador=entry.ambassador,
            first_seen=active[0] if active else None,
            last_seen=active[-1] if active else None,
            last_login=logins[-1] if logins else None,
            last_contribution=contributions[-1] if contributions else None,
            logins=self.counters["logins"],
            presences=self.counters["presences"],
            reactions=self.counters["reactions"],
            contributions=self.counters["contributions"],
        )
