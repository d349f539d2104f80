"""A real Kafka and a real ClickHouse for the tests in this folder: fresh, on free ports, once per test run.

A stack that cannot start is an error, never a skip; without the services, run `pytest --ignore tests/live`.
Tests share the servers, not what is in them: whatever a test creates carries its `prefix`.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.settings import Settings
from deploy.local.stack import Stack
from tests.live.rig import Rig, rig


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where downloads are kept: the user's own cache, so that they are fetched once."""
    wanted = ("HOME", "XDG_CACHE_HOME", "ESN_CACHE")
    return Settings.from_env({name: os.environ[name] for name in wanted if name in os.environ}).cache


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Stack]:
    """Both servers; a test that stops one of them starts it again. Their logs outlive the run, in pytest's folder."""
    stack = Stack(tmp_path_factory.mktemp("stack"), cache)
    with stack.running():
        yield stack


@pytest.fixture(scope="session")
def kafka(stack: Stack) -> str:
    """Kafka's `host:port`."""
    return stack.addresses.kafka


@pytest.fixture(scope="session")
def clickhouse_url(stack: Stack) -> str:
    """ClickHouse's URL; its database `esn` does not exist until somebody migrates."""
    return stack.addresses.clickhouse


@pytest.fixture
def prefix() -> str:
    """For ESN_PREFIX: topics, groups and databases of this test alone."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def company(kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path) -> Iterator[Any]:
    """Make rigs: company(partitions, step_seconds, and more settings)."""
    made: list[Any] = []

    def make(partitions: int, step_seconds: int, **more: str) -> Rig:
        env = {
            "ESN_KAFKA": kafka,
            "ESN_CLICKHOUSE": clickhouse_url,
            "ESN_PREFIX": prefix,
            "ESN_TIME": "events",
            "ESN_STEP_SECONDS": str(step_seconds),
            "ESN_PEOPLE_SECONDS": "1",
            "ESN_CHECKPOINT_SECONDS": "1",
            "ESN_HOME": str(tmp_path),
        }
        made.append(rig(env | more, tmp_path, partitions))
        opened: Rig = made[-1].__enter__()
        return opened

    yield make
    for one in made:
        one.__exit__(None, None, None)
