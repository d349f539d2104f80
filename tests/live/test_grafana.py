"""Every query and variable of every dashboard, on real workers, a real Prometheus and a real ClickHouse.

A company lives for two weeks and two days; at nine on the last day Sales stays away, and the record ends with that drop
open. Its Board of seven is too small to be shown.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from clickhouse_driver import Client

from agents.replay import send
from agents.simulation import REGIONS, Company, Drop
from tests.grafana.dashboards import DASHBOARDS, PROMETHEUS, Json, Moment, defaults, moment, panels, source
from tests.grafana.executed import Frame, Sources
from tests.live.monitoring import Prometheus
from tests.live.rig import Rig, rig, wait_until
from tests.live.scraping import free_port, get, health, samples

pytestmark = pytest.mark.timeout(600)
DAYS: Final = 16
START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
NINE = START + timedelta(days=DAYS - 1, hours=9)
LAST_EVENT = NINE + timedelta(hours=4, minutes=10)
END = NINE + timedelta(hours=5)
"""Of the last step that closes."""
WEEK: Final = timedelta(days=7)
CALMED: Final = "[60s:1s]"
"""For the panels' [2m:10s]: here Prometheus reads each second."""


def company() -> tuple[list[bytes], list[bytes]]:
    """Directory and record."""
    away = Drop("department", "Sales", 1.0, round(NINE.timestamp() * 1000), 6)
    made = Company(
        people=240, seed=5, start=START, days=DAYS, regions=REGIONS[:2], departments=("Sales", "IT", "Legal"),
        communities=6, drops=(away,),
    )  # fmt: skip
    directory = list(made.directory())
    legal = [place for place, line in enumerate(directory) if b'"Legal"' in line][:7]
    for place in legal:
        directory[place] = directory[place].replace(b'"Legal"', b'"Board"')
    last = LAST_EVENT.strftime("%Y-%m-%dT%H:%M:%S").encode()
    return directory, [line for line in made.lines() if b'"type"' in line and line.split(b'"time":"')[1][:19] <= last]


@dataclass
class Fed:
    """A company that was fed, and where to ask about it."""

    rig: Rig
    ports: list[int]
    prometheus: Prometheus
    sources: Sources
    began: datetime

    @property
    def database(self) -> str:
        return self.rig.settings.database

    def start(self, number: int) -> None:
        self.rig.start(ESN_WEB_PORT=str(self.ports[number]))

    def at(self, board: str, kind: str, **values: str) -> Moment:
        """The record's time for ClickHouse; the minutes since the workers began for Prometheus."""
        chosen = defaults(DASHBOARDS[board]) | {"database": f"{self.database}_bi"} | values
        if kind == PROMETHEUS:
            now = datetime.fromtimestamp(time.time(), UTC)
            return replace(moment(self.began, now, **chosen), scrape_seconds=1)
        return moment(START - timedelta(days=40), END, **chosen)

    def frames(self, board: str, title: str, **values: str) -> list[Frame]:
        (panel,) = (panel for panel in panels(DASHBOARDS[board]) if panel["title"] == title)
        return self.execute(board, panel, **values)

    def execute(self, board: str, panel: Json, **values: str) -> list[Frame]:
        at = self.at(board, source(panel["targets"][0]), **values)
        return self.sources.frames(calmed(panel), at)

    def instants(self, board: str, title: str, **values: str) -> dict[str, float]:
        """Values of a stat panel by their legend."""
        return {frame.names[1]: frame.rows[-1][1] for frame in self.frames(board, title, **values)}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.rig.reader.query(sql)[1]


def calmed(panel: Json) -> Json:
    targets = [
        target | ({"expr": target["expr"].replace("[2m:10s]", CALMED)} if "expr" in target else {})
        for target in panel["targets"]
    ]
    return panel | {"targets": targets}


