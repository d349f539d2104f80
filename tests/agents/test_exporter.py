"""The page is what the contract says, of the partitions that are owned, at any moment."""

import asyncio
import threading
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agents.web import exporter
from agents.web.chosen import Segment
from agents.web.day_gauges import Day
from agents.web.metrics import METRICS
from pipeline.acts import MEASURES
from pipeline.judge import Outlook
from pipeline.segments import COMMUNITY, COMPANY, DEPARTMENT, MANAGER, REGION
from pipeline.windows import WINDOWS
from tests.agents.pages import crowd, exporting, read, scrape
from tests.agents.still_worker import StillWorker
from tests.pipeline.crowd import Crowd

PROMISED = {
    "esn_active_people": ("gauge", "dimension member measure window"),
    "esn_enabled_people": ("gauge", "dimension member"),
    "esn_suppressed_segments": ("gauge", "dimension"),
    "esn_events_total": ("counter", "topic verb"),
    "esn_moved_events_total": ("counter", "topic"),
    "esn_rejected_events_total": ("counter", "reason"),
    "esn_late_events_total": ("counter", ""),
    "esn_duplicate_events_total": ("counter", ""),
    "esn_watermark_timestamp_seconds": ("gauge", "partition"),
    "esn_source_last_event_timestamp_seconds": ("gauge", "source"),
    "esn_source_silent": ("gauge", "source"),
    "esn_consumer_lag_events": ("gauge", "topic partition"),
    "esn_clickhouse_rows_written_total": ("counter", "table"),
    "esn_clickhouse_insert_seconds": ("histogram", "table"),
    "esn_clickhouse_up": ("gauge", ""),
    "esn_checkpoint_age_seconds": ("gauge", "partition"),
    "esn_people_in_state": ("gauge", "partition"),
    "esn_event_loop_pause_seconds": ("gauge", ""),
    "esn_expected_people": ("gauge", "dimension member measure"),
    "esn_expected_low_people": ("gauge", "dimension member measure"),
    "esn_engagement_drop_open": ("gauge", "dimension member measure"),
    "esn_engagement_drop_depth_ratio": ("gauge", "dimension member measure"),
    "esn_smallest_drop_ratio": ("gauge", "dimension member measure"),
    "esn_learning_segments": ("gauge", ""),
    "esn_adoption_ratio": ("gauge", "dimension member measure"),
    "esn_adoption_target_ratio": ("gauge", "dimension member"),
    "esn_role_people": ("gauge", "dimension member role"),
    "esn_journey_people": ("gauge", "dimension member stage"),
    "esn_build_info": ("gauge", "version python"),
}


DAY = Day(
    adoption={
        ("company", "all", "active"): 0.25,
        ("department", "d3", "active"): 0.5,
        ("department", "d4", "active"): 1.0,  # not chosen any more
    },
    targets={("company", "all"): 0.8},
    roles={("company", "all", "absent"): 7},
    journey={("company", "all", "lapsed"): 3},
)


@pytest.fixture(autouse=True)
def always_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "KEPT_SECONDS", 0.0)


def everything(*crowds: Crowd) -> frozenset[Segment]:
    return frozenset(
        segment
        for one in crowds
        for segment in zip(one.state.segments.dimension, one.state.segments.member, strict=True)
        if segment[0] != MANAGER
    )


def judging(told: dict[tuple[str, str, str], tuple[float, float, float]], *opened: tuple[str, str, str]) -> Any:
    """A judge that has this outlook: expected, low, smallest."""
    expected, low, smallest = np.array(list(told.values()), float).reshape(-1, 3).T
    row = {key: row for row, key in enumerate(told)}
    outlook = Outlook(row, expected, low, smallest, frozenset(opened), 9, 3, dict.fromkeys(opened[:1], 0.6))
    return SimpleNamespace(fenced=False, judge=SimpleNamespace(outlook=outlook))


