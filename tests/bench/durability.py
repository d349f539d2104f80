"""What it costs to lose nothing: checkpoints, an outage under full load, the end of a worker.

checkpoints   the whole path at the default interval, and with none but what `esn.pulse` needs to be published; in turn
outage        ClickHouse stops while a worker has the whole record still to read: the most memory it takes
end           SIGTERM in the middle of that outage
"""

import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from tests.bench.processes import Meter
from tests.bench.stage import Record, Shape, Stage
from tests.bench.tables import machine, markdown, put, spread
from tests.bench.whole_path import whole_path
from tests.bench.workers import workers

_NEVER: Final = "3600"
_OUTAGE_SECONDS: Final = 60


def durability(stage: Stage, out: Path, shape: Shape, rounds: int) -> None:
    """Measure, print and write."""
    on = machine()
    record = stage.record("bench", shape)
    without = replace(record, env=record.env | {"ESN_CHECKPOINT_SECONDS": _NEVER})
    seconds: dict[str, list[float]] = {"every 10 s": [], "hardly any": []}
    for _ in range(rounds):
        for name, of in zip(seconds, (record, without), strict=True):
            stage.calm()
            seconds[name].append(whole_path(stage, of, 1).seconds)
            click.echo(f"checkpoints {name}: {seconds[name][-1]:.1f} s", err=True)
    ratios = [often / once for often, once in zip(*seconds.values(), strict=True)]
    before, during, ended = _outage(stage, record)
    rows = [
        *((f"checkpoints {name}, s for the record", spread(took, 1), "") for name, took in seconds.items()),
        (
            "checkpoints cost",
            spread([100 * (ratio - 1) for ratio in ratios], 1, " %"),
            "until all is published, pairwise",
        ),
        ("worker before the outage, MiB", f"{before / 2**20:.0f}", "reading at full speed"),
        ("worker in the outage, MiB", f"{during / 2**20:.0f}", f"the most in {_OUTAGE_SECONDS} s"),
        ("SIGTERM in the outage to the end, s", f"{ended:.1f}", "a worker may take 10 s"),
    ]
    figures = {"seconds": seconds, "mib": [before / 2**20, during / 2**20], "end_seconds": ended, "machine": on}
    put(out, "durability", markdown(("what", "measured", "remark"), rows), figures)


def _outage(stage: Stage, record: Record) -> tuple[int, int, float]:
    """Return the worker's peak memory before and during an outage, bytes, and how long it took to end in it."""
    record.fresh()
    with workers(1, record.env, record.next_run()) as (worker,):
        with Meter([worker.process.pid]) as meter:
            time.sleep(5)
            before = meter.cost().bytes
        stage.stack.clickhouse.stop()
        try:
            with Meter([worker.process.pid]) as meter:
                time.sleep(_OUTAGE_SECONDS)
                during = meter.cost().bytes
            began = time.monotonic()
            worker.process.send_signal(signal.SIGTERM)
            worker.process.wait(60)
            return before, during, time.monotonic() - began
        finally:
            stage.stack.clickhouse.start()
