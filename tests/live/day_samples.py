"""A simulated company in which everything happens to people that the views of days tell apart.

Eleven weeks at a low rate, so that people fall silent and return, then nothing for 40 days, then two weeks more. More
than the simulation does, people are disabled and enabled again, become guests, leaders and ambassadors, are forgotten
and listed anew; managers report to each other in a loop, or to somebody who is in no directory.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

from agents.simulation import Company
from tests.recount import Recount, recount

Json = dict[str, Any]

PEOPLE: Final = 72
FIRST_DAYS, SILENT_DAYS, LAST_DAYS = 77, 40, 14
TARGETS: Final[Json] = {
    "default": 0.5,
    "company": {"all": 0.625},
    "region": {"ES": 0.75, "SE": 0.25},
    "department": {"Sales": 0.1},
    "community": {"news": 0.9},
}


@dataclass(frozen=True)
class DaySample:
    """A record and what the views must hold after it."""

    directory: list[Json]
    record: list[Json]
    timezone: str
    step_seconds: int
    expected: Recount


@cache
def eventful(seed: int, timezone: str, start: datetime, step_seconds: int = 3600) -> DaySample:
    """Make the sample with `TARGETS`; `start` is the UTC midnight at which the first eleven weeks begin."""
    first = _company(seed, start, FIRST_DAYS, step_seconds)
    again = _company(seed, start + timedelta(days=FIRST_DAYS + SILENT_DAYS), LAST_DAYS, step_seconds)
    dice = random.Random(seed)
    directory = list(_odd_managers([json.loads(line) for line in first.directory()]))
    entries = {entry["person"]: entry for entry in directory}
    record = [line for company in (first, again) for line in _changed(company, entries, dice)]
    expected = recount(record, directory, step_seconds=step_seconds, timezone=timezone, targets=TARGETS)
    return DaySample(directory, record, timezone, step_seconds, expected)


def _company(seed: int, start: datetime, days: int, step_seconds: int) -> Company:
    return Company(
        people=PEOPLE,
        seed=seed,
        start=start,
        days=days,
        rate=70 / 86_400,
        communities=4,
        step_seconds=step_seconds,
        shuffle_seconds=100,
        duplicates=0.03,
        late=0.03,
        edges=0.1,
        heartbeat_seconds=6 * 3600,
        source=f"/simulation/{seed}/{start:%Y-%m-%d}",
    )


def _odd_managers(directory: list[Json]) -> Iterator[Json]:
    """Let the two at the top report to each other, and some people to somebody who is not listed."""
    top, below = directory[0]["person"], next(e["person"] for e in directory if e["manager"] == directory[0]["person"])
    for place, entry in enumerate(directory):
        manager = below if entry["person"] == top else "somebody" if place % 24 == 23 else entry["manager"]
        yield entry | {"manager": manager}


def _changed(company: Company, entries: dict[str, Json], dice: random.Random) -> Iterator[Json]:
    """Yield the record with more changes of the directory: about one in two days."""
    chance = 0.5 * company.days / company.expected_events
    for line in map(json.loads, company.lines()):
        if "person" in line:
            entries[line["person"]] = line
        entries.pop(line.get("forget"), None)
        yield line
        if dice.random() < chance:
            yield from _change(entries, dice)


def _change(entries: dict[str, Json], dice: random.Random) -> Iterator[Json]:
    """Change something about somebody; sometimes forget them, and list them anew."""
    entry = entries[dice.choice(sorted(entries))]
    changed = entry | dice.choice(
        [
            {"enabled": not entry["enabled"]},
            {"enabled": True, "kind": "person" if entry["kind"] != "person" else dice.choice(["guest", "service"])},
            {"leader": not entry["leader"]},
            {"ambassador": not entry["ambassador"]},
            {"region": dice.choice(["ES", "SE", None])},
            {"department": dice.choice(["Sales", "HR", None]), "manager": dice.choice(sorted(entries))},
        ]
    )
    if dice.random() < 0.1:
        yield {"forget": entry["person"]}
    entries[entry["person"]] = changed
    yield changed


SPRING: Final = datetime(2026, 3, 1, tzinfo=UTC)  # Europe's clocks change on 29 March, Egypt's at midnight of 24 April
APIA: Final = datetime(2011, 11, 27, tzinfo=UTC)  # Samoa skipped 30 December
