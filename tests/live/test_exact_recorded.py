"""The main job on real records, from Kafka to ClickHouse: all rows are those of the brute-force recount."""

import gzip
import json
import os
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.live.rig import shuffled
from tests.live.samples import Json, Sample, check
from tests.recount import recount

BUNDLED = Path(__file__).parents[2] / "deploy" / "demo" / "manufacturing_email"
OTHERS = Path(os.environ["ESN_TEST_DATA"]) if os.environ.get("ESN_TEST_DATA") else None
FOLDERS = (
    [BUNDLED, *sorted(path.parent for path in OTHERS.glob("*/events.jsonl.gz") if path.parent.name != BUNDLED.name)]
    if OTHERS
    else [BUNDLED]
)


@cache
def recorded(folder: Path) -> Sample:
    def lines(name: str) -> Iterator[Json]:
        path = folder / name
        if path.exists():
            with gzip.open(path) as file:
                yield from map(json.loads, file)

    directory, record = list(lines("people.jsonl.gz")), list(lines("events.jsonl.gz"))
    holds_no = ("presences", "reactions", *(() if directory else ("enabled", "adoption_7d")))
    return Sample(directory, record, recount(record, directory, step_seconds=3600), holds_no)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("partitions", "order"), [(1, "shuffled"), (4, "in order"), (7, "shuffled")])
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_recorded(company: Any, folder: Path, partitions: int, order: str) -> None:
    sample = recorded(folder)
    record = sample.record
    if order == "shuffled":
        record = shuffled(record, 110_000, random.Random(partitions))
    check(company(partitions, 3600), sample, record)
