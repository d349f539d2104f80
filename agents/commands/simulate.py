"""`esn-pulse simulate`: a made-up company, as files or straight into Kafka."""

import gzip
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from agents import clock
from agents.errors import Failed, Usage
from agents.settings import Settings, pass_settings
from agents.simulation import Company, Drop, Region, moment

HELP: Final = """Make up a company and what it does, as a file or straight into Kafka.

The same options make the same bytes. People keep the hours of their region (six regions from Sao Paulo to Apia), most
read, some join in, a few create; they log in, ask, answer, join, leave, move, are hired and leave for good. There are
guests, service accounts, disabled profiles and people whom the directory does not know.

\b
A week of 500 people, about 20 events a person and day, as sim/events.jsonl.gz and sim/people.jsonl.gz:
  esn-pulse simulate --people 500 --days 7 --seed 1 --out sim
  esn-pulse replay sim/events.jsonl.gz --people sim/people.jsonl.gz
\b
The same straight into Kafka, as the days that end now (else run the worker with ESN_TIME=events):
  esn-pulse simulate --people 500 --days 7 --seed 1 --start=-7d --kafka
\b
A live rehearsal, at the speed of life from now on:
  esn-pulse simulate --people 500 --days 1 --seed 1 --start now --speed 1 --kafka
\b
Four of five people in Sales silent for a day (repeatable; region=, department=, manager=, community= or company=all):
  esn-pulse simulate --people 2000 --days 28 --seed 7 --out sim \\
    --drop department=Sales,depth=0.8,start=2026-03-24T08:00Z,hours=24
\b
A bad feed: shuffled within a minute, 1 % twice, 1 % later than the lateness, and messages that must be refused:
  esn-pulse simulate --people 200 --days 3 --seed 3 --shuffle 60 --duplicates 0.01 --late 0.01 --hostile --out sim

--rate is the average of events a second over everybody and the whole run, nights included: --rate 1 with 1000 people
is 86 events a person and day. The record has about rate x 86400 x days events, then heartbeats (one a minute) and
changes of the directory: a line {"person": ...} is a new record, {"forget": "u17"} forgets a person.
"""


class _Start(click.ParamType):
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Take an RFC 3339 time, `now`, or a span before now: -7d, -12h."""
        if isinstance(value, datetime):
            return value
        span = re.fullmatch(r"-(\d+)([dh])|now", value)
        if span:
            hours = int(span[1] or 0) * (24 if span[2] == "d" else 1)
            return datetime.fromtimestamp(clock.now_ms() // 60_000 * 60 - hours * 3600, UTC)
        try:
            return datetime.fromtimestamp(moment(value) / 1000, UTC)
        except Usage as wrong:
            self.fail(f"{wrong}, now, -7d or -12h", param, ctx)


class _Drop(click.ParamType):
    name = "SEGMENT,depth=,start=,hours="

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Drop:  # noqa: ARG002
        """Take a drop as `Drop.parse` does."""
        return value if isinstance(value, Drop) else Drop.parse(value)


class _Region(click.ParamType):
    name = "NAME=ZONE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Region:
        """Take a region's name and its time zone."""
        if isinstance(value, Region):
            return value
        name, _, zone = value.partition("=")
        region = Region(name, zone)
        try:
            known = bool(name and region.zone)
        except (OSError, ValueError):
            known = False
        if not known:
            self.fail(f"{value!r} is no region with a time zone; write it like ES=Europe/Madrid", param, ctx)
        return region


