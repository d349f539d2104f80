"""`esn-pulse demo`: everything at once on a bundled real record, with servers of its own that end with it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from agents.errors import Failed
from agents.kafka import broker
from agents.kafka.broker import create_topics
from agents.replay import Record, send
from agents.report.demo import report
from agents.settings import Settings, pass_settings
from agents.storage.clickhouse import Reader
from agents.storage.migrations import migrate
from deploy.local.stack import Addresses, Stack
from deploy.local.trouble import Trouble
from schemas.topics import PULSE

RECORD = Path(__file__).parents[2] / "deploy" / "demo" / "manufacturing_email"
CITATION = (
    "Michalski, R., Palus, S., Kazienko, P.: Matching Organizational Structure and Social Network Extracted from Email "
    "Communication (2011). Data: Harvard Dataverse, doi:10.7910/DVN/6Z3CGX (CC0)."
)
PATIENCE_SECONDS = 300
_MARKS = 20
"""At most so many transactions' marks stand at the end of a topic."""


@click.command("demo")
@click.option("--once", is_flag=True, help="End after the report, instead of waiting for Ctrl-C.")
@pass_settings
def command(settings: Settings, once: bool) -> None:
    """Replay a bundled real record through a real Kafka, worker and ClickHouse, and show what it says.

    The servers run on 127.0.0.1 with a data directory of their own, which is emptied first; Ctrl-C ends all of it.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = settings.home / "demo"
    try:
        stack = Stack(home, settings.cache)
        _say(f"Starting Kafka and ClickHouse in {home} (the first time they are fetched, about 250 MB).")
        stack.erase()
        with stack.running():
            _run(stack.addresses, home, once)
    except Trouble as trouble:
        raise Failed(str(trouble)) from None
    except KeyboardInterrupt:
        _say("All ended.")


def _run(addresses: Addresses, home: Path, once: bool) -> None:
    port = _free_port()
    env = {
        "ESN_KAFKA": addresses.kafka,
        "ESN_CLICKHOUSE": addresses.clickhouse,
        "ESN_TIME": "events",
        "ESN_STEP_SECONDS": "3600",
        "ESN_PEOPLE_SECONDS": "1",
        "ESN_CHECKPOINT_SECONDS": "2",
        "ESN_CALENDAR": str(RECORD / "calendar.toml"),
        "ESN_TARGETS": str(RECORD / "targets.toml"),
        "ESN_TIMEZONE": "Europe/Warsaw",
        "ESN_WEB_PORT": str(port),
        "ESN_HOME": str(home),
    }
    settings = Settings.from_env(env)
    zone = ZoneInfo(settings.timezone)
    create_topics(settings)
    migrate(settings)
    with _worker(env, home / "logs" / "worker.log") as worker, Reader.of(settings) as reader:
        _say("Replaying nine months of e-mail of a manufacturing company through the worker.")
        sent = send(settings, Record([RECORD / "events.jsonl.gz"]), Record([RECORD / "people.jsonl.gz"]))
        began = time.perf_counter()
        _wait_for(reader, worker, (sent.newest_ms or 0) // 1000)
        _wait_for_the_last_day(reader, datetime.fromtimestamp((sent.newest_ms or 0) / 1000, zone).date())
        _wait_for_the_judge(settings)
        took = sent.seconds + time.perf_counter() - began
        _say(f"{sent.events:,} events of {sent.people:,} people took {took:.0f} s from the file to ClickHouse.\n")
        click.echo(report(reader, zone))
        click.echo(_where_to_look(env, home, _picture(home / "drops.svg")))
        if not once:
            click.echo("\nCtrl-C ends all of it.")
            while worker.poll() is None:
                time.sleep(0.5)
            raise Failed(f"the worker ended: see {home / 'logs' / 'worker.log'}")


def _wait_for(reader: Reader, worker: "subprocess.Popen[bytes]", newest: int) -> None:
    """Wait until the step after the newest event is complete, and everybody's row is written."""
    step = "SELECT toUnixTimestamp(max(at)) FROM active_people WHERE dimension = 'company' AND complete"
    seen = "SELECT toUnixTimestamp(max(last_seen)) FROM people"
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while reader.query(step)[1][0][0] < newest or (reader.query(seen)[1][0][0] or 0) < newest:
        if worker.poll() is not None:
            raise Failed("the worker ended before the record did: see worker.log in the demo's logs")
        if time.perf_counter() > deadline:
            raise Failed(f"nothing came to its end in {PATIENCE_SECONDS} s: see worker.log in the demo's logs")
        time.sleep(0.2)


