from collections import defaultdict

from agents.simulation import Company
from agents.simulation.changes import NEVER
from schemas import directory
from schemas.events import HEARTBEAT
from tests.agents.simulation.reading import actor, changes, events, messages, records

COMPANY = Company(people=400, days=6, seed=11)


def test_people_move_leave_come_and_are_forgotten() -> None:
    before = records(COMPANY.directory())
    kinds = defaultdict(list)
    for change in changes(COMPANY.lines()):
        if "forget" in change:
            assert change["forget"] in before
            kinds["forget"].append(change)
            continue
        old = before.get(change["person"])
        if old is None:
            kinds["hire"].append(change)
        elif not change["enabled"]:
            assert old["enabled"]
            kinds["leave"].append(change)
        else:
            assert old["department"] != change["department"]
            assert change["manager"] in before
            kinds["move"].append(change)
    assert set(kinds) == {"move", "leave", "hire", "forget"}


def test_changes_are_records_the_worker_reads() -> None:
    for line in COMPANY.changes.lines:
        if b'"forget"' not in line:
            directory.read(line)


def test_changes_stand_at_their_time() -> None:
    """Time of a change: it stands after the last heartbeat before it and before the next one."""
    newest, at = 0, dict(zip(COMPANY.changes.lines, COMPANY.changes.at.tolist(), strict=True))
    for line in COMPANY.lines():
        if line in at:
            assert newest <= at[line] <= newest + 60_000
        elif b"esn.heartbeat" in line:
            newest = messages([line])[0].time_ms


def test_leavers_try_to_log_in_and_only_some_sessions_go_on() -> None:
    left = {COMPANY.staff.ids[row]: at for row, at in enumerate(COMPANY.changes.left_at.tolist()) if at < NEVER}
    after = [event for event in events(COMPANY.lines()) if event.time_ms >= left.get(actor(event), NEVER)]
    succeeded = {actor(event) for event in after if event.data and event.data.outcome != "failure"}
    assert any(event.data and event.data.outcome == "failure" for event in after)
    assert len(succeeded) < len(left)


def test_disabled_profiles_act_so_that_leaving_them_out_can_be_tested() -> None:
    disabled = {person for person, record in records(COMPANY.directory()).items() if not record["enabled"]}
    acts = [event for event in events(COMPANY.lines()) if actor(event) in disabled]
    assert any(event.type != HEARTBEAT and event.data and event.data.outcome != "failure" for event in acts)


def test_nobody_acts_before_being_hired_and_some_forgotten_people_come_back() -> None:
    staff, plan = COMPANY.staff, COMPANY.changes
    row = {person: number for number, person in enumerate(staff.ids)}
    back = set()
    for event in events(COMPANY.lines()):
        number = row[actor(event)]
        assert event.time_ms >= plan.hired_at[number]
        if event.time_ms > plan.forgotten_at[number]:
            back.add(number)
    assert all(number % 2 for number in back)
