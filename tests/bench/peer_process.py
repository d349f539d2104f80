"""Runs a contestant's script in its own environment, and times it by what it says (see `peers/progress.py`)."""

import os
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.environments import python_of
from tests.bench.processes import Meter
from tests.bench.runs import Run
from tests.bench.stage import Record, Stage
from tests.bench.workers import ROOT

ENOUGH_SECONDS = 60.0
ENOUGH_EVENTS = 50_000
LONGEST_SECONDS = 240.0
"""Whoever has not read 50 000 events by then is taken at what it has."""
_START_SECONDS = 60.0


@dataclass
class _Told:
    count: int = -1
    at: float = 0.0


def peer(stage: Stage, record: Record, environment: str, module: str, job: str, arguments: Sequence[str] = ()) -> Run:
    """Run it over a record, to its end or as long as a slow one gets."""
    folder = record.next_run()
    env = {name: value for name, value in os.environ.items() if not name.startswith("ESN_")} | {
        "BENCH_KAFKA": record.settings.kafka,
        "BENCH_TOPICS": ",".join(record.topics),
        "BENCH_GROUP": f"{record.settings.prefix}-{folder.name}",
        "BENCH_STATE": str(folder / "state"),
        "BENCH_TOTAL": str(record.messages),
        "BENCH_JOB": job,
    }
    (folder / "state").mkdir()
    command = [str(python_of(environment, stage.cache)), "-m", f"tests.bench.peers.{module}", *arguments]
    with (folder / "errors.log").open("wb") as errors:
        process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors)
    try:
        return _timed(process, record.messages, folder / "errors.log")
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _timed(process: "subprocess.Popen[bytes]", total: int, errors: Path) -> Run:
    told = _Told()
    news = threading.Condition()

    def listen() -> None:
        for line in process.stdout or ():
            if line.strip().isdigit():
                with news:
                    told.count, told.at = int(line), time.monotonic()
                    news.notify()
        with news:
            news.notify()

    threading.Thread(target=listen, daemon=True).start()
    with news:
        if not news.wait_for(lambda: told.count >= 0 or process.poll() is not None, _START_SECONDS):
            raise RuntimeError(f"it read nothing for {_START_SECONDS:.0f} s: {_tail(errors)}")
        start = told.at
    with Meter([process.pid]) as meter:
        with news:
            while told.count < total and process.poll() is None and not _enough(told.count, time.monotonic() - start):
                news.wait(0.5)
            count, end = told.count, told.at
        spent = meter.cost()
    if process.poll() is not None and count < total:
        raise RuntimeError(f"it ended by itself: {_tail(errors)}")
    return Run(count, end - start, spent.cpu_seconds, 0.0, spent.bytes)


def _enough(count: int, seconds: float) -> bool:
    return seconds > LONGEST_SECONDS or (seconds > ENOUGH_SECONDS and count >= ENOUGH_EVENTS)


def _tail(errors: Path) -> str:
    return " ".join(errors.read_text(errors="replace").strip().splitlines()[-2:])[-300:]