@pytest.fixture(scope="module")
def fed(kafka: str, clickhouse_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fed]:
    folder = tmp_path_factory.mktemp("grafana")
    env = {
        "ESN_KAFKA": kafka,
        "ESN_CLICKHOUSE": clickhouse_url,
        "ESN_PREFIX": f"g{time.monotonic_ns()}",
        "ESN_TIME": "events",
        "ESN_STEP_SECONDS": "3600",
        "ESN_LATENESS_SECONDS": "0",
        "ESN_CHECKPOINT_SECONDS": "1",
        "ESN_PEOPLE_SECONDS": "1",
        "ESN_HOME": str(folder),
    }
    began = datetime.fromtimestamp(time.time(), UTC)
    with rig(env, folder, 4) as one:
        ports = [free_port() for _ in range(3)]
        prometheus = Prometheus(folder, ports)
        at = one.settings.clickhouse
        try:
            with Client(at.host, at.port) as client:
                made = Fed(one, ports, prometheus, Sources(prometheus.ask, client), began)
                made.start(0)
                directory, record = company()
                send(one.settings, record, directory)
                one.wait_published(round(END.timestamp() * 1000) + 1)
                wait_until(lambda: made.rows("SELECT count() FROM drops WHERE member = 'Sales'")[0][0], 120, "the drop")
                yield made
        finally:
            prometheus.stop()


EVERY = [
    pytest.param(name, panel, id=f"{name}-{panel['title']}")
    for name, board in DASHBOARDS.items()
    for panel in panels(board)
]
SALES: Final = {"dimension": "department", "member": "Sales", "by": "community"}


@pytest.mark.parametrize(("board", "panel"), EVERY)
def test_a_panel_has_rows_of_the_kind_that_it_draws(fed: Fed, board: str, panel: Json) -> None:
    values = SALES if board == "drops" else {}
    frames: list[Frame] = []

    def answered() -> bool:
        frames[:] = fed.execute(board, panel, **values)
        return bool(frames) and all(frame.rows for frame in frames)

    wait_until(answered, 60, f"rows of {panel['title']}")
    for frame in frames:
        assert len(set(frame.names)) == len(frame.names)
        first, *others = zip(frame.names, frame.types, strict=True)
        numbers = [name for name, kind in others if "Int" in kind or "Float" in kind]
        if panel["type"] == "timeseries":
            assert first[0] == "time"
            assert "Date" in first[1]
            assert numbers
            whole = [value for name in numbers for value in frame.column(name) if value is not None]
            assert any(math.isfinite(value) for value in whole)
        elif panel["type"] == "barchart":
            assert "String" in first[1]
            assert len(numbers) == len(others)
            assert first[0] == panel["options"]["xField"]
        elif panel["type"] == "stat":
            assert math.isfinite(frame.rows[-1][1])
    named = {name for frame in frames for name in frame.names} | {"Time", "Value #A", "Value #B", "Value", "__name__"}
    for override in panel["fieldConfig"]["overrides"]:
        assert override["matcher"]["options"] in named, "a field that is there"


@pytest.mark.parametrize(
    ("board", "variable"),
    [
        pytest.param(name, one, id=f"{name}-{one['name']}")
        for name, board in DASHBOARDS.items()
        for one in board["templating"]["list"]
        if one["type"] != "datasource"
    ],
)
def test_a_variable_offers_what_it_is_set_to(fed: Fed, board: str, variable: Json) -> None:
    at = fed.at(board, source(variable) if variable["type"] == "query" else "")
    wait_until(lambda: at.values[variable["name"]] in fed.sources.variable(variable, at), 30, variable["name"])
    if variable["name"] == "member":
        offered = fed.sources.variable(variable, replace(at, values={**at.values, "dimension": "department"}))
        assert set(offered) >= {"Sales", "IT", "Legal"}


@pytest.mark.parametrize("name", [name for name, board in DASHBOARDS.items() if board["annotations"]["list"]])
def test_annotations_are_the_drops_that_are_reported(fed: Fed, name: str) -> None:
    (annotation,) = DASHBOARDS[name]["annotations"]["list"]
    frame = fed.sources.sql(fed.at(name, "").sql(annotation["target"]["rawSql"]))
    assert frame.names == ["time", "timeEnd", "text"]
    reported = large_drops(fed, "began_at", "parent_id IS NULL AND state != 'withdrawn'")
    assert sorted(frame.column("time")) == sorted(row[0] for row in reported)
    assert "department Sales, active" in frame.column("text")


