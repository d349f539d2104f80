from collections import Counter
from itertools import pairwise

import numpy as np

from agents.simulation import REGIONS, Company
from agents.simulation.people import CONTRIBUTOR, CREATOR, LURKER, PERSON
from tests.agents.simulation.reading import actor, changes, events, records

COMPANY = Company(people=1000, days=5, seed=2)


def depths(managers: dict[str, str | None]) -> list[int]:
    """Return how many managers are above each person; fails on a circle."""
    found = []
    for boss in managers.values():
        above, depth = boss, 0
        while above is not None:
            above, depth = managers[above], depth + 1
            assert depth <= len(managers), "a circle"
        found.append(depth)
    return found


def test_the_manager_tree_is_deep_and_has_no_circle() -> None:
    directory = records(COMPANY.directory())
    people = {person: record["manager"] for person, record in directory.items() if record["kind"] == "person"}
    assert set(people.values()) - {None} <= set(people)
    assert max(depths(people)) >= 4


def test_the_tree_has_no_circle_after_moves_and_hires() -> None:
    directory = records(COMPANY.directory())
    for change in changes(COMPANY.lines()):
        if "person" in change:
            directory[change["person"]] = change
    depths({person: record["manager"] for person, record in directory.items()})


def test_leaders_have_reports() -> None:
    directory = records(COMPANY.directory())
    managers = {record["manager"] for record in directory.values()}
    leaders = {person for person, record in directory.items() if record["leader"]}
    assert leaders
    assert leaders <= managers
    assert len(leaders) < len(managers)


def test_all_sorts_of_profiles_occur_even_in_a_small_company() -> None:
    directory = records(Company(people=60, days=1).directory())
    assert {record["kind"] for record in directory.values()} == {"person", "guest", "service"}
    people = [record for record in directory.values() if record["kind"] == "person"]
    assert len(people) == 60
    for field in ("region", "department", "manager"):
        missing = [record for record in people if record[field] is None]
        assert 0 < len(missing) < 6
    assert any(record["ambassador"] for record in people)
    assert any(not record["enabled"] for record in people)
    zones = {region.name: region.timezone for region in REGIONS}
    assert all(record["timezone"] == zones.get(record["region"]) for record in people)


def test_ninety_read_nine_join_in_one_creates() -> None:
    staff = COMPANY.staff
    roles = Counter(staff.role[staff.kind == PERSON].tolist())
    shares = [roles[role] / roles.total() for role in (LURKER, CONTRIBUTOR, CREATOR)]
    assert np.allclose(shares, [0.90, 0.09, 0.01], atol=0.02)


def test_the_eager_few_write_most() -> None:
    wrote = Counter(actor(event) for event in events(COMPANY.lines()) if event.data and event.data.verb == "post")
    most = [count for _, count in wrote.most_common()]
    assert sum(most[: len(COMPANY.staff.ids) // 10]) > 0.6 * sum(most)
    assert all(more >= less for more, less in pairwise(most))


def test_some_never_come() -> None:
    seen = {actor(event) for event in events(COMPANY.lines())}
    assert set(records(COMPANY.directory())) - seen
