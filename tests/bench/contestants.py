"""Who runs, with what it does of the job. The whole job is the README's: exact windows and counts by segment, rows."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from tests.bench.kafka_engine import kafka_engine
from tests.bench.peer_process import peer
from tests.bench.runs import Run
from tests.bench.stage import Record, Stage
from tests.bench.whole_path import whole_path


@dataclass(frozen=True)
class Contestant:
    """One row of the table."""

    name: str
    does: str
    run: Callable[[Stage, Record], Run]


def _peer(environment: str, module: str, job: str = "", *arguments: str) -> Callable[[Stage, Record], Run]:
    return lambda stage, record: peer(stage, record, environment, module, job, arguments)


_LAST: Final = "decode, last time per person"
_LEFT_OUT: Final = "no validation, duplicates, directory, windows of people, rows"
CONTESTANTS: Final = {
    "msgspec": Contestant("bare aiokafka, msgspec", f"{_LAST}; nothing is kept", _peer("aiokafka", "bare", "msgspec")),
    "msgspec+gc": Contestant(
        "the same, collector tuned", f"{_LAST}; nothing is kept", _peer("aiokafka", "bare", "msgspec+gc")
    ),
    "orjson": Contestant("bare aiokafka, orjson", f"{_LAST}; nothing is kept", _peer("aiokafka", "bare", "orjson")),
    "pulse": Contestant("**esn-pulse**, 1 worker", "all of it", partial(whole_path, count=1)),
    "pulse2": Contestant("**esn-pulse**, 2 workers", "all of it", partial(whole_path, count=2)),
    "engine": Contestant(
        "ClickHouse Kafka engine, publishing",
        "last times, activity by segment, people by segment and window each step; no validation, duplicates, "
        "communities' people, changes of the directory, exact steps, late events' place, metrics",
        partial(kafka_engine, publishing=True),
    ),
    "engine-only": Contestant(
        "ClickHouse Kafka engine",
        "last times, activity by segment; besides what it leaves out above, no windows",
        partial(kafka_engine, publishing=False),
    ),
    "bytewax": Contestant("bytewax", f"{_LAST}, recovery; {_LEFT_OUT}", _peer("bytewax", "bytewax_flow", "last")),
    "bytewax+": Contestant(
        "bytewax, with minutes",
        f"the same and events by minute and verb; {_LEFT_OUT}",
        _peer("bytewax", "bytewax_flow", "minutes"),
    ),
    "quixstreams": Contestant("quixstreams", f"{_LAST}, changelog; {_LEFT_OUT}", _peer("quixstreams", "quix", "last")),
    "quixstreams+": Contestant(
        "quixstreams, with minutes",
        f"the same and events by minute and verb; {_LEFT_OUT}",
        _peer("quixstreams", "quix", "minutes"),
    ),
    "faust": Contestant(
        "Faust, Record and Table",
        f"{_LAST}, changelog; {_LEFT_OUT}",
        _peer("faust", "plain_faust", "", "worker", "--without-web", "-l", "error"),
    ),
}