async def test_what_is_expected_is_shown_where_it_is_judged() -> None:
    worker = StillWorker(crowd().state)
    chosen = frozenset({(COMPANY, "all"), (DEPARTMENT, "d3")})
    assert not (await scrape(worker, chosen))["esn_learning_segments"]
    company, d3, d4 = ("company", "all", "active"), ("department", "d3", "login"), ("department", "d4", "login")
    worker.judging = judging({company: (120.5, 61.0, 0.3), d3: (np.nan, np.nan, np.inf), d4: (9, 3, 0.5)}, d3, d4)
    samples = await scrape(worker, chosen)
    assert samples["esn_expected_people"] == {company: 120.5}
    assert samples["esn_expected_low_people"] == {company: 61.0}
    assert samples["esn_smallest_drop_ratio"] == {company: 0.3}
    assert samples["esn_engagement_drop_open"] == {company: 0, d3: 1}
    assert samples["esn_engagement_drop_depth_ratio"] == {d3: 0.6}
    assert samples["esn_learning_segments"] == {(): 3}
    worker.judging.fenced = True
    assert not (await scrape(worker, chosen))["esn_expected_people"]


async def test_the_newest_day_is_shown_of_chosen_segments_where_it_is_judged() -> None:
    worker = StillWorker(crowd().state)
    chosen = frozenset({(COMPANY, "all"), (DEPARTMENT, "d3")})
    assert not (await scrape(worker, chosen, DAY))["esn_adoption_ratio"], "another worker judges"
    worker.judging = judging({})
    samples = await scrape(worker, chosen, DAY)
    assert samples["esn_adoption_ratio"] == {("company", "all", "active"): 0.25, ("department", "d3", "active"): 0.5}
    assert samples["esn_adoption_target_ratio"] == {("company", "all"): 0.8}
    assert samples["esn_role_people"] == {("company", "all", "absent"): 7}
    assert samples["esn_journey_people"] == {("company", "all", "lapsed"): 3}
    worker.judging.fenced = True
    assert not (await scrape(worker, chosen, DAY))["esn_role_people"]


def test_the_list_is_the_contract() -> None:
    assert {metric.name: (metric.kind, " ".join(metric.labels)) for metric in METRICS} == PROMISED
    assert all(metric.help.endswith(".") and "\n" not in metric.help for metric in METRICS)


async def test_the_page_shows_exactly_the_list() -> None:
    one = crowd()
    worker = StillWorker(one.state)
    worker.vitals.inserted("people_rows", 3, 0.07)
    worker.vitals.sources.hear("/a", one.now)
    company = ("company", "all", "active")
    worker.judging = judging({company: (120.5, 61.0, 0.3)}, company)
    page = (await exporting(worker, day=DAY).page()).decode()
    shown = {}
    for family in text_string_to_metric_families(page):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        shown[name] = (family.type, sorted(labels))
    promised = {name: (kind, sorted(labels.split())) for name, (kind, labels) in PROMISED.items()}
    assert {name: told for name, told in shown.items() if not name.startswith("process_")} == promised
    for metric in METRICS:
        assert f"# HELP {metric.name} {metric.help}\n" in page
        assert f"# TYPE {metric.name} {metric.kind}\n" in page


async def test_people_add_up_over_partitions_and_workers() -> None:
    crowds = [crowd(0), crowd(1)]
    chosen = everything(*crowds)
    both = await scrape(StillWorker(*(one.state for one in crowds)), chosen)
    apart = [await scrape(StillWorker(one.state), chosen) for one in crowds]
    for name in ("esn_active_people", "esn_enabled_people"):
        summed: dict[tuple[str, ...], float] = defaultdict(float)
        for samples in apart:
            for labels, value in samples[name].items():
                summed[labels] += value
        assert both[name] == summed
    shown = both["esn_active_people"]
    for measure, measure_name in enumerate(MEASURES):
        for place, window in enumerate(WINDOWS):
            expected = sum(int(one.state.live().people[measure, 0, place]) for one in crowds)
            assert shown["company", "all", measure_name, window] == expected
    assert both["esn_enabled_people"]["company", "all"] == sum(one.enabled for one in crowds)
    assert shown["company", "all", "active", "28d"] > shown["company", "all", "login", "5m"]


