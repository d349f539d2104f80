"""`make previews`: a picture of each dashboard, into deploy/grafana/previews/.

A made-up company lives for six weeks; the last seven days go by hour by hour, and what the workers' pages say is kept
with the time of the record, so that Prometheus has a past to draw. Takes some ten minutes; needs Debian's prometheus
(fetched where it is not installed) and chromium on PATH.
"""

import bisect
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from clickhouse_driver import Client
from PIL import Image
from prometheus_client.parser import text_string_to_metric_families

from agents.replay import send
from agents.settings import Settings
from agents.simulation import REGIONS, Company, Drop
from deploy.local.progress import Progress
from deploy.local.stack import Stack
from tests.debian import MissingError, find
from tests.grafana.dashboards import DASHBOARDS, FOLDER, Moment, defaults, panels
from tests.grafana.draw import WIDTH, drawn
from tests.grafana.executed import Sources
from tests.live.monitoring import Prometheus
from tests.live.rig import Rig, rig, wait_until
from tests.live.scraping import free_port, get, health

DAYS: Final = 44
START = datetime(2026, 2, 2, tzinfo=UTC)
"""A Monday; the last day is a Tuesday."""
NINE = START + timedelta(days=DAYS - 1, hours=9)
LAST_EVENT, END = NINE + timedelta(hours=4, minutes=10), NINE + timedelta(hours=5)
SLOW_FROM = END - timedelta(days=7)
HOUR_SECONDS: Final = 3600
BEHIND_SECONDS: Final = 120
"""What is shown at a time is counted up to so long before, as with the default ESN_LATENESS_SECONDS."""
SEED: Final = 7
SOURCE: Final = f"/simulation/{SEED}"
RANGES: Final = {"adoption": 7, "drops": 7, "people": 28, "health": 1 / 3}
"""Days that are drawn."""
SEGMENTS: Final = {"drops": {"dimension": "department", "member": "Sales", "by": "community"}}
TARGETS = "default = 0.9\n[department]\nIT = 0.95\n"


def company() -> tuple[list[bytes], list[bytes]]:
    """Return directory and record: Sales stays away on the last day."""
    away = Drop("department", "Sales", 0.9, round(NINE.timestamp() * 1000), 6)
    made = Company(
        people=300, seed=SEED, start=START, days=DAYS, regions=REGIONS[:3], communities=8, drops=(away,),
        departments=("Sales", "IT", "Production", "Legal"), rate=0.04,
    )  # fmt: skip
    last = told(LAST_EVENT).encode()
    lines = [line for line in made.lines() if b'"type"' in line and line.split(b'"time":"')[1][:19] <= last]
    return list(made.directory()), lines


def live(one: Rig, ports: Sequence[int]) -> list[str]:
    """Feed the company; return what the workers' pages said in the last days, a sample a line, with the record's time.

    The last days go by step by step: an hour's events, a heartbeat, and a page once all of it is counted.
    """
    directory, record = company()
    times = [line.split(b'"time":"')[1][:19].decode() for line in record]
    begin = bisect.bisect_left(times, told(SLOW_FROM))
    sent = send(one.settings, record[:begin], directory, final=False)
    samples: list[str] = []
    at = SLOW_FROM
    while at <= END:
        end = bisect.bisect_right(times, told(at))
        beat = {"specversion": "1.0", "id": f"beat {told(at)}", "source": SOURCE, "type": "esn.heartbeat",
                "time": f"{told(at + timedelta(seconds=1))}Z"}  # fmt: skip
        lines = [*record[begin:end], json.dumps(beat).encode()]
        sent = send(one.settings, lines, final=False, newest_ms=sent.newest_ms)
        pages = counted(ports, at)
        for port, page in zip(ports, pages, strict=True):
            samples.extend(stamped(page, at.timestamp() + BEHIND_SECONDS, f"worker-{1 + ports.index(port)}:6066"))
        begin, at = end, at + timedelta(hours=1 if 5 <= at.hour <= 20 else 3)
    return samples


def counted(ports: Sequence[int], at: datetime) -> list[str]:
    """Return the workers' pages once everything up to this time is counted and judged."""
    deadline = time.monotonic() + 300
    pages = [get(port, "/metrics")[1] for port in ports]
    while min(map(record_time, pages)) < at.timestamp():
        assert time.monotonic() < deadline, f"waited for {at}"
        time.sleep(0.3)
        pages = [get(port, "/metrics")[1] for port in ports]
    before, deadline = set(map(outlook, pages)), min(deadline, time.monotonic() + 8)
    while True:  # the judge is not much later than the rest, and expects other numbers every hour
        time.sleep(1.1)  # so long a page is kept
        pages = [get(port, "/metrics")[1] for port in ports]
        if time.monotonic() > deadline or set(map(outlook, pages)) - before:
            return pages


