"""More partitions in the middle of a record: the numbers afterwards are the same."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.worker.checkpoint import read_pages
from pipeline.pages import HEAD
from tests.live.rig import Rig, rig, wait_until
from tests.live.samples import simulated
from tests.recount import differences


def repartition(company: Rig, partitions: int) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "agents", "repartition", "--partitions", str(partitions)]
    return subprocess.run(
        words, env={"PATH": "/usr/bin:/bin", **company.env}, capture_output=True, text=True, check=False
    )


@pytest.mark.timeout(300)
def test_the_numbers_stay_the_same(kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path) -> None:
    sample = simulated(4, 900, 9)
    env = {
        "ESN_KAFKA": kafka,
        "ESN_CLICKHOUSE": clickhouse_url,
        "ESN_PREFIX": prefix,
        "ESN_TIME": "events",
        "ESN_STEP_SECONDS": "900",
        "ESN_PEOPLE_SECONDS": "1",
        "ESN_HOME": str(tmp_path),
    }
    with rig(env, tmp_path, 3) as company:
        half = len(sample.record) // 2
        company.start()
        company.replay(sample.record[:half], sample.directory, final=False)
        running = repartition(company, 5)
        assert (running.returncode, running.stderr.count("\n")) == (1, 1)
        assert "stop them first" in running.stderr
        company.wait_named()
        company.stop_workers()

        done = repartition(company, 5)
        assert done.returncode == 0, done.stderr
        assert "from 3 source partitions to 5" in done.stdout
        again = repartition(company, 5)
        assert "for 5 source partitions" in again.stdout

        company.start()
        company.replay(sample.record[half:])
        newest = max(key.at for key in sample.expected.active_people)
        company.wait_published(newest * 1000 + 1)
        company.wait_people(sample.expected)
        expected: Any
        for expected, found in (
            (sample.expected.active_people, company.active_people()),
            (sample.expected.activity, company.activity()),
            (sample.expected.people, company.people()),
        ):
            assert differences(expected, found) == []
        company.assert_day_rows(sample.expected)


@pytest.mark.timeout(120)
def test_a_worker_refuses_the_state_of_another_count(
    kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path
) -> None:
    env = {"ESN_KAFKA": kafka, "ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix, "ESN_TIME": "events"}
    sample = simulated(4, 900, 9)
    with rig(env | {"ESN_STEP_SECONDS": "900", "ESN_HOME": str(tmp_path)}, tmp_path, 2) as company:
        company.start()
        company.replay(sample.record[:50], sample.directory, final=False)
        wait_until(lambda: set(asyncio.run(read_pages(company.settings, 0))) - {HEAD}, 60, "the first checkpoint")
        company.stop_workers()
        company.widen(3)
        refused = company.start()
        assert refused.wait(60) == 1
        assert "esn-pulse repartition" in company.logs()
