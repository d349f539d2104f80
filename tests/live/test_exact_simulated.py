"""The main job on simulated companies, with everything that can be out of order: all rows are those of the recount."""

from typing import Any

import pytest

from tests.live.samples import check, simulated


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("seed", "step_seconds", "days", "partitions", "workers"),
    [(1, 60, 2, 4, 1), (2, 60, 2, 1, 1), (3, 900, 9, 7, 1), (4, 900, 9, 4, 2), (5, 60, 2, 7, 1), (6, 900, 9, 1, 1)],
)
def test_simulated(company: Any, seed: int, step_seconds: int, days: int, partitions: int, workers: int) -> None:
    sample = simulated(seed, step_seconds, days)
    check(company(partitions, step_seconds), sample, sample.record, workers)