def outlook(page: str) -> str:
    """Return the lines of what is expected."""
    return "\n".join(line for line in page.splitlines() if line.startswith("esn_expected_people{"))


def told(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def record_time(page: str) -> float:
    """Return the time up to which everything is counted."""
    marks = [
        sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "esn_watermark_timestamp_seconds"
    ]
    return min(marks, default=0.0)


def stamped(page: str, at: float, worker: str) -> list[str]:
    """Return a page's samples as Prometheus would have them, of this time."""
    lines = [f'up{{job="esn-pulse",instance="{worker}"}} 1 {at:.0f}']
    for family in text_string_to_metric_families(page):
        for sample in family.samples:
            labels = {**sample.labels, "job": "esn-pulse", "instance": worker}
            told = ",".join(f'{name}="{value}"' for name, value in sorted(labels.items()))
            lines.append(f"{sample.name}{{{told}}} {sample.value} {at:.0f}")
    return lines


def pictures(one: Rig, prometheus: Prometheus, end: datetime, folder: Path) -> None:
    """Draw each dashboard and have chromium make a PNG of it."""
    at = one.settings.clickhouse
    with Client(at.host, at.port) as client:
        sources = Sources(prometheus.ask, client)
        for name, board in DASHBOARDS.items():
            values = defaults(board) | {"database": f"{one.settings.database}_bi"} | SEGMENTS.get(name, {})
            moment = Moment(end - timedelta(days=RANGES[name]), end, values, scrape_seconds=HOUR_SECONDS)
            answers = {panel["id"]: sources.frames(panel, moment) for panel in panels(board)}
            svg = drawn(board, answers, moment.start, moment.end, values | {"database": "esn_bi"})
            picture(svg, folder, FOLDER / "previews" / f"{name}.png")


def picture(svg: str, folder: Path, to: Path) -> None:
    """Write a PNG as large as the drawing."""
    page = folder / f"{to.stem}.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><style>body{{margin:0}}</style>{svg}", encoding="utf-8")
    height = svg.split('height="', 1)[1].split('"', 1)[0]
    command = [
        "chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={to}",
        f"--window-size={WIDTH},{height}", f"--user-data-dir={folder}/chromium", page.as_uri(),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    with Image.open(to) as drawn_finely:
        drawn_finely.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(to, optimize=True)
    print(f"{to.relative_to(Path.cwd())}: {to.stat().st_size // 1024} KB")  # noqa: T201  (a command's answer)


def main() -> int:
    """Feed, execute, draw."""
    if not shutil.which("chromium"):
        print("there is no chromium on PATH: run `apt-get install chromium`", file=sys.stderr)  # noqa: T201
        return 1
    with tempfile.TemporaryDirectory(prefix="esn-previews-") as made:
        folder = Path(made)
        targets = folder / "targets.toml"
        targets.write_text(TARGETS)
        cache = Settings.from_env({"HOME": str(Path.home())}).cache
        with Stack(folder / "stack", cache, progress=Progress()).running() as addresses:
            env: dict[str, Any] = {
                "ESN_KAFKA": addresses.kafka, "ESN_CLICKHOUSE": addresses.clickhouse, "ESN_TIME": "events",
                "ESN_STEP_SECONDS": "3600", "ESN_LATENESS_SECONDS": "0", "ESN_PEOPLE_SECONDS": "1",
                "ESN_HOME": str(folder), "ESN_TARGETS": str(targets),
            }  # fmt: skip
            ports = [free_port(), free_port()]
            with rig(env, folder, 4) as one:
                for port in ports:
                    one.start(ESN_WEB_PORT=str(port))
                wait_until(
                    lambda: [len(health(port).get("partitions", [])) for port in ports] == [2, 2], 120, "workers"
                )
                pages = live(one, ports)
                (folder / "pages.txt").write_text("\n".join([*pages, "# EOF\n"]))
                (promtool,) = find("prometheus", "promtool")
                backfill = [promtool, "tsdb", "create-blocks-from", "openmetrics", "pages.txt", "tsdb"]
                subprocess.run(backfill, cwd=folder, check=True, capture_output=True)
                keep = ("--storage.tsdb.retention.time=20y", f"--query.lookback-delta={4 * HOUR_SECONDS}s")
                prometheus = Prometheus(folder, [], more=keep)
                try:
                    wait_until(lambda: prometheus.ask("query", query="1"), 60, "Prometheus")
                    newest = float(pages[-1].split()[-1])
                    pictures(one, prometheus, datetime.fromtimestamp(newest, UTC), folder)
                finally:
                    prometheus.stop()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except MissingError as missing:
        sys.exit(str(missing))