# -- numbers are those of the views


def sizes(fed: Fed) -> dict[tuple[str, str, datetime], int]:
    """(dimension, member, hour) -> enabled."""
    sql = "SELECT dimension, member, at, enabled FROM active_people WHERE measure = 'active'"
    return {tuple(row[:3]): row[3] for row in fed.rows(sql)}


def large_drops(fed: Fed, columns: str, where: str = "1") -> list[tuple[Any, ...]]:
    """Rows of the view drops, but of segments that were too small when the drop was found."""
    enabled = sizes(fed)
    sql = f"SELECT dimension, member, toStartOfHour(detected_at), {columns} FROM drops WHERE {where}"
    return [row[3:] for row in fed.rows(sql) if row[0] == "company" or enabled.get(row[:3], 0) >= 10]


def newest(fed: Fed, dimension: str = "company", member: str = "all") -> dict[str, float]:
    windows = "w5m, w1h, w24h, w7d, w28d"
    where = f"dimension = '{dimension}' AND member = '{member}' AND measure = 'active'"
    last = "at = (SELECT max(at) FROM active_people WHERE complete)"
    (row,) = fed.rows(f"SELECT {windows}, enabled FROM active_people WHERE {where} AND {last}")
    return dict(zip(("5 min", "1 hour", "24 hours", "7 days", "28 days", "enabled"), row, strict=True))


def shown(fed: Fed, **values: str) -> dict[str, float]:
    return fed.instants("adoption", "People, from 5 minutes to 28 days", **values) | fed.instants(
        "adoption", "Enabled", **values
    )


@pytest.mark.parametrize("segment", [("company", "all"), ("department", "IT")], ids=str)
def test_people_of_now_are_the_newest_rows(fed: Fed, segment: tuple[str, str]) -> None:
    values = dict(zip(("dimension", "member"), segment, strict=True))
    wait_until(lambda: shown(fed, **values) == newest(fed, *segment), 90, "people of now")
    series = ("dimension", "member", "measure")

    def agrees() -> bool:  # the judge may be behind, and Prometheus behind the judge
        page = get(fed.ports[0], "/metrics")[1]
        metrics = ("esn_expected_people", "esn_expected_low_people")
        wanted = [samples(page, metric, *series).get((*segment, "active")) for metric in metrics]
        frames = fed.frames("adoption", "Expected and actual, people per hour", **values)
        return [frame.rows[-1][1] for frame in frames] == [newest(fed, *segment)["1 hour"], *wanted]

    wait_until(agrees, 90, "the judge's expectation")


def test_drops_are_those_of_the_view(fed: Fed) -> None:
    columns = "dimension, member, measure"
    open_ones = large_drops(fed, f"{columns}, depth, parent_id", "state = 'open'")
    assert fed.instants("drops", "Open drops") == {"open": len({row[:3] for row in open_ones})}
    (frame,) = fed.frames("drops", "To act on now")
    series = zip(*(frame.column(name) for name in columns.split(", ")), strict=True)
    told = dict(zip(series, frame.column("Value"), strict=True))
    assert told == {row[:3]: row[3] for row in sorted(open_ones, key=lambda row: row[3]) if row[4] is None}
    assert ("department", "Sales", "active") in told
    assert fed.instants("drops", "Sources silent") == {"silent": 0}
    (past,) = fed.frames("drops", "Drops in this time")
    wanted = large_drops(fed, f"began_at, ended_at, {columns}, window, severity, depth, lost_person_hours, state")
    assert sorted(map(repr, (row[:10] for row in past.rows))) == sorted(map(repr, wanted))


def hourly(fed: Fed, where: str) -> dict[tuple[str, datetime], int]:
    """(member, end of the hour) -> people in the hour."""
    sql = f"SELECT member, at, w1h FROM active_people WHERE {where} AND measure = 'active' AND complete"
    return {(member, at.replace(tzinfo=UTC)): people for member, at, people in fed.rows(sql)}


