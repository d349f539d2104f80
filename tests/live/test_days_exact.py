"""The views of days and the transitions on the real stack: all rows are those of the brute-force recount."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.live.day_samples import APIA, SPRING, TARGETS, DaySample, eventful
from tests.recount import assert_varied
from tests.recount.compare import assert_occurs
from tests.recount.roles import ROLES
from tests.recount.stages import STAGES
from tests.recount.transitions import STATES


def written(targets: dict[str, Any], path: Path) -> Path:
    """Write the file of targets."""
    lines = [f"default = {targets['default']}"]
    for dimension, members in targets.items():
        if isinstance(members, dict):
            lines += [f"[{dimension}]", *(f"{member} = {share}" for member, share in members.items())]
    path.write_text("\n".join(lines) + "\n")
    return path


def assert_everything_occurs(sample: DaySample) -> None:
    """Every state, role, stage and transition occurs in several segments, and every number takes several values."""
    seen = sample.expected
    assert_occurs(seen.roles, "role", ROLES)
    assert_occurs(seen.journey, "stage", STAGES)
    assert_occurs(seen.lifecycle, "transition", STATES)
    assert_occurs(seen.leaders, "who", ("leader", "ambassador", "everybody"))
    assert {key.kind for key in seen.transitions} == set(STATES)
    assert {row.below_target for row in seen.adoption.values()} == {True, False}
    per_segment: list[Mapping[Any, Any]] = [seen.adoption, seen.roles, seen.participation, seen.journey, seen.leaders]
    for rows in (*per_segment, seen.advocacy, seen.spread, seen.journey_moves, seen.lifecycle, seen.early_adopters):
        assert_varied(rows)
    assert_varied(seen.memberships, but=["owned"])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("seed", "timezone", "start", "partitions", "workers"),
    [
        (1, "Europe/Madrid", SPRING, 4, 1),
        (4, "Pacific/Apia", APIA, 7, 2),
    ],
)
def test_simulated_days(
    company: Any, tmp_path: Path, seed: int, timezone: str, start: datetime, partitions: int, workers: int
) -> None:
    sample = eventful(seed, timezone, start)
    assert_everything_occurs(sample)
    targets = written(TARGETS, tmp_path / "targets.toml")
    rig = company(
        partitions, sample.step_seconds, ESN_TIMEZONE=timezone, ESN_TARGETS=str(targets), ESN_CHECKPOINT_SECONDS="1"
    )
    for _ in range(workers):
        rig.start()
    rig.replay(sample.record, sample.directory)
    rig.assert_rows(sample.expected)
    rig.assert_day_rows(sample.expected)
