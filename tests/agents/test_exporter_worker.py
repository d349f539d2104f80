"""What the page says of the worker itself: counters, clocks, lag, sources, ClickHouse."""

import pytest
from aiokafka.errors import KafkaConnectionError
from faust.types import TP

from agents.web import exporter
from pipeline.segments import DEPARTMENT
from tests.agents.pages import crowd, exporting, read, scrape
from tests.agents.still_worker import StillWorker
from tests.pipeline.crowd import Crowd


@pytest.fixture(autouse=True)
def always_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporter, "KEPT_SECONDS", 0.0)


async def test_counters_begin_at_zero_and_count() -> None:
    worker = StillWorker()
    samples = await scrape(worker)
    assert samples["esn_events_total"]["esn.logins", "login"] == 0
    assert samples["esn_events_total"]["esn.content", "recognise"] == 0
    assert samples["esn_rejected_events_total"]["not_json",] == 0
    assert samples["esn_late_events_total"][()] == 0
    vitals = worker.vitals
    vitals.events["esn.content", "post"] += 7
    vitals.moved["esn.directory"] += 2
    vitals.rejected["no_zone"] += 3
    vitals.late, vitals.duplicate = 4, 5
    samples = await scrape(worker)
    assert samples["esn_events_total"]["esn.content", "post"] == 7
    assert samples["esn_events_total"]["esn.content", "view"] == 0
    assert samples["esn_moved_events_total"] == {("esn.logins",): 0, ("esn.content",): 0, ("esn.directory",): 2}
    assert samples["esn_rejected_events_total"]["no_zone",] == 3
    assert samples["esn_late_events_total"] == {(): 4}
    assert samples["esn_duplicate_events_total"] == {(): 5}


async def test_clocks_and_people_of_each_partition() -> None:
    one, two = crowd(0), Crowd(seed=9, number=1, partitions=2)
    worker = StillWorker(one.state, two.state)
    worker.intakes[0].checkpoint.at -= 500
    samples = await scrape(worker)
    ages = samples["esn_checkpoint_age_seconds"]
    assert ages["0",] - ages["1",] == pytest.approx(500, abs=60)
    assert samples["esn_watermark_timestamp_seconds"] == {("0",): one.state.clocks.watermark / 1000}
    assert samples["esn_people_in_state"] == {("0",): 60, ("1",): 0}


async def test_lag_is_the_log_s_end_less_what_is_applied() -> None:
    worker = StillWorker(crowd().state)
    logins, content, listings = (worker.feed(name, 0) for name in ("esn.logins", "esn.content", "esn.directory"))
    worker.batches.ends = {logins.tp: 100, content.tp: 70, listings.tp: 12}
    logins.read = logins.position = 90
    content.position, content.read = 70, 40  # the rest was fetched and not read
    listings.read = listings.position = 10
    worker.batches.holes[listings.tp] = 12  # compacted away, and read to the end
    assert (await scrape(worker))["esn_consumer_lag_events"] == {
        ("esn.logins", "0"): 10,
        ("esn.content", "0"): 30,
        ("esn.directory", "0"): 0,
    }


async def test_acts_that_wait_for_the_other_topic_are_lag() -> None:
    one = crowd()
    worker = StillWorker(one.state)
    worker.batches.ends = {TP("acme.esn.content", 0): 1000}
    worker.feed("esn.content", 0).read = 1000
    assert (await scrape(worker))["esn_consumer_lag_events"]["esn.content", "0"] == 0
    offset = one.read_and_wait(one.event("esn.content", {"actor": one.people[0], "verb": "view"}))
    assert (await scrape(worker))["esn_consumer_lag_events"]["esn.content", "0"] == 1000 - offset


async def test_a_broker_that_is_away_leaves_the_last_lag() -> None:
    worker = StillWorker(crowd().state)
    exports = exporting(worker)
    worker.batches.ends = {worker.feed("esn.logins", 0).tp: 5}
    assert read(await exports.page())["esn_consumer_lag_events"]["esn.logins", "0"] == 5
    worker.batches.trouble = KafkaConnectionError("away")
    assert read(await exports.page())["esn_consumer_lag_events"]["esn.logins", "0"] == 5
    worker.feed("esn.logins", 0).read = 4
    assert read(await exports.page())["esn_consumer_lag_events"]["esn.logins", "0"] == 1


async def test_sources_are_told_by_the_newest_clock() -> None:
    one = crowd()
    worker = StillWorker(one.state)
    worker.vitals.sources.hear("/alive", one.now - 60_000, heartbeats=1)
    worker.vitals.sources.hear("/gone", one.now - 700_000, heartbeats=1)
    samples = await scrape(worker)
    assert samples["esn_source_silent"] == {("/alive",): 0, ("/gone",): 1}
    assert samples["esn_source_last_event_timestamp_seconds"]["/gone",] == (one.now - 700_000) / 1000
    worker.own()
    assert (await scrape(worker))["esn_source_silent"] == {}, "a spare worker hears nobody"


async def test_clickhouse() -> None:
    worker = StillWorker()
    for seconds in (0.004, 0.03, 0.03, 99.0):
        worker.vitals.inserted("people_rows", 10, seconds)
    samples = await scrape(worker)
    buckets = samples["esn_clickhouse_insert_seconds_bucket"]
    assert buckets["people_rows", "0.005"] == 1
    assert buckets["people_rows", "0.05"] == 3
    assert buckets["people_rows", "30.0"] == 3
    assert buckets["people_rows", "+Inf"] == 4
    assert samples["esn_clickhouse_insert_seconds_count"]["people_rows",] == 4
    assert samples["esn_clickhouse_insert_seconds_sum"]["people_rows",] == pytest.approx(99.064)
    assert samples["esn_clickhouse_rows_written_total"] == {("people_rows",): 40}
    assert samples["esn_clickhouse_up"] == {(): 1}
    worker.sink.up = False
    assert (await scrape(worker))["esn_clickhouse_up"] == {(): 0}
    worker.sink = None  # not needed yet: neither up nor down
    assert (await scrape(worker))["esn_clickhouse_up"] == {}


async def test_the_process_and_the_build() -> None:
    samples = await scrape(StillWorker())
    assert samples["esn_event_loop_pause_seconds"] == {(): 0.25}
    (labels,) = samples["esn_build_info"]
    assert labels[0] == "1.2.3"


async def test_odd_names_come_through() -> None:
    one = Crowd(seed=1)
    odd = 'Dépt "A"\n\\ {x="y"} 🙂'
    one.list_people(5, department=odd, enabled=True, kind="person")
    samples = await scrape(StillWorker(one.state), {(DEPARTMENT, odd)})
    assert samples["esn_enabled_people"] == {("department", odd): 5}
