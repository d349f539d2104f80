"""A long run: python -m tests.chaos --seed 1 --minutes 60

Rounds of some minutes each, on servers of their own: a new company under a new prefix, its record sent in pieces, one
disturbance after the other from a seeded schedule, and everything compared at the end. Every third company has
weeks, steps of an hour and drops. Prints a line per disturbance and per kill, and how often each point was hit.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import click

from agents.settings import Settings
from deploy.local.stack import Stack
from tests.chaos.disturbances import Crew, clickhouse_away, kill_somewhere, schedule
from tests.chaos.points import POINTS
from tests.chaos.record import Record, drop_record, record
from tests.chaos.sender import sending
from tests.chaos.site import Site
from tests.chaos.undisturbed import undisturbed

DROPS = 2
"""Of three rounds, the one with a company that loses people."""
REST_SECONDS = 60
"""Who waits so long for all to be safe is left alone: killed again and again, a slow machine never gets there."""
DYNAMIC = 2
"""Of four rounds, the one whose workers have no names: whoever dies is missed for a while, then partitions move."""


def main(arguments: list[str] | None = None) -> int:
    """Run until the minutes are over; 0 if nothing was lost and nothing doubled."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--home", type=Path, help="keep data and logs here (default: a temporary directory)")
    parser.add_argument(
        "--outage", type=float, default=0, metavar="MINUTES", help="ClickHouse is away for so long in the second round"
    )
    given = parser.parse_args(arguments)
    home = given.home or Path(tempfile.mkdtemp(prefix="esn-chaos-"))
    run = Run(given.seed, given.partitions, home)
    click.echo(f"seed {given.seed}, {given.minutes:g} minutes, data and logs in {home}")
    with run.stack.running():
        number = 0
        while number == 0 or run.seconds < given.minutes * 60 - 60:
            run.round(number, outage=60 * given.outage if number == 1 else 0)
            number += 1
    return run.sum_up()


class Run:
    """All rounds on one stack."""

    def __init__(self, seed: int, partitions: int, home: Path) -> None:
        self.seed, self.partitions, self.home = seed, partitions, home
        self.stack = Stack(home / "servers", Settings.from_env({}).cache)
        self.counts: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest_stop, self.largest_mib = 0.0, 0
        self._began = time.monotonic()
        self._next = schedule(random.Random(seed))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def say(self, line: str) -> None:
        """Print a line with the time."""
        click.echo(f"{self.seconds:7.1f}  {line}")

    def round(self, number: int, outage: float) -> None:
        """One company; the first is left alone, and shows that the record is right; `outage` in seconds."""
        dice = random.Random(f"{self.seed} {number}")
        made = _drops(dice) if number % 3 == DROPS else _day(dice)
        site = Site(self.stack, f"c{self.seed}r{number}", self.home / f"round-{number}", made, self.partitions)
        crew = Crew(site, dice, static=number % 4 != DYNAMIC, tried=self.tried, say=self.say)
        calm = sum(piece.calm for piece in made.pieces)
        self.say(f"round {number}: {len(made.pieces)} pieces, {calm} calm ones, {made.drops} drops")
        try:
            crew.refill()
            with sending(site, 0.7 if number else 0.0) as sender:
                if outage:
                    site.patience_seconds += outage
                    self.say(clickhouse_away(crew, outage))
                while number and sender.is_alive():
                    if site.waits_since and time.monotonic() - site.waits_since > REST_SECONDS:
                        crew.refill()
                        time.sleep(1)
                        continue
                    disturb = next(self._next)
                    if disturb is not kill_somewhere:  # whoever is to die at a point works alone
                        crew.refill()
                    self.say(f"{disturb(crew)}; {sender.progress()}")
                    crew.look()
                    site.check_alive()
                    time.sleep(dice.expovariate(2))
                crew.refill()
                sender.finish()
            wrong = site.close_books()
            if number == 1 or made.drops:
                wrong += undisturbed(site)
                self.counts["undisturbed runs compared with"] += 1
                self.counts["drops compared"] += len(site.drops())
        except BaseException as failure:
            wrong = [f"{type(failure).__name__}: {failure}"]
            if not isinstance(failure, Exception):
                raise
        finally:
            site.stop()
            self.stack.up()
        self._note(number, crew, made, wrong)

    def _note(self, number: int, crew: Crew, made: Record, wrong: list[str]) -> None:
        self.wrong += [f"round {number}: {line}" for line in wrong]
        self.counts += crew.counts
        expected = made.expected
        self.counts["rounds"] += 1
        self.counts["rows compared"] += len(expected.active_people) + len(expected.activity) + len(expected.people)
        self.counts["refused messages compared"] += made.bad
        self.slowest_stop = max(self.slowest_stop, crew.slowest_stop)
        self.largest_mib = max(self.largest_mib, crew.largest_mib)
        self.say(f"round {number}: {len(wrong)} wrong")
        for line in wrong[:10]:
            self.say(f"    {line}")

    def sum_up(self) -> int:
        """Print what was done and found."""
        self.counts["kills"] = sum(
            count for what, count in self.counts.items() if what.startswith(("killed ", "kills "))
        )
        lines = [f"{count:8} {what}" for what, count in sorted(self.counts.items())]
        lines += [f"       0 killed {point}: NEVER REACHED" for point in POINTS if not self.counts[f"killed {point}"]]
        click.echo("\n".join([f"after {self.seconds / 60:.1f} minutes with seed {self.seed}:", *lines]))
        click.echo(f"{self.slowest_stop:8.1f} s from SIGTERM to the end, at most")
        click.echo(f"{self.largest_mib:8} MiB of a worker, at most")
        for kind in ("differs", "missing", "unexpected", "lost", "doubled"):
            click.echo(f"{sum(f' {kind}' in line for line in self.wrong):8} {kind}")
        click.echo(f"{len(self.wrong):8} wrong in all")
        return 1 if self.wrong else 0


def _day(dice: random.Random) -> Record:
    return record(dice.randrange(1 << 30), people=60, hours=dice.choice([6, 6, 26]), events=6000, pieces=150)


def _drops(dice: random.Random) -> Record:
    return drop_record(dice.randrange(1 << 30))


if __name__ == "__main__":
    sys.exit(main())
