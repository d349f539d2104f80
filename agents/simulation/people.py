"""Who is in the company: people, guests, service accounts and strangers, as columns indexed by person.

The order of persons: first the `people` of the directory, then those who will be hired during the run, guests,
service accounts, and last the people whom no directory knows. Absent region, department or manager is -1.
"""

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from agents.simulation.dice import Dice, Ints, Mask
from agents.simulation.regions import Region

LURKER, CONTRIBUTOR, CREATOR, MACHINE = range(4)
KINDS: Final = ("person", "guest", "service")
PERSON, GUEST, SERVICE = range(3)
SPAN: Final = 6  # direct reports of a manager


@dataclass
class Staff:
    """Columns over everybody who can act."""

    ids: list[str]
    regions: tuple[Region, ...]
    departments: tuple[str, ...]
    kind: NDArray[np.int8]
    listed: Mask
    enabled: Mask
    region: Ints
    department: Ints
    manager: Ints
    leader: Mask
    ambassador: Mask
    role: NDArray[np.int8]
    weight: Ints  # how often this person turns up
    reports: Ints
    people: int
    hired: range

    def record(self, person: int, **changed: Any) -> bytes:
        """Encode a directory record; `changed` overrides fields."""
        region = int(self.region[person])
        department, boss = int(self.department[person]), int(self.manager[person])
        known = region >= 0
        fields: dict[str, Any] = {
            "person": self.ids[person],
            "enabled": bool(self.enabled[person]),
            "kind": KINDS[self.kind[person]],
            "region": self.regions[region].name if known else None,
            "department": self.departments[department] if department >= 0 else None,
            "manager": self.ids[boss] if boss >= 0 else None,
            "leader": bool(self.leader[person]),
            "ambassador": bool(self.ambassador[person]),
            "timezone": self.regions[region].timezone if known else None,
        }
        return msgspec.json.encode(fields | changed)


def found(seed: int, people: int, regions: tuple[Region, ...], departments: tuple[str, ...], hires: int) -> Staff:
    """Make the company's people."""
    dice = Dice(seed, "people")
    guests, machines, strangers = people // 25 + 1, people // 100 + 1, people // 50 + 1
    total = people + hires + guests + machines + strangers
    kind = np.repeat(np.array([PERSON, GUEST, SERVICE, PERSON], np.int8), [people + hires, guests, machines, strangers])
    staff = Staff(
        ids=_ids(people + hires, guests, machines, strangers),
        regions=regions,
        departments=departments,
        kind=kind,
        listed=np.arange(total) < total - strangers,
        enabled=np.ones(total, dtype=np.bool_),
        region=dice.pick(np.cumsum([region.weight for region in regions]), total),
        department=dice.pick(np.cumsum(range(len(departments) + 2, 2, -1)), total),
        manager=np.full(total, -1, dtype=np.int64),
        leader=np.zeros(total, dtype=np.bool_),
        ambassador=np.zeros(total, dtype=np.bool_),
        role=np.zeros(total, dtype=np.int8),
        weight=1 + dice.below(9, total),
        reports=np.zeros(total, dtype=np.int64),
        people=people,
        hired=range(people, people + hires),
    )
    _line_management(staff)
    _roles(staff, dice)
    _gaps(staff, dice)
    _newcomers(staff, dice)
    return staff


def _ids(people: int, guests: int, machines: int, strangers: int) -> list[str]:
    """Name everybody: u = person, g = guest, s = service account, x = known to no directory."""
    sizes = {"u": people, "g": guests, "s": machines, "x": strangers}
    return [f"{letter}{number}" for letter, size in sizes.items() for number in range(1, size + 1)]


def _line_management(staff: Staff) -> None:
    """Give each department a tree of managers under the first person; leaders are its upper three levels."""
    depth = np.zeros(staff.people, dtype=np.int64)
    for department in range(len(staff.departments)):
        members = np.flatnonzero(staff.department[1 : staff.people] == department) + 1
        if len(members):
            above = (np.arange(len(members)) - 1) // SPAN
            staff.manager[members] = np.where(above >= 0, members[above], 0)
            for place, member in enumerate(members.tolist()):
                depth[member] = depth[members[above[place]]] + 1 if place else 1
    bosses = staff.manager[staff.manager >= 0]
    staff.reports = np.bincount(bosses, minlength=len(staff.ids)).astype(np.int64)
    staff.leader[: staff.people] = (depth <= 2) & (staff.reports[: staff.people] > 0)


def _roles(staff: Staff, dice: Dice) -> None:
    """Ninety in a hundred read, nine join in, one creates; a few never come at all."""
    everyone = np.arange(len(staff.ids))
    silent = dice.some(everyone[: staff.people], 0.04)
    active = dice.some(everyone, 0.10)
    creators = dice.some(active, 0.10)
    staff.weight[silent] = 0
    staff.role[active], staff.weight[active] = CONTRIBUTOR, 15 + dice.below(20, len(active))
    staff.role[creators], staff.weight[creators] = CREATOR, 50 + dice.below(50, len(creators))
    machines = staff.kind == SERVICE
    staff.role[machines], staff.weight[machines] = MACHINE, 30
    staff.ambassador[dice.some(np.flatnonzero(~staff.leader[: staff.people]), 0.03)] = True


def _gaps(staff: Staff, dice: Dice) -> None:
    """Leave out what real directories leave out; only people without reports, so that the tree stays whole."""
    leaves = np.flatnonzero(staff.reports[: staff.people] == 0)
    staff.region[dice.some(leaves, 0.02)] = -1
    staff.department[dice.some(leaves, 0.02)] = -1
    staff.manager[dice.some(leaves, 0.02)] = -1
    staff.enabled[dice.some(leaves, 0.02)] = False


def _newcomers(staff: Staff, dice: Dice) -> None:
    """Those who come later work beside somebody; guests have a region, machines and strangers have nothing."""
    beside = dice.below(staff.people, len(staff.hired))
    newcomers = np.array(staff.hired, dtype=np.int64)
    for column in (staff.region, staff.department, staff.manager):
        column[newcomers] = column[beside]
    outside = np.arange(len(staff.ids)) >= staff.hired.stop
    staff.department[outside] = -1
    staff.region[~staff.listed | (staff.kind == SERVICE)] = -1