@click.command("simulate", help=HELP)
@click.option("--people", type=click.IntRange(2), default=200, show_default=True, help="People in the directory.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), help="Events a second; default 20 a person and day.")
@click.option("--days", type=click.FloatRange(0, min_open=True), default=7.0, show_default=True, help="Length.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Another seed, another company.")
@click.option("--start", type=_Start(), default="2026-03-02T00:00Z", show_default=True, help="Or now, -7d, -12h.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write both files into this directory.")
@click.option("--kafka", is_flag=True, help="Send it to ESN_KAFKA, as replay does.")
@click.option("--speed", type=click.FloatRange(0, min_open=True), help="With --kafka, times life; default: at once.")
@click.option("--drop", "drops", type=_Drop(), multiple=True, help="Part of a segment falls silent.")
@click.option("--region", "regions", type=_Region(), multiple=True, help="Instead of the six regions; repeatable.")
@click.option("--departments", metavar="A,B,...", help="Instead of the eight departments.")
@click.option("--communities", type=click.IntRange(1, 5000), help="How many; default 6 to 300.")
@click.option("--shuffle", "shuffle_seconds", type=click.FloatRange(0), default=0, help="Seconds out of order.")
@click.option("--duplicates", type=click.FloatRange(0, 1), default=0, help="Share of events that come twice.")
@click.option("--late", type=click.FloatRange(0, 1), default=0, help="Share of events that come after the lateness.")
@click.option("--lateness", "lateness_seconds", type=click.IntRange(0), default=120, help="The worker's, in seconds.")
@click.option("--edges", type=click.FloatRange(0, 1), default=0, help="Share of events on the edge of a step.")
@click.option("--step", "step_seconds", type=click.Choice([60, 300, 900, 3600]), default=60, help="The worker's.")
@click.option("--hostile", is_flag=True, help="Messages to refuse, odd names and spellings as well.")
def command(out: Path | None, kafka: bool, speed: float | None, departments: str | None, **chosen: Any) -> None:
    """Run the command."""
    if kafka == (out is not None):
        raise Usage("say where the company goes: --out DIR or --kafka, one of them")
    if speed and not kafka:
        raise Usage("--speed belongs to --kafka; `esn-pulse replay --speed` sends files")
    names = tuple(filter(None, map(str.strip, (departments or "").split(","))))
    asked = {"regions": chosen.pop("regions"), "departments": names, "communities": chosen.pop("communities")}
    company = Company(**chosen, **{name: value for name, value in asked.items() if value})
    batches = company.batches()  # a drop of a segment that does not exist is told here, before anything is written
    if out:
        _write(company, batches, out)
    else:
        _send(company, batches, speed)


def _write(company: Company, batches: Iterable[list[bytes]], out: Path) -> None:
    """Write both files; each appears under its name when it is whole."""
    began, written = clock.monotonic(), 0
    try:
        out.mkdir(parents=True, exist_ok=True)
        people = company.directory()
        with _whole(out / "people.jsonl.gz") as file:
            file.write(b"".join(line + b"\n" for line in people))
        with _whole(out / "events.jsonl.gz") as file:
            for batch in _shown(company, batches):
                written += len(batch)
                file.write(b"\n".join((*batch, b"")))
    except OSError as error:
        raise Failed(f"cannot write into {out}: {error.strerror}") from None
    took = clock.monotonic() - began
    click.echo(f"wrote {written:,} lines and {len(people):,} people to {out} in {took:.1f} s")


@contextmanager
def _whole(path: Path) -> Iterator[gzip.GzipFile]:
    """Open a gzip file that bears no trace of when and as what it was written."""
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as raw, gzip.GzipFile("", "wb", compresslevel=3, fileobj=raw, mtime=0) as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@pass_settings
def _send(settings: Settings, company: Company, batches: Iterable[list[bytes]], speed: float | None) -> None:
    """Send it as a recorded file is sent."""
    from agents.commands.replay import summary  # noqa: PLC0415  (writing a file needs no Kafka client)
    from agents.replay import send  # noqa: PLC0415

    lines = (line for batch in _shown(company, batches) for line in batch)
    click.echo(summary(send(settings, lines, company.directory(), speed=speed)))


def _shown(company: Company, batches: Iterable[list[bytes]]) -> Iterator[list[bytes]]:
    """Pass the batches on and show on stderr how far they are."""
    columns = BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[lines]:,} lines"), TimeRemainingColumn()
    console = Console(stderr=True)
    beats = (company.end_ms - company.start_ms) // (company.heartbeat_seconds * 1000)
    total, lines, told = company.expected_events + beats, 0, 0
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, lines=0)
        for batch in batches:
            yield batch
            lines += len(batch)
            bar.update(task, completed=lines, lines=lines)
            if not console.is_terminal and min(lines * 10 // total, 9) > told:
                told = min(lines * 10 // total, 9)
                click.echo(f"{told * 10} %: {lines:,} lines", err=True)
