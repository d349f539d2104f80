"""esn-pulse itself, all of it: default settings but for ESN_TIME=events and the step that the record is made for.

Reading begins when every worker has its partitions. The time until the rows of the last step of every source partition
are in ClickHouse and the workers have nothing more to do is counted, and then, from SIGTERM on, the time until the last
checkpoint and the group's offsets are in Kafka: what a running worker would commit within its next ten seconds.
"""

import signal
import time
from collections.abc import Sequence
from typing import Final

from agents.kafka.broker import Admin, admin
from agents.storage.clickhouse import Reader
from tests.bench.processes import Meter, cost
from tests.bench.runs import Run
from tests.bench.stage import Record, Stage, wait_until
from tests.bench.workers import Worker, workers

_LONGEST_SECONDS: Final = 600
_QUIET_SECONDS: Final = 0.4
_QUIET_SHARE: Final = 0.3
"""A worker that waits takes less of a core than that."""


def whole_path(stage: Stage, record: Record, count: int) -> Run:
    """Run so many workers over a record."""
    record.fresh()
    with workers(count, record.env, record.next_run()) as begun:
        start = time.monotonic()
        own, database = Meter(worker.process.pid for worker in begun), Meter([stage.database_pid])
        with own, database, Reader.of(record.settings) as reader, admin(record.settings) as broker:
            wait_until(lambda: published(begun, reader, record), _LONGEST_SECONDS, "the last step", every=0.1)
            seconds = _quiet_since(begun) - start
            told = time.monotonic()
            for worker in begun:
                worker.process.send_signal(signal.SIGTERM)
            seconds += wait_until(lambda: _committed(broker, record), 20, "the last checkpoint") - told
            spent, served = own.cost(), database.cost()
    cpu = spent.cpu_seconds + served.cpu_seconds
    return Run(record.messages, seconds, cpu, served.cpu_seconds, spent.bytes)


def published(begun: Sequence[Worker], reader: Reader, record: Record) -> bool:
    """Say whether the rows of the last step of every source partition are in ClickHouse."""
    for worker in begun:
        worker.said()
    last = f"at = toDateTime({record.last_step}, 'UTC') AND dimension = 'company' AND measure = 'active'"
    ask = f"SELECT uniqExact(source_partition) FROM active_people_rows WHERE {last}"
    return int(reader.query(ask)[1][0][0]) == record.shape.partitions


def _quiet_since(begun: Sequence[Worker]) -> float:
    """Wait until the workers have nothing more to do; return since when."""
    pids = [worker.process.pid for worker in begun]
    while True:
        since, before = time.monotonic(), cost(pids).cpu_seconds
        time.sleep(_QUIET_SECONDS)
        if cost(pids).cpu_seconds - before < _QUIET_SHARE * _QUIET_SECONDS * len(pids):
            return since


def _committed(broker: Admin, record: Record) -> bool:
    offsets = broker.group_offsets(record.settings.group)
    places = [(topic, part) for topic in record.topics for part in range(record.shape.partitions)]
    return sum(offsets.get(place, 0) for place in places) >= record.messages
