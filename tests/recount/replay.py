"""Reads a record line by line, and closes steps and minutes as the watermark passes them.

Rules: the only file that knows the watermark, lateness and what is closed. One watermark stands for all
partitions: before a replay sends anything late, it sends a heartbeat at the newest time to each of them.
Times are unix milliseconds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from tests.recount.adoption import Targets
from tests.recount.daily import Daily
from tests.recount.days import LocalDays
from tests.recount.firsts import early_adopters, memberships
from tests.recount.person import NEVER, Person
from tests.recount.reading import Act, Entry, Line, milliseconds, read_act, read_entry
from tests.recount.rows import (
    ActiveKey,
    ActiveRow,
    ActivityKey,
    ActivityRow,
    AdoptionRow,
    AdvocacyRow,
    EarlyAdopterRow,
    LeadersKey,
    LeadersRow,
    LifecycleKey,
    MembershipRow,
    MoveKey,
    ParticipationRow,
    PeopleRow,
    PersonRow,
    RoleKey,
    RoleRow,
    SegmentKey,
    SpreadRow,
    StageKey,
    StageRow,
    TransitionKey,
    TransitionRow,
)
from tests.recount.steps import DAY, MINUTE, WINDOWS, Steps, counts, homes, somebody_active
from tests.recount.transitions import Transitions

SHOWN_IN_A_JUMP = 30 * DAY  # so much behind the newest time before it days have rows


@dataclass(frozen=True)
class Recount:
    """All rows that the views must hold, and the records of `esn.transitions`."""

    active_people: dict[ActiveKey, ActiveRow]
    activity: dict[ActivityKey, ActivityRow]
    people: dict[str, PersonRow]
    adoption: dict[SegmentKey, AdoptionRow]
    roles: dict[RoleKey, RoleRow]
    participation: dict[SegmentKey, ParticipationRow]
    journey: dict[StageKey, StageRow]
    journey_moves: dict[MoveKey, PeopleRow]
    lifecycle: dict[LifecycleKey, PeopleRow]
    leaders: dict[LeadersKey, LeadersRow]
    advocacy: dict[SegmentKey, AdvocacyRow]
    spread: dict[SegmentKey, SpreadRow]
    early_adopters: dict[str, EarlyAdopterRow]
    memberships: dict[str, MembershipRow]
    transitions: dict[TransitionKey, TransitionRow]


def recount(
    record: Iterable[Line],
    directory: Iterable[Line] = (),
    *,
    step_seconds: int = 60,
    lateness_seconds: int = 120,
    final_watermark: int | None = None,
    skipping_jump: int | None = 28 * DAY,
    timezone: str = "UTC",
    targets: Targets = MappingProxyType({}),
) -> Recount:
    """Count a record anew.

    `record` holds events, heartbeats, directory records and `{"forget": person}` in the order of sending.
    `final_watermark`: where the last heartbeat moves the watermark (unix milliseconds); by default 1 ms past
    the first step after the newest time of the record. `skipping_jump`: a message that moves the watermark
    by more than this publishes no step whose windows are all empty (None: every step is published), and no day
    long after what came before. `timezone`: of the local days. `targets`: what the file of targets says.
    """
    days = LocalDays(timezone)
    replay = Replay(step_seconds * 1000, lateness_seconds * 1000, skipping_jump, days, Daily(targets))
    for line in [*directory, *record]:
        replay.read(line)
    replay.end(final_watermark)
    daily = replay.daily
    rows = {name: person.row() for name, person in replay.people.items()}
    return Recount(
        active_people=replay.steps.rows,
        activity={key: ActivityRow(events) for key, events in replay.activity.items()},
        people={name: row for name, row in rows.items() if row is not None},
        adoption=daily.adoption,
        roles=daily.roles,
        participation=daily.participation,
        journey=daily.journey,
        journey_moves=daily.journey_moves,
        lifecycle={key: PeopleRow(n) for key, n in replay.transitions.people.items() if key.day in daily.closed},
        leaders=daily.leaders,
        advocacy=daily.advocacy,
        spread=daily.spread.rows,
        early_adopters=early_adopters(replay.people),
        memberships=memberships(replay.people),
        transitions=replay.transitions.records,
    )


class Replay:
    """The state between two lines of a record."""

    def __init__(self, step: int, lateness: int, skipping_jump: int | None, days: LocalDays, daily: Daily) -> None:
        self.step = step
        self.lateness = lateness
        self.skipping_jump = skipping_jump
        self.watermark = NEVER
        self.next_step: int | None = None  # none before the first time of the record
        self.people: dict[str, Person] = {}
        self.ids_of_forgotten: dict[str, dict[tuple[str, str], int]] = {}
        self.steps = Steps()
        self.open_minutes: dict[int, list[Act]] = {}  # start of the minute -> its acts so far
        self.activity: Counter[ActivityKey] = Counter()
        self.days = days
        self.next_day: int | None = None  # none before the first time of the record
        self.jumped: list[tuple[int, int]] = []  # no rows of days that end after the first and not after the second
        self.named: defaultdict[str, list[int]] = defaultdict(list)  # whom -> days from which it is known
        self.daily = daily
        self.transitions = Transitions(days)

    def read(self, line: Line) -> None:
        """Take the next line, whatever it is."""
        if "forget" in line:
            self.forget(line["forget"])
        elif "person" in line:
            person = self.person(line["person"])
            person.entries.append((self.watermark, read_entry(line)))
        elif line["type"] == "esn.heartbeat":
            self.hear(milliseconds(line["time"]))
        else:
            done = read_act(line)
            self.take(done)
            self.hear(done.time)

    def forget(self, name: str) -> None:
        """All of the person goes, also what waits in minutes that are open; what was published stays.

        An event that comes once more still counts once: it does not bring back who was forgotten.
        """
        self.ids_of_forgotten[name] = self.person(name).ids
        del self.people[name]
        self.named.pop(name, None)
        for minute, acts in self.open_minutes.items():
            self.open_minutes[minute] = [act for act in acts if act.actor != name]

    def person(self, name: str) -> Person:
        """Somebody, known or new."""
        if name not in self.people:
            self.people[name] = Person()
            self.people[name].ids = self.ids_of_forgotten.pop(name, {})
        return self.people[name]

    def take(self, act: Act) -> None:
        """Remember an act. The steps that are closed are written already, so it counts in those to come."""
        person = self.person(act.actor)
        too_late = self.watermark - act.time > DAY
        if not too_late and person.repeated(act, self.watermark):
            return
        person.see(act)
        self.date(person, act)
        if too_late:
            return
        if act.counter is not None:
            person.counters[act.counter] += 1
        minute = act.time // MINUTE * MINUTE
        if self.watermark > minute + MINUTE:
            self.tally(act, person.entry_at(minute + MINUTE))
        else:
            self.open_minutes.setdefault(minute, []).append(act)

    def date(self, person: Person, act: Act) -> None:
        """Say in which local day and step an act falls, and from which day on it is known: the first still open."""
        day = self.days.of(act.time)
        known = day if self.watermark == NEVER else max(day, self.days.of(self.watermark - 1))
        person.do(act, day, known)
        for name in act.to:
            self.named[name].append(known)
        if "active" in act.measures:
            step = -(-max(act.time, self.watermark) // self.step) * self.step
            person.past.open.append((step, act))

    def hear(self, time: int) -> None:
        """The feed is alive up to `time`."""
        if self.next_step is None:
            self.next_step = -(-time // self.step) * self.step
            self.next_day = self.days.of(time)
        self.move(time - self.lateness)

    def move(self, watermark: int) -> None:
        """Move the watermark and close what it passes."""
        if watermark <= self.watermark:
            return
        moved_by = 0 if self.watermark == NEVER else watermark - self.watermark
        jump = self.skipping_jump is not None and moved_by > self.skipping_jump
        if jump:
            self.jumped.append((self.watermark + self.lateness + SHOWN_IN_A_JUMP, watermark))
        empty_from = self.watermark + self.lateness + WINDOWS[-1]  # every window is
        self.watermark = watermark
        for minute in sorted(start for start in self.open_minutes if watermark > start + MINUTE):
            for act in self.open_minutes.pop(minute):
                person = self.people.get(act.actor)
                self.tally(act, person.entry if person else None)
        while self.next_step is not None and watermark > self.next_step:
            self.close_days(self.next_step)
            if not jump or self.next_step < empty_from or somebody_active(self.people.values(), self.next_step):
                self.steps.publish(self.people.values(), self.next_step)
                self.transitions.close_step(self.people, self.next_step, self.next_day or 0)
                for person in self.people.values():
                    person.member_of = person.communities(self.next_step)
            self.next_step += self.step
        self.close_days(watermark)

    def close_days(self, before: int) -> None:
        """Close the days that end before this time; the steps that end up to a day's end are closed already."""
        while self.next_day is not None and self.days.end(self.next_day) < before:
            day, end = self.next_day, self.days.end(self.next_day)
            if self.days.exists(day) and not any(low < end <= high for low, high in self.jumped):
                self.daily.close(day, self.people, self.named)
                self.transitions.close_day(self.people, day)
            self.next_day += 1

    def tally(self, act: Act, entry: Entry | None) -> None:
        """Count an act in the activity of its minute, if its person counts."""
        if not counts(entry):
            return
        segments = homes(entry) + ([("community", act.community)] if act.community is not None else [])
        start = act.time // MINUTE * 60
        for segment in segments:
            self.activity[ActivityKey(start, *segment, act.verb, act.object_kind, act.client)] += 1

    def end(self, final_watermark: int | None) -> None:
        """The last heartbeat: closes the step after the newest time."""
        if self.next_step is None:
            return
        newest = self.watermark + self.lateness
        self.move((newest // self.step + 1) * self.step + 1 if final_watermark is None else final_watermark)
