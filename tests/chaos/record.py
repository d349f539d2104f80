"""A made-up company's record in pieces that mean the same at any pace, and what the views must hold after it.

Rules: pure; the same seed gives the same pieces. What a piece may hold, so that dying workers change no number:

    lines       in time, or early enough not to be late however the topics are read
    late lines  a piece of their own, after a heartbeat at the newest time to all partitions
    changes     of the directory: pieces of their own, `calm`: sent when all before is closed (hence a heartbeat) and
                safe in a checkpoint; for steps that are closed again after a crash see the directory of now
    refused     messages that are no events, anywhere

    record       a day or so, steps of a minute
    drop_record  weeks of a company that loses people, steps of an hour; only its last days are worth disturbing
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from agents.simulation import REGIONS, Company, Drop
from agents.simulation.hostile import REFUSED
from tests.recount import Recount, recount
from tests.recount.lines import heartbeat
from tests.recount.reading import milliseconds

Json = dict[str, Any]
LATENESS_MS = 120_000
WORKING_DAYS = 5
OUT_OF_ORDER: dict[str, Any] = {"shuffle_seconds": 100, "duplicates": 0.03, "late": 0.03}


@dataclass
class Piece:
    """Lines to send at once; `calm`: only after everything before is safe."""

    lines: list[bytes] = field(default_factory=list)
    calm: bool = False


@dataclass(frozen=True)
class Record:
    """What is sent and what must be found."""

    directory: list[bytes]
    pieces: list[Piece]
    bad: int
    expected: Recount
    step_seconds: int
    hurried: int = 0
    """So many pieces at the beginning only lead up to what is of interest."""
    drops: int = 0
    """So many drops are simulated."""


@cache
def record(seed: int, *, people: int, hours: float, events: int, pieces: int, step_seconds: int = 60) -> Record:
    """Make up a company's day with everything that can be out of order."""
    return _record(
        Company(
            people=people,
            seed=seed,
            start=datetime(2026, 3, 28, 20, tzinfo=UTC),
            days=hours / 24,
            rate=events / 3600 / hours,
            communities=6,
            step_seconds=step_seconds,
            edges=0.1,
            heartbeat_seconds=3600,
            **OUT_OF_ORDER,
        ),
        pieces,
    )


@cache
def drop_record(seed: int, *, people: int = 150, learning: int = 15, days: int = 23, pieces: int = 180) -> Record:
    """Make up weeks of a company: after the days of `learning`, somebody stays away on each working day."""
    dice = random.Random(seed)
    start = datetime(2026, 3, 2, tzinfo=UTC)
    who = [("department", "Sales"), ("company", "all"), ("department", "IT"), ("region", REGIONS[0].name)]
    mornings = [start + timedelta(days=day, hours=9) for day in range(learning, days) if day % 7 < WORKING_DAYS]
    drops = [
        Drop(*who[number % len(who)], dice.uniform(0.6, 1), round(morning.timestamp() * 1000), dice.randint(5, 20))
        for number, morning in enumerate(mornings)
    ]
    company = Company(
        people=people,
        seed=seed,
        start=start,
        days=days,
        regions=REGIONS[:2],
        departments=("Sales", "IT", "Legal"),
        communities=6,
        step_seconds=3600,
        drops=tuple(drops),
        heartbeat_seconds=300,
        **OUT_OF_ORDER,
    )
    made = _record(company, pieces)
    return replace(made, hurried=len(made.pieces) * learning // days, drops=len(drops))


def _record(company: Company, pieces: int) -> Record:
    directory = [json.loads(line) for line in company.directory()]
    lines = [json.loads(line) for line in company.lines()]
    cut = list(_cut(lines, max(1, len(lines) // pieces)))
    counted = [line for part, _ in cut for line in part]
    made = [Piece([json.dumps(line).encode() for line in part], calm) for part, calm in cut]
    bad = _spoil(made, random.Random(company.seed))
    step_seconds = company.step_seconds
    return Record(
        [json.dumps(line).encode() for line in directory],
        made,
        bad,
        recount(counted, directory, step_seconds=step_seconds),
        step_seconds,
    )


def _cut(lines: list[Json], size: int) -> Iterator[tuple[list[Json], bool]]:
    """Return (lines, calm) for each piece."""
    newest = 0
    source = next(line["source"] for line in lines if "source" in line)
    part: list[Json] = []
    late: list[Json] = []

    def flush(*, beat: bool = False) -> Iterator[tuple[list[Json], bool]]:
        if part or beat:
            yield [*part, *([heartbeat(_told(newest)) | {"source": source}] if late or beat else [])], False
        if late:
            yield list(late), False
        part.clear()
        late.clear()

    for line in lines:
        if "type" not in line:
            yield from flush(beat=newest > 0)
            yield [line], True
            continue
        time = milliseconds(line["time"])
        (late if time < newest - LATENESS_MS else part).append(line)
        newest = max(newest, time)
        if len(part) >= size:
            yield from flush()
    yield from flush()


def _told(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _spoil(pieces: list[Piece], dice: random.Random) -> int:
    """Put messages that must be refused between the lines; return how many."""
    kinds = [message for reason, message in REFUSED.items() if reason != "too_large"]
    count = 0
    for piece in pieces:
        for _ in range(0 if piece.calm else dice.randint(0, 3)):
            count += 1
            message = dice.choice(kinds).replace(b"NUMBER", b"%d" % count).replace(b"TIME", b"2026-03-28T21:00:00Z")
            piece.lines.insert(dice.randint(0, len(piece.lines)), message.replace(b"LONG", b"u" * 257))
    return count
