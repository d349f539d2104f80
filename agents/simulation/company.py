"""The made-up company: its settings, its directory and its record. Pure; the same arguments give the same bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import chain
from typing import Final

import numpy as np

from agents.errors import Usage
from agents.simulation import changes as change
from agents.simulation.content import Content
from agents.simulation.dice import Ints, Mask
from agents.simulation.disorder import Disorder
from agents.simulation.drops import Drop, Silence
from agents.simulation.encoding import Encoder
from agents.simulation.hostile import COMMUNITIES as ODD_COMMUNITIES
from agents.simulation.hostile import DEPARTMENTS as ODD_DEPARTMENTS
from agents.simulation.hostile import PEOPLE as ODD_PEOPLE
from agents.simulation.hostile import Hostile
from agents.simulation.people import Staff, found
from agents.simulation.regions import DEPARTMENTS, REGIONS, TOPICS, Region
from agents.simulation.sessions import ACT, FAILED, LOGIN, Rows, Sessions

MONDAY: Final = datetime(2026, 3, 2, tzinfo=UTC)
PER_PERSON_DAY: Final = 20
PIECE: Final = 8192  # rows that are given their acts at once; the communities' rings must hold what they write


@dataclass(frozen=True)
class Company:
    """All that can be chosen. `rate` is events a second over everybody and the whole run, None = 20 a person and day.

    `shuffle_seconds`: events stand in the file at most this much behind the newest time so far (at most the lateness).
    `duplicates`, `late`, `edges`: shares of the events that come twice, come later than the lateness, or lie on (or a
    millisecond beside) an edge of a step, minute or hour. `hostile` adds messages that must be refused, and odd names.
    """

    people: int = 200
    seed: int = 1
    start: datetime = MONDAY
    days: float = 7
    rate: float | None = None
    regions: tuple[Region, ...] = REGIONS
    departments: tuple[str, ...] = DEPARTMENTS
    communities: int = 0  # 0 = one for every ten people, 6 to 300
    drops: tuple[Drop, ...] = ()
    step_seconds: int = 60
    lateness_seconds: int = 120
    heartbeat_seconds: int = 60
    shuffle_seconds: float = 0
    duplicates: float = 0
    late: float = 0
    edges: float = 0
    hostile: bool = False
    source: str = ""  # of all events; default /simulation/SEED, so that two companies do not duplicate each other

    def __post_init__(self) -> None:
        """Refuse what makes no company."""
        if self.people < 2 or self.days <= 0 or self.communities < 0 or (self.rate is not None and self.rate <= 0):
            raise Usage("a company needs two people, some time and some events: --people, --days and --rate")
        if self.start.tzinfo is None:
            raise Usage("the start needs a zone; write it like 2026-03-02T00:00Z")
        if not 0 <= self.shuffle_seconds <= self.lateness_seconds:
            raise Usage("events may be shuffled by at most the lateness, or they would be late: lower --shuffle")
        if not all(drop.start_ms < self.end_ms and drop.end_ms > self.start_ms for drop in self.drops):
            raise Usage("a drop lies outside the run: move it or --start, or take more --days")
        if not all(0 <= share <= 1 for share in (self.duplicates, self.late, self.edges)):
            raise Usage("--duplicates, --late and --edges are shares between 0 and 1")

    @property
    def start_ms(self) -> int:
        """Return the first moment in ms."""
        return round(self.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """Return the last moment in ms: the time of the last heartbeat; no event is later."""
        return self.start_ms + round(self.days * 86_400_000)

    @property
    def events_per_second(self) -> float:
        """Return the average rate that was asked for."""
        return self.rate or self.people * PER_PERSON_DAY / 86_400

    @property
    def expected_events(self) -> int:
        """Return about how many events the record has, before drops and leavers take theirs."""
        return round(self.events_per_second * self.days * 86_400)

    @property
    def community_names(self) -> tuple[str, ...]:
        """Return the ids of the communities that exist from the beginning."""
        count = self.communities or min(max(6, self.people // 10), 300)
        names = (
            TOPICS[n % len(TOPICS)] + (f"-{n // len(TOPICS) + 1}" if n >= len(TOPICS) else "") for n in range(count)
        )
        return (*names, *(ODD_COMMUNITIES if self.hostile else ()))

    @cached_property
    def staff(self) -> Staff:
        """Return everybody who can act, as columns."""
        hires = change.hires(self.people, self.days)
        departments = (*self.departments, *(ODD_DEPARTMENTS if self.hostile else ()))
        staff = found(self.seed, self.people, self.regions, departments, hires)
        if self.hostile:
            odd = ODD_PEOPLE[: self.people]
            staff.ids[: len(odd)] = odd  # managers and leaders among them
        return staff

    @cached_property
    def changes(self) -> change.Changes:
        """Return what changes in the directory during the run."""
        return change.plan(self.seed, self.staff, self.start_ms, self.end_ms)

    def directory(self) -> list[bytes]:
        """Return the directory as it is at the start, one JSON record per listed profile."""
        staff = self.staff
        return [staff.record(who) for who in np.flatnonzero(staff.listed).tolist() if who not in staff.hired]

    def lines(self) -> Iterator[bytes]:
        """Yield the record line by line in the order of the file, without line ends. Each call begins anew."""
        return chain.from_iterable(self.batches())

    def batches(self) -> Iterator[list[bytes]]:
        """Yield the record in lists of lines: events, heartbeats and changes of the directory."""
        return Run(self).batches()


class Run:
    """One telling of the record; holds all that changes while it is told."""

    def __init__(self, company: Company) -> None:
        self._company, self._staff, self._changes = company, company.staff, company.changes
        seed, staff = company.seed, company.staff
        self._content = Content(seed, staff, company.community_names, company.days)
        self._sessions = Sessions(seed, staff, company.start_ms, company.end_ms, company.events_per_second)
        self._silence = Silence(seed, company.drops, staff, company.changes, company.community_names)
        self._encoder = Encoder(seed, company.source or f"/simulation/{seed}", staff, self._content)
        self._hostile = Hostile(seed) if company.hostile else None
        self._disorder = Disorder(
            seed,
            company.end_ms,
            shuffle_ms=round(company.shuffle_seconds * 1000),
            duplicates=company.duplicates,
            late=company.late,
            lateness_ms=company.lateness_seconds * 1000,
            heartbeat_ms=company.heartbeat_seconds * 1000,
        )

    def batches(self) -> Iterator[list[bytes]]:
        """Yield lists of lines."""
        company = self._company
        grids = (company.step_seconds * 1000, 60_000, 300_000, 3_600_000)
        low, beat = company.start_ms, company.heartbeat_seconds * 1000
        first = low
        for high, rows in self._sessions.batches(company.edges, grids):
            times, lines = self._tell(rows)
            beats = np.unique(np.append(np.arange(first, high, beat), high))
            asides = self._asides(low, high, times, lines)
            first, low = high + beat, high
            yield self._disorder.arrange(times, lines, asides, (beats, self._encoder.heartbeats(beats)))
        yield self._disorder.rest()

    def _asides(self, low: int, high: int, times: Ints, lines: list[bytes]) -> tuple[Ints, list[bytes]]:
        """Return what stands between the events: changes of the directory, and in a hostile world what is refused."""
        at = self._changes.at
        said = slice(*np.searchsorted(at, [low, high]).tolist())
        if self._hostile is None:
            return at[said], self._changes.lines[said]
        self._hostile.respell(times, lines)
        refused_at, refused = self._hostile.refused(times)
        return np.concatenate([at[said], refused_at]), self._changes.lines[said] + refused

    def _tell(self, rows: Rows) -> tuple[Ints, list[bytes]]:
        """Turn rows into lines, a piece at a time, in order of time."""
        rows = rows[self._changes.present(rows.actor, rows.time)]
        rows = self._shut_out(rows)
        times, lines = [np.empty(0, dtype=np.int64)], list[bytes]()
        for begin in range(0, len(rows.time), PIECE):
            piece = rows[begin : begin + PIECE]
            logins = piece[piece.what != ACT]
            logins = logins[~self._missing(logins.actor, logins.time, None)]
            doing = piece[piece.what == ACT]
            acts = self._content.perform(doing.time, doing.actor, self._allowed)
            time = np.concatenate([logins.time, acts.time])
            order = np.argsort(time, kind="stable")
            told = self._encoder.logins(logins) + self._encoder.content(acts)
            times.append(time[order])
            lines += [told[row] for row in order.tolist()]
        return np.concatenate(times), lines

    def _shut_out(self, rows: Rows) -> Rows:
        """Let who has left fail to log in, and only every fourth of them act on (a session that nobody ended)."""
        left = rows.time >= self._changes.left_at[rows.actor]
        if not left.any():
            return rows
        rows.what[left & (rows.what == LOGIN) & (rows.actor % 4 != 0)] = FAILED
        return rows[~left | (rows.what != ACT) | (rows.actor % 4 == 0)]

    def _missing(self, actor: Ints, time: Ints, bucket: Ints | None) -> Mask:
        return self._silence.covers(actor, time, self._content.communities.names, bucket)

    def _allowed(self, actor: Ints, time: Ints, bucket: Ints) -> Mask:
        """Tell which acts may be in the record."""
        stays = (time < self._changes.left_at[actor]) | (actor % 4 == 0)
        allowed: Mask = self._changes.present(actor, time) & stays & ~self._missing(actor, time, bucket)
        return allowed
