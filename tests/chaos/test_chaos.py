"""Two minutes of chaos with a fixed schedule: every point once, a zombie, an outage of ClickHouse, a broker's restart;
and the judge's points once more where drops are found, compared with a run in which nothing dies.

For more, and for other seeds: `python -m tests.chaos --seed N --minutes M`.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.stack import Stack
from tests.chaos import disturbances as do
from tests.chaos.disturbances import Crew
from tests.chaos.points import DROPS, INTAKE, JUDGE
from tests.chaos.record import drop_record, record
from tests.chaos.sender import sending
from tests.chaos.site import Site
from tests.chaos.undisturbed import undisturbed
from tests.live.conftest import cache  # noqa: F401  (a fixture)
from tests.recount import assert_varied

SEED = 7
POINTS = INTAKE | JUDGE
OF_THE_JUDGE = (*DROPS, "before the judge's transaction", "after the judge's transaction")


@pytest.fixture
def stack(tmp_path: Path, cache: Path) -> Iterator[Stack]:  # noqa: F811
    """Servers of our own: they are killed."""
    servers = Stack(tmp_path / "servers", cache)
    with servers.running():
        yield servers


@pytest.mark.timeout(900)
def test_nothing_is_lost_and_nothing_doubled(stack: Stack, tmp_path: Path) -> None:
    made = record(SEED, people=40, hours=6, events=3000, pieces=90)
    site = Site(stack, "chaos", tmp_path, made, partitions=2)
    crew = Crew(site, random.Random(SEED), static=True)
    told = []
    try:
        with sending(site, 1.0) as sender:  # slow enough that the last point finds something to work on, too
            for number, point in enumerate(POINTS):
                sender.check()
                told.append(do.kill_at(crew, point, 1 + number % 3))
                if number == len(POINTS) // 2:
                    told.append(do.clickhouse_dies(crew))
            crew.refill()
            told.append(do.broker_dies(crew))
            told += [do.freeze(Crew(site, crew.dice)), do.clickhouse_hangs(crew)]
            sender.finish()
        wrong = site.close_books()
    finally:
        site.stop()
    assert not wrong, "\n".join([*wrong[:20], *told])
    assert {point: crew.counts[f"killed {point}"] for point in POINTS} == dict.fromkeys(POINTS, 1), told
    assert_varied(made.expected.active_people, but=("w7d", "w28d"))


@pytest.mark.timeout(900)
def test_the_same_drops_are_found_when_the_judge_dies(stack: Stack, tmp_path: Path) -> None:
    made = drop_record(SEED, people=80, learning=14, days=17, pieces=70)
    site = Site(stack, "drops", tmp_path, made, partitions=2)
    crew = Crew(site, random.Random(SEED), static=True)
    told = []
    try:
        with sending(site, 0.4) as sender:
            crew.refill()
            sender.wait_until_it_matters()
            for point in OF_THE_JUDGE:
                sender.check()
                told.append(do.kill_at(crew, point))
            crew.refill()
            sender.finish()
        wrong = site.close_books() + undisturbed(site)
    finally:
        site.stop()
    assert not wrong, "\n".join([*wrong[:20], *told])
    assert {point: crew.counts[f"killed {point}"] for point in OF_THE_JUDGE} == dict.fromkeys(OF_THE_JUDGE, 1), told
