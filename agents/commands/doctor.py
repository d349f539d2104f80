"""`esn-pulse doctor`: look at everything, say what to mend, and why there are no numbers yet."""

import os
from collections.abc import Iterator, Mapping
from typing import Final

import click

from agents import clock
from agents.doctor import clickhouse, files, kafka, numbers, producers, sample
from agents.doctor.finding import Finding, wrong
from agents.errors import Failed
from agents.kafka import broker
from agents.settings import Settings, problems
from agents.terminal.printing import Column, format_option, harmless, show
from schemas.topics import DIRECTORY

HELP: Final = """Check settings, Kafka, ClickHouse, producers and clocks; say why there are no numbers yet.

A line for each check, ok, warning or wrong, and what to do. Nothing is changed and no message's content is shown.
Run it with the settings of the worker: prefix, times and addresses are compared with what is there.

\b
Before the first start, and when numbers are missing:
  esn-pulse doctor
\b
For a probe (exit code 1 if something is wrong; warnings are 0):
  esn-pulse doctor --format json
"""

_COLUMNS: Final = (Column("check"), Column("state"), Column("found"), Column("advice"))
_COLOURS: Final = {"ok": "green", "warning": "yellow", "wrong": "red"}


@click.command("doctor", help=HELP)
@format_option
@click.pass_context
def command(ctx: click.Context, how: str) -> None:
    """Run the command."""
    states = []

    def told() -> Iterator[Finding]:
        for finding in examine(os.environ):
            states.append(finding.state)
            yield finding

    if how == "table":
        for finding in told():
            _print(finding)
    else:
        show(_COLUMNS, told(), how)
    if "wrong" in states:
        ctx.exit(1)


def _print(finding: Finding) -> None:
    state = click.style(f"{finding.state:<7}", fg=_COLOURS[finding.state])  # click drops colours when piped
    click.echo(f"{state}  {finding.check}: {harmless(finding.found)}")
    if finding.advice:
        click.echo(f"         -> {finding.advice}")


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is found, one after the other."""
    bad = problems(environ)
    for problem in bad:
        found, _, advice = problem.partition(": ")
        yield Finding("settings", "wrong", found, advice)
    if bad:
        return
    settings = Settings.from_env(environ)
    yield Finding("settings", "ok", _settings(settings))
    yield from files.look(settings)
    look = _Kafka(settings)
    yield from look.examine()
    states = []
    for finding in clickhouse.look(settings, clock.now_ms):
        states.append(finding.state)
        yield finding
    if "wrong" not in states:
        yield from _numbers(settings, look)


def _settings(settings: Settings) -> str:
    address = settings.clickhouse
    return (
        f"Kafka {settings.kafka}, ClickHouse {address.host}:{address.port}/{settings.database}, "
        f"group {settings.group}, ESN_TIME={settings.time}, a step every {settings.step_seconds} s"
    )


class _Kafka:
    """Kafka's part; afterwards `sample` is there if the inputs could be read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.offsets: kafka.Offsets = {}
        self.sample: sample.Feeds | None = None
        self.workers = 0
        self.behind = 0

    def examine(self) -> Iterator[Finding]:
        """Yield what is found."""
        settings = self._settings
        try:
            with broker.admin(settings) as admin:
                yield Finding("kafka", "ok", f"answers at {settings.kafka}")
                yield from kafka.topics(settings, admin)
                self.offsets = kafka.offsets(settings, admin)
                group = admin.group(settings.group)
                committed = admin.group_offsets(settings.group)
            self.behind = kafka.lag(self.offsets, committed)
            taken = sample.take(settings, self.offsets)
        except Failed as error:
            yield wrong("kafka", error)
            return
        self.sample = taken
        self.workers = group.members
        yield kafka.workers(settings, group, self.behind)
        yield from producers.look(settings, taken)
        late = producers.ahead(taken, clock.now_ms())
        if late:
            yield late


def _numbers(settings: Settings, look: _Kafka) -> Iterator[Finding]:
    try:
        contents = clickhouse.contents(settings)
    except Failed as error:
        yield wrong("numbers", error)
        return
    yield _directory(settings, look, contents)
    if look.sample is None:
        return
    inputs = {place: feed for place, feed in look.sample.items() if place[0] != settings.topic(DIRECTORY.name)}
    yield numbers.look(
        numbers.Facts(
            by_clock=settings.time == "clock",
            step_ms=settings.step_seconds * 1000,
            lateness_ms=settings.lateness_seconds * 1000,
            now_ms=clock.now_ms(),
            feeds=inputs,
            workers=look.workers,
            behind=look.behind,
            newest_step_ms=contents.newest_step_ms,
        )
    )


def _directory(settings: Settings, look: _Kafka, contents: clickhouse.Contents) -> Finding:
    if contents.listed:
        return Finding("directory", "ok", f"{contents.listed:,} people are listed, {contents.people:,} are known")
    ends = look.offsets.get(settings.topic(DIRECTORY.name), {}).values()
    if sum(end - first for first, end in ends):
        found = "its people are not in ClickHouse yet"
        return Finding("directory", "warning", found, "a worker writes them within minutes")
    found = "it is empty, so nobody is enabled and adoption is 0"
    return Finding("directory", "warning", found, "run `esn-pulse directory import PEOPLE.csv`")
