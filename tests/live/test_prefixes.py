"""Several companies on one Kafka and one ClickHouse, told apart by ESN_PREFIX, with the same people's ids in each."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient

from agents.simulation import Company
from schemas.topics import TOPICS
from tests.live.rig import Rig, rig
from tests.recount import Recount, assert_varied, recount

Json = dict[str, Any]
STEP = 900


class Simulated:
    """A company, what it does, and what the views must hold then."""

    def __init__(self, seed: int) -> None:
        company = Company(
            people=30,
            seed=seed,
            start=datetime(2026, 3, 28, tzinfo=UTC),
            days=1,
            rate=1500 / 86_400,
            communities=4,
            step_seconds=STEP,
            shuffle_seconds=100,
            duplicates=0.03,
            late=0.02,
            heartbeat_seconds=3600,
        )
        self.directory: list[Json] = [json.loads(line) for line in company.directory()]
        self.record: list[Json] = [json.loads(line) for line in company.lines()]
        self.expected: Recount = recount(self.record, self.directory, step_seconds=STEP)


@pytest.fixture
def companies(kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path) -> Iterator[list[Rig]]:
    """Two, of which one's prefix begins as the other's."""
    with ExitStack() as stack:
        made = []
        for name, partitions in ((prefix, 2), (f"{prefix}_eu", 3)):
            env = {
                "ESN_KAFKA": kafka,
                "ESN_CLICKHOUSE": clickhouse_url,
                "ESN_PREFIX": name,
                "ESN_TIME": "events",
                "ESN_STEP_SECONDS": str(STEP),
                "ESN_PEOPLE_SECONDS": "1",
                "ESN_CHECKPOINT_SECONDS": "1",
                "ESN_HOME": str(tmp_path),
            }
            (tmp_path / name).mkdir()
            made.append(stack.enter_context(rig(env, tmp_path / name, partitions)))
        yield made


def by_company(companies: list[Rig], found: set[str]) -> list[set[str]]:
    """Return what of all that is there belongs to each company."""
    return [{name for name in found if name.startswith(f"{one.settings.prefix}.")} for one in companies]


@pytest.mark.timeout(300)
def test_companies_do_not_touch(companies: list[Rig], kafka: str) -> None:
    simulated = [Simulated(seed=1), Simulated(seed=2)]
    assert {line["person"] for line in simulated[0].directory} == {line["person"] for line in simulated[1].directory}
    for one in companies:
        one.start()
    with ThreadPoolExecutor(2) as both:  # at the same time
        list(both.map(lambda one, what: one.replay(what.record, what.directory), companies, simulated))
    for one, what in zip(companies, simulated, strict=True):
        assert_varied(what.expected.active_people)
        one.assert_rows(what.expected)
        assert "another worker took over" not in one.logs()

    admin = KafkaAdminClient(bootstrap_servers=kafka)
    topics = {topic["name"] for topic in admin.describe_topics()}
    groups = {group["group_id"] for group in admin.list_groups()}
    transactions = {found.transactional_id for of_broker in admin.list_transactions().values() for found in of_broker}
    admin.close()
    databases = {name for (name,) in companies[0].reader.query("SELECT name FROM system.databases")[1]}

    prefixes = [one.settings.prefix for one in companies]
    assert by_company(companies, topics) == [{f"{name}.{topic.name}" for topic in TOPICS} for name in prefixes]
    assert by_company(companies, groups) == [{f"{name}.esn-pulse"} for name in prefixes]
    assert by_company(companies, transactions) == [
        {f"{name}.esn-pulse-{owner}" for owner in (*range(count), "judge")}
        for name, count in zip(prefixes, (2, 3), strict=True)
    ]
    assert {name for name in databases if name.startswith(prefixes[0])} == {
        f"{name}_{database}" for name in prefixes for database in ("esn", "esn_bi")
    }
