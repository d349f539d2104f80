"""What changes in the directory during the run: moves, leavers, people to be forgotten, people hired.

Everybody changes at most once. Times are int64 milliseconds; NEVER where it does not happen.
"""

from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from agents.simulation.dice import Dice, Ints, Mask
from agents.simulation.people import Staff

NEVER: Final = 1 << 62
MONTHLY: Final = {"move": 0.03, "leave": 0.015, "forget": 0.004, "hire": 0.015}  # shares of the people, in 30 days


@dataclass
class Changes:
    """When each person's record changes, and the lines that say so, by time."""

    hired_at: Ints
    left_at: Ints
    forgotten_at: Ints
    moved_at: Ints
    new_department: Ints
    new_manager: Ints
    at: Ints
    lines: list[bytes]

    def present(self, actor: Ints, time: Ints) -> Mask:
        """Tell who is there: hired already, and if forgotten, only every second one comes back."""
        gone = (time >= self.forgotten_at[actor]) & (actor % 2 == 0)
        here: Mask = (time >= self.hired_at[actor]) & ~gone
        return here

    def department(self, staff: Staff, actor: Ints, time: Ints) -> Ints:
        """Return each actor's department at that time."""
        return np.where(time >= self.moved_at[actor], self.new_department[actor], staff.department[actor])

    def manager(self, staff: Staff, actor: Ints, time: Ints) -> Ints:
        """Return each actor's manager at that time."""
        return np.where(time >= self.moved_at[actor], self.new_manager[actor], staff.manager[actor])


def hires(people: int, days: float) -> int:
    """Return how many people are hired during the run."""
    return max(1, round(people * MONTHLY["hire"] * days / 30))


def plan(seed: int, staff: Staff, start_ms: int, end_ms: int) -> Changes:
    """Decide what changes between start and end, not in the first and last twentieth."""
    dice = Dice(seed, "changes")
    months = (end_ms - start_ms) / (30 * 86_400_000)
    changes = _nothing(staff)
    steady = np.arange(1, staff.people)
    steady = steady[(staff.reports[steady] == 0) & staff.enabled[steady] & (staff.department[steady] >= 0)]
    said: list[tuple[int, bytes]] = []

    def when(people: Ints) -> Ints:
        span = end_ms - start_ms
        return start_ms + span // 20 + dice.below(max(1, span * 9 // 10), len(people))

    for change, column in (
        ("move", changes.moved_at),
        ("leave", changes.left_at),
        ("forget", changes.forgotten_at),
    ):
        chosen = dice.some(steady, min(0.2, MONTHLY[change] * months))
        steady = np.setdiff1d(steady, chosen)
        column[chosen] = when(chosen)
        if change == "move":
            _move(staff, changes, dice, chosen)
        said += [(int(column[person]), _line(staff, changes, change, person)) for person in chosen.tolist()]
    newcomers = np.array(staff.hired, dtype=np.int64)
    changes.hired_at[newcomers] = when(newcomers)
    said += [(int(changes.hired_at[person]), staff.record(person)) for person in staff.hired]
    said.sort()
    changes.at, changes.lines = np.array([at for at, _ in said], dtype=np.int64), [line for _, line in said]
    return changes


def _nothing(staff: Staff) -> Changes:
    """Return a plan in which nothing changes; who is disabled has left before."""
    never = np.full(len(staff.ids), NEVER, dtype=np.int64)
    return Changes(
        hired_at=np.zeros_like(never),
        left_at=np.where(staff.enabled, NEVER, 0),
        forgotten_at=never.copy(),
        moved_at=never.copy(),
        new_department=staff.department.copy(),
        new_manager=staff.manager.copy(),
        at=never[:0],
        lines=[],
    )


def _move(staff: Staff, changes: Changes, dice: Dice, movers: Ints) -> None:
    """Send people to the next department, under somebody who already has reports there."""
    count = len(staff.departments)
    changes.new_department[movers] = (staff.department[movers] + 1) % count
    bosses = np.flatnonzero(staff.reports > 0)
    for mover in movers.tolist():
        there = bosses[staff.department[bosses] == changes.new_department[mover]]
        changes.new_manager[mover] = there[dice.one(len(there))] if len(there) else 0


def _line(staff: Staff, changes: Changes, change: str, person: int) -> bytes:
    """Say a change as a line of the record."""
    if change == "forget":
        return msgspec.json.encode({"forget": staff.ids[person]})
    if change == "leave":
        return staff.record(person, enabled=False)
    department, boss = changes.new_department[person], changes.new_manager[person]
    return staff.record(person, department=staff.departments[department], manager=staff.ids[boss])