async def test_only_chosen_segments_are_shown_and_managers_never() -> None:
    one = crowd()
    worker = StillWorker(one.state)
    chosen = {(COMPANY, "all"), (REGION, "ES"), (REGION, "elsewhere"), (DEPARTMENT, "d3"), (COMMUNITY, "c1")}
    samples = await scrape(worker, chosen)
    wanted = {("company", "all"), ("region", "ES"), ("department", "d3"), ("community", "c1")}
    assert set(samples["esn_enabled_people"]) == wanted
    measures = {(*labels[:2], labels[2]) for labels in samples["esn_active_people"]}
    assert {labels[:2] for labels in measures} == wanted
    assert ("community", "c1", "login") not in measures
    assert ("community", "c1", "contribute") in measures
    assert len(samples["esn_active_people"]) == (3 * 3 + 2) * len(WINDOWS)


async def test_no_person_is_in_the_page() -> None:
    one = crowd()
    page = (await exporting(StillWorker(one.state), everything(one)).page()).decode()
    assert 'member="d3"' in page
    assert not [person for person in one.people if f'"{person}"' in page]


async def test_nothing_is_shown_of_partitions_that_are_not_owned() -> None:
    one, two = crowd(0), crowd(1)
    worker = StillWorker(one.state, two.state)
    of_partition = ("esn_watermark_timestamp_seconds", "esn_people_in_state", "esn_checkpoint_age_seconds")
    exports = exporting(worker)
    assert set(read(await exports.page())["esn_people_in_state"]) == {("0",), ("1",)}

    worker.owned = None  # the group moves, the intakes are still there
    samples = read(await exports.page())
    for name in (*of_partition, "esn_active_people", "esn_enabled_people", "esn_consumer_lag_events"):
        assert samples[name] == {}

    worker.own(two.state)
    samples = read(await exports.page())
    for name in of_partition:
        assert set(samples[name]) == {("1",)}
    assert samples["esn_enabled_people"]["company", "all"] == two.enabled


async def test_partitions_leave_at_once_although_the_page_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "KEPT_SECONDS", 3600.0)
    one, two = crowd(0), crowd(1)
    worker = StillWorker(one.state, two.state)
    exports = exporting(worker)
    before = await exports.page()
    assert await exports.page() is before
    worker.own(one.state)
    assert set(read(await exports.page())["esn_people_in_state"]) == {("0",)}


async def test_partitions_that_leave_while_the_page_is_written_are_not_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = crowd(0), crowd(1)
    worker = StillWorker(one.state, two.state)
    exports = exporting(worker)
    loop, written = asyncio.get_running_loop(), threading.Event()
    write = exports._write

    def slowly(*given: object) -> bytes:
        if not written.is_set():
            written.set()
            asyncio.run_coroutine_threadsafe(leave(), loop).result(10)
        return write(*given)  # type: ignore[arg-type]

    async def leave() -> None:
        worker.own(two.state)

    monkeypatch.setattr(exports, "_write", slowly)
    assert set(read(await exports.page())["esn_people_in_state"]) == {("1",)}


async def test_many_scrapes_at_once_are_gathered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "KEPT_SECONDS", 3600.0)
    worker = StillWorker(crowd().state)
    exports = exporting(worker)
    pages = await asyncio.gather(*(exports.page() for _ in range(20)))
    assert len(set(map(id, pages))) == 1
    assert worker.batches.asked == 1


async def test_counting_goes_on_while_the_partition_changes() -> None:
    """Acts, growth, forgetting and closing between and during scrapes; each page is of one moment."""
    one = crowd()
    worker = StillWorker(one.state)
    exports = exporting(worker, everything(one))
    scrapes = [asyncio.create_task(exports.page()) for _ in range(20)]
    for _ in range(20):
        one.list_people(100)
        one.act(50, seconds=5)
        one.forget(20)
        await asyncio.sleep(0)
        if one.state.due():
            await asyncio.to_thread(one.state.close)
    for page in await asyncio.gather(*scrapes):
        samples = read(page)
        active, enabled = samples["esn_active_people"], samples["esn_enabled_people"]
        for measure in MEASURES:
            counts = [active["company", "all", measure, window] for window in WINDOWS]
            assert counts == sorted(counts)
        assert enabled["company", "all"] == sum(value for labels, value in enabled.items() if labels[0] == "region")