def test_the_heat_map_is_the_mean_of_the_hours(fed: Fed) -> None:
    people: dict[tuple[int, int], list[int]] = defaultdict(list)
    for (_, at), count in hourly(fed, "dimension = 'department' AND member = 'Sales'").items():
        begin = at - timedelta(hours=1)
        people[begin.weekday(), begin.hour].append(count)
    (frame,) = fed.frames("drops", "When people are there: weekday and hour", **SALES)
    assert frame.column("weekday") == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    for day, row in enumerate(frame.rows):
        assert list(row[1:]) == pytest.approx(
            [sum(people[day, hour]) / len(people[day, hour]) for hour in range(24)], abs=0.06
        )


def test_what_carries_a_drop_is_what_came_a_week_before(fed: Fed) -> None:
    ((began,),) = fed.rows("SELECT max(began_at) FROM drops WHERE dimension = 'department' AND member = 'Sales' "
                           "AND measure = 'active' AND state != 'withdrawn'")  # fmt: skip
    began = began.replace(tzinfo=UTC)
    missing: dict[str, int] = defaultdict(int)
    for (member, at), people in hourly(fed, "dimension = 'department' AND enabled >= 10").items():
        missing[member] += people * ((began < at + WEEK <= END) - (began < at <= END))
    (frame,) = fed.frames("drops", "Which part of it stays away", **SALES | {"by": "department"})
    assert dict(frame.rows) == {member: count for member, count in missing.items() if count > 0}
    assert frame.rows[0][0] == "Sales"
    fewer: dict[str, int] = defaultdict(int)
    where = "dimension = 'department' AND member = 'Sales'"
    for verb, minute, events in fed.rows(f"SELECT verb, minute, sum(events) FROM activity WHERE {where} GROUP BY 1, 2"):
        at = minute.replace(tzinfo=UTC)
        fewer[verb] += events * ((began <= at + WEEK < END) - (began <= at < END))
    (frame,) = fed.frames("drops", "What is done less", **SALES)
    told = dict(frame.rows)
    assert told.items() <= fewer.items()
    assert sorted(told.values()) == sorted(count for count in fewer.values() if count > 0)[-10:]
    assert sum(told.values()) > 20


def last(view: str) -> str:
    return f"day = (SELECT max(day) FROM {view})"


BY_DAY: Final = {
    ("adoption", "Adoption of the segment, day by day"): """
        SELECT toDateTime(day), logged_in_7d / enabled, active_7d / enabled, contributed_7d / enabled, target
        FROM adoption WHERE dimension = 'company'""",
    ("adoption", "Adoption by segment, against the target"): f"""
        SELECT member, enabled, active_7d / enabled, target, change_28d,
            if(below_target, ceil(target * enabled) - active_7d, 0), ''
        FROM adoption WHERE dimension = 'department' AND enabled >= 10 AND {last("adoption")}""",
    ("adoption", "The way to using it every week"): f"""
        SELECT replaceAll(stage, '_', ' '), reached FROM journey WHERE dimension = 'company' AND {last("journey")}""",
    ("adoption", "What people are"): f"""
        SELECT replaceAll(role, '_', ' '), people / enabled
        FROM roles WHERE dimension = 'company' AND {last("roles")}""",
    ("people", "Who went silent, by segment"): """
        SELECT member, sumIf(people, transition = 'at_risk'), sumIf(people, transition = 'dormant')
        FROM lifecycle WHERE dimension = 'department' AND transition IN ('at_risk', 'dormant')
            AND member IN ('Sales', 'IT', 'Legal')
        GROUP BY member""",
    ("people", "Who moved where"): """
        SELECT replaceAll(from_stage, '_', ' '), replaceAll(to_stage, '_', ' '), sum(people)
        FROM journey_moves WHERE dimension = 'company' GROUP BY 1, 2""",
    ("people", "Do leaders show themselves?"): f"""
        SELECT who, active_7d / people, contributed_7d / people
        FROM leaders WHERE dimension = 'company' AND people >= 10 AND {last("leaders")}""",
    ("people", "How use spread"): """
        SELECT toDateTime(day), member, ever_used / enabled
        FROM spread WHERE dimension = 'department' AND enabled >= 10""",
    ("people", "Which segment followed which"): f"""
        SELECT position, member, share, toString(reached_10), toString(reached_25), toString(reached_50)
        FROM spread WHERE dimension = 'department' AND enabled >= 10 AND {last("spread")}""",
}
"""A plain question to the public views, for each panel of local days."""


