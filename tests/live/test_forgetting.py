"""A forgotten person is in no state, no page, no row of ClickHouse: the id is looked for in all of them."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agents.kafka import broker
from agents.replay import send
from agents.worker.checkpoint import read_pages
from pipeline import pages
from pipeline.pages import HEAD
from schemas.topics import DIRECTORY
from tests.live.rig import Rig, rig, wait_until
from tests.live.samples import Json
from tests.recount.lines import act, heartbeat, login, person

GONE = "somebody-to-be-forgotten"
TABLES = ("people_rows", "managers_rows", "daily_rows", "active_people_rows", "activity_rows", "rejects_rows")


def found_in_pages(company: Rig) -> list[str]:
    """Every state that still knows the person, from the pages as a worker would read them."""
    found = []
    for number in range(2):
        held = asyncio.run(read_pages(company.settings, number))
        held.pop(HEAD, None)
        if held and any(GONE.encode() in page for page in held.values()):
            found.append(f"raw page of {number}")
        if held and GONE in pages.decode(held, number, 2, 60_000, 120_000).people.slot:
            found.append(f"state of {number}")
    return found


def found_in_clickhouse(company: Rig) -> list[str]:
    query = "SELECT count() FROM {table} WHERE position(formatRowNoNewline('JSONEachRow', *), %(id)s) > 0"
    return [table for table in TABLES if company.reader.query(query.format(table=table), {"id": GONE})[1] != [(0,)]]


@pytest.fixture
def company(kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path) -> Iterator[Rig]:
    env = {
        "ESN_KAFKA": kafka,
        "ESN_CLICKHOUSE": clickhouse_url,
        "ESN_PREFIX": prefix,
        "ESN_TIME": "events",
        "ESN_PEOPLE_SECONDS": "1",
        "ESN_CHECKPOINT_SECONDS": "1",
        "ESN_HOME": str(tmp_path),
    }
    with rig(env, tmp_path, 2) as company:
        yield company


def forget(company: Rig, person: str) -> None:
    with broker.producer(company.settings) as producer:
        producer.send(DIRECTORY.full_name(company.settings.prefix), None, person.encode())


@pytest.mark.timeout(200)
def test_nothing_is_left(company: Rig) -> None:
    company.start()
    record = [login("10:00:00", GONE), act("10:01:00", GONE, community="hr"), act("10:01:30", "other", "view")]
    company.replay([*record, heartbeat("10:30:00")], [person(GONE, department="Sales"), person("other")], final=False)
    wait_until(lambda: GONE in company.people(), 30, "the person's row")
    wait_until(lambda: found_in_pages(company), 30, "the person's page")

    forget(company, GONE)
    wait_until(lambda: GONE not in company.people(), 30, "the row to go")
    wait_until(lambda: found_in_pages(company) == [], 30, "the pages to go")
    # the deleted row itself says who is gone, and goes by its TTL
    deleted = "SELECT count(), countIf(is_deleted) FROM people_rows WHERE person = %(id)s"
    wait_until(lambda: company.reader.query(deleted, {"id": GONE})[1] == [(1, 1)], 60, "older rows to go")
    assert found_in_clickhouse(company) == ["people_rows"]
    assert GONE not in company.logs()

    company.stop_workers()
    company.start()
    company.replay([act("11:00:00", GONE, "view"), heartbeat("11:30:00")], final=False)
    wait_until(lambda: GONE in company.people(), 30, "the new person")
    again = company.people()[GONE]
    assert (again.listed, again.department, again.logins, again.contributions) == (False, "unknown", 0, 0)


@pytest.mark.timeout(200)
def test_what_was_produced_before_is_forgotten_and_what_came_after_is_not_in_whichever_order_it_is_fetched(
    company: Rig,
) -> None:
    people = [f"u{number}" for number in range(20)]
    lines: list[Json] = [person("u0", department="Sales")]
    for name in people:
        lines += [login("10:00:00", name), act("10:00:00", name), {"forget": name}]
        lines += [act("10:00:30", name), act("10:00:40", name)]
    send(company.settings, map(msgspec.json.encode, [*lines, heartbeat("10:30:00")]), final=False)
    company.start()
    wait_until(lambda: len(company.people()) == len(people), 60, "everybody")
    assert {name: (row.logins, row.contributions) for name, row in company.people().items()} == dict.fromkeys(
        people, (0, 2)
    )