def _wait_for_the_last_day(reader: Reader, running: date) -> None:
    """Wait until the local day before the one that the record ends in is whole, with whom the others named."""
    newest = "SELECT max(day) FROM daily_days WHERE complete AND named"
    deadline = time.perf_counter() + PATIENCE_SECONDS
    while reader.query(newest)[1][0][0] < running - timedelta(days=1):
        if time.perf_counter() > deadline:
            raise Failed(f"the last day was not whole in {PATIENCE_SECONDS} s: see worker.log in the demo's logs")
        time.sleep(0.2)


def _wait_for_the_judge(settings: Settings) -> None:
    """Wait until what was published to `esn.pulse` is judged, but for the marks of transactions at its end."""
    pulse = settings.topic(PULSE.name)
    deadline = time.perf_counter() + PATIENCE_SECONDS
    with broker.admin(settings) as admin:
        while admin.group_offsets(settings.group).get((pulse, 0), 0) < admin.offsets(pulse)[0][1] - _MARKS:
            if time.perf_counter() > deadline:
                raise Failed(f"the judge did not come to its end in {PATIENCE_SECONDS} s: see worker.log in the logs")
            time.sleep(0.5)


def _picture(svg: Path) -> str:
    """Draw the drops; return what was written."""
    record = ["--replay", RECORD / "events.jsonl.gz", "--people", RECORD / "people.jsonl.gz"]
    calendar = ["--calendar", RECORD / "calendar.toml", "--picture", svg, "--format", "csv"]
    words = [sys.executable, "-m", "agents", "drops", *map(str, [*record, *calendar])]
    others = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
    done = subprocess.run(words, env=others, capture_output=True, check=False)  # noqa: S603  (our own words)
    return str(svg) if done.returncode == 0 else "none: see `esn-pulse drops --help`"


@contextmanager
def _worker(env: Mapping[str, str], log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    log.parent.mkdir(parents=True, exist_ok=True)
    others = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")}
    with log.open("wb") as out:
        worker = subprocess.Popen(
            [sys.executable, "-m", "agents", "worker"], env=others | dict(env), stdout=out, stderr=out
        )
    try:
        yield worker
    finally:
        worker.terminate()
        try:
            worker.wait(10)
        except subprocess.TimeoutExpired:
            worker.kill()


def _where_to_look(env: Mapping[str, str], home: Path, picture: str) -> str:
    shown = "\n".join(f"  export {name}={env[name]}" for name in ("ESN_KAFKA", "ESN_CLICKHOUSE"))
    return f"""\
Where to look
  metrics   http://127.0.0.1:{env["ESN_WEB_PORT"]}/metrics
  logs      {home / "logs"}
  drops     {picture}
{shown}

Pages to go on with (`--help` says more)
  esn-pulse report --all-groups
  esn-pulse people --ages --by manager --tree --as-of 2010-10-01

Three queries to go on with (clickhouse-client, any BI tool)
  SELECT member, enabled, w7d, adoption_7d FROM esn.active_people
    WHERE dimension = 'department' AND measure = 'login' AND at = '2010-09-06 00:00:00' ORDER BY adoption_7d;
  SELECT toStartOfHour(minute) AS hour, verb, sum(events) FROM esn.activity
    WHERE dimension = 'company' GROUP BY hour, verb ORDER BY hour DESC LIMIT 24;
  SELECT manager, count() AS silent FROM esn.people
    WHERE enabled AND kind = 'person' AND last_seen < '2010-09-01' GROUP BY manager ORDER BY silent DESC;

The record: {CITATION}"""  # noqa: S608  (queries to read, not to run)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _say(text: str) -> None:
    click.echo(text, err=True)