@pytest.mark.parametrize(("board", "title"), BY_DAY, ids=[title for _, title in BY_DAY])
def test_days_are_those_of_the_views(fed: Fed, board: str, title: str) -> None:
    (frame,) = fed.frames(board, title)
    told = [row for row in frame.rows if row[-1] != "too few people"]
    assert sorted(map(repr, told)) == sorted(map(repr, fed.rows(BY_DAY[board, title])))


def test_what_happened_and_stages_add_up_to_the_views(fed: Fed) -> None:
    (frame,) = fed.frames("people", "What happened to people, per day")
    told = {
        (at, name.replace(" ", "_")): abs(value)
        for at, *values in frame.rows
        for name, value in zip(frame.names[1:], values, strict=True)
        if value
    }
    asked = "SELECT toDateTime(day), transition, people FROM lifecycle WHERE dimension = 'company'"
    assert told == {tuple(row[:2]): row[2] for row in fed.rows(asked)}
    (frame,) = fed.frames("people", "Stages of the way, day by day")
    enabled = dict(fed.rows("SELECT toDateTime(day), enabled FROM adoption WHERE dimension = 'company'"))
    assert {at: sum(values) for at, *values in frame.rows} == enabled
    (frame,) = fed.frames("people", "Our own 90-9-1")
    asked = "SELECT readers_share, contributors_share, leading_share FROM participation WHERE dimension = 'company'"
    assert tuple(frame.column("share")) == fed.rows(f"{asked} ORDER BY day DESC")[0]


def test_small_segments_are_listed_without_numbers(fed: Fed) -> None:
    (frame,) = fed.frames("adoption", "Adoption by segment, against the target")
    (row,) = (row for row in frame.rows if row[0] == "Board")
    assert row[1:3] == (None, None)
    assert row[-1] == "too few people"
    few = """SELECT count() FROM active_people
        WHERE dimension IN ('region', 'department', 'community') AND measure = 'active' AND enabled < 10
            AND at = (SELECT max(at) FROM active_people WHERE complete)"""
    assert fed.instants("adoption", "Too small to show") == {"hidden": fed.rows(few)[0][0]}


def test_health_is_what_workers_and_tables_say(fed: Fed) -> None:
    wait_until(lambda: fed.instants("health", "Messages that wait") == {"waiting": 0}, 30, "everything to be read")
    assert fed.instants("health", "ClickHouse") == {"ClickHouse": 1}
    assert fed.instants("health", "People known") == {"people": len(fed.rig.people())}
    assert fed.instants("health", "Refused") == {"refused": 0}


@pytest.mark.last
def test_people_are_right_with_three_workers_and_while_partitions_move(fed: Fed) -> None:
    """In a panel that takes the median, a partition that nobody has for a moment, or two have, is not seen."""
    right = newest(fed)
    wait_until(lambda: shown(fed) == right, 90, "people of now")

    def moved(whole: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + 240
        while not whole():
            assert time.monotonic() < deadline, what
            assert shown(fed) == right
            time.sleep(0.3)

    def owned() -> list[list[int]]:
        return [health(port).get("partitions") or [] for port in fed.ports]

    fed.start(1)
    fed.start(2)
    moved(lambda: sorted(map(len, owned())) == [1, 1, 2], "three workers to share")
    assert fed.instants("health", "Workers up")["known"] == 3
    fed.rig.workers[0].terminate()
    moved(lambda: sorted(map(len, owned()[1:])) == [2, 2], "two workers to take over")
    wait_until(lambda: fed.instants("health", "Workers up")["up"] == 2, 20, "Prometheus to notice")
    fed.rig.workers[0].wait(40)
    for _ in range(10):
        assert shown(fed) == right
        time.sleep(0.5)
    (frame,) = fed.frames("drops", "To act on now")
    assert ("Sales", "active") in zip(frame.column("member"), frame.column("measure"), strict=True)
