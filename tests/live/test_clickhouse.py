"""The sink and the tables in a real ClickHouse; what needs none is in tests/agents/test_clickhouse.py."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from agents.settings import ClickHouseAddress, Settings
from agents.storage.clickhouse import LoginRefused, Reader, SchemaWrong, Sink, address_of
from agents.storage.migrations import migrate
from deploy.local.stack import Stack
from schemas.rows import ActivePeople, Activity, Batch, Names, People, Rejects

AT = 1_795_046_400  # 2026-11-19 00:00:00 UTC
A_LOT = 4_096  # bytes; greetings and questions are shorter, inserts here are longer
END_OF_STREAM = 5  # ClickHouse's packet that says: stored
LATE_2026_MS = 1_795_046_400_123


@pytest.fixture
def settings(clickhouse_url: str, prefix: str) -> Iterator[Settings]:
    found = Settings.from_env({"ESN_CLICKHOUSE": clickhouse_url, "ESN_PREFIX": prefix})
    migrate(found)
    yield found
    with Reader(replace(found.clickhouse, database="")) as server:
        server.query(f"DROP DATABASE IF EXISTS {found.database}")


@contextlib.asynccontextmanager
async def sink_at(address: ClickHouseAddress, ca: str = "") -> AsyncIterator[Sink]:
    sink = Sink(address, ca=ca, pause_seconds=(0.01, 0.1))
    yield sink
    await sink.close()


async def store(settings: Settings, *batches: Batch) -> None:
    async with sink_at(address_of(settings)) as sink:
        for batch in batches:
            await sink.write(batch)


def ask(settings: Settings, sql: str, **params: object) -> list[tuple[object, ...]]:
    with Reader.of(settings) as reader:
        return reader.query(sql, params)[1]


def people_at(
    at: int = AT,
    *,
    member: str = "all",
    source_partition: int = 0,
    partitions: int = 1,
    enabled: int = 10,
    adopted_7d: int = 4,
    w5m: int = 1,
    version: int = 1,
) -> ActivePeople:
    dimension = "company" if member == "all" else "department"
    segment = [at], [dimension], [member], ["active"], [source_partition], [partitions]
    return ActivePeople(*segment, [enabled], [adopted_7d], [w5m], [2], [3], [5], [7], [version])


def person(
    name: str, *, version: int = 1, logins: int = 0, seen: int | None = None, is_deleted: bool = False
) -> People:
    facts = ["person"], [True], [True], ["ES"], ["Sales"], ["u3"], [False], [True]
    return People(
        [name],
        *facts,
        [seen],
        [seen],
        [None],
        [None],
        [logins],
        [0],
        [0],
        [0],
        [None],
        [0],
        [0],
        [version],
        [is_deleted],
    )


def rejects(count: int) -> Rejects:
    return Rejects(
        [LATE_2026_MS] * count, ["esn.logins"] * count, [0] * count, list(range(count)), ["not_json"] * count
    )


async def test_what_was_written_is_read_back(settings: Settings) -> None:
    await store(
        settings,
        people_at(),
        Activity([AT], ["company"], ["all"], ["view"], ["blog"], ["web"], [0], [3], [12], [1]),
        person("u17", seen=LATE_2026_MS, logins=2**40),
        rejects(1),
    )
    at = datetime(2026, 11, 19, tzinfo=UTC)
    seen = at.replace(microsecond=123_000)
    assert ask(settings, "SELECT * FROM active_people") == [
        (at, "company", "all", "active", 10, 1, 2, 3, 5, 7, 0.4, True)
    ]
    assert ask(settings, "SELECT * FROM activity") == [(at, "company", "all", "view", "blog", "web", 12)]
    assert ask(settings, "SELECT * FROM people") == [
        ("u17", "person", True, True, "ES", "Sales", "u3", False, True, seen, seen, None, None, 2**40, 0, 0, 0)
    ]
    assert ask(settings, "SELECT * FROM rejects") == [(seen, "esn.logins", 0, 0, "not_json")]


async def test_arrays_are_read_back_as_lists_are(settings: Settings) -> None:
    at = datetime(2026, 11, 19, tzinfo=UTC)
    seen = at.replace(microsecond=123_000)
    many = np.arange(70_000)  # names; so many that their index takes 4 bytes
    x, member = Names(["x"], many * 0), Names([f"m{number}" for number in many], many)
    one, two = np.array([1, 1]), Names(["?", "DE", "ES", "DE"], np.array([3, 1]))  # a name may be there twice
    yes, time = one == 1, np.ma.masked_equal([LATE_2026_MS, 0], 0)
    flags, times, counts = (yes, ~yes), (time, time, time, time), (one * 2, one, one, one)
    await store(
        settings,
        Activity(many * 0 + AT, x, member, x, x, x, many == 0, many % 4, many, many + 2**40),
        People(["u1", "u2"], two, *flags, two, two, ["", "u3"], *flags, *times, *counts, time, one, one, one, ~yes),
    )
    rows = "minute = toDateTime(%(at)s) AND verb = 'x' AND member = concat('m', toString(events))"
    rows += " AND late = (events = 0) AND source_partition = modulo(events, 4) AND version = events + pow(2, 40)"
    assert ask(settings, f"SELECT count(), uniqExact(member) FROM activity_rows WHERE {rows}", at=AT) == [
        (70_000, 70_000)
    ]
    who = "DE", True, False, "DE", "DE"
    assert ask(settings, "SELECT * FROM people ORDER BY person") == [
        ("u1", *who, "", True, False, seen, seen, seen, seen, 2, 1, 1, 1),
        ("u2", *who, "u3", True, False, None, None, None, None, 2, 1, 1, 1),
    ]


async def test_the_batch_is_not_changed_by_writing_it(settings: Settings) -> None:
    batch = person("u17")
    await store(settings, batch)
    assert batch == person("u17")


async def test_writing_again_changes_nothing_and_an_older_version_loses(settings: Settings) -> None:
    await store(settings, people_at(version=2), people_at(version=2), people_at(version=1, w5m=9))
    await store(settings, person("u17", version=5, logins=5), person("u17", version=4, logins=4))
    await store(settings, rejects(3), rejects(3))
    assert ask(settings, "SELECT w5m FROM active_people") == [(1,)]
    assert ask(settings, "SELECT logins FROM people") == [(5,)]
    assert ask(settings, "SELECT count() FROM rejects") == [(3,)]


async def test_a_later_version_replaces(settings: Settings) -> None:
    await store(settings, people_at(version=1), people_at(version=2**32, w5m=9))
    assert ask(settings, "SELECT w5m FROM active_people") == [(9,)]


async def test_a_step_is_complete_when_every_source_partition_has_published_it(settings: Settings) -> None:
    published = "SELECT member, w5m, complete FROM active_people ORDER BY member"
    sales = people_at(member="Sales", source_partition=0, partitions=2)
    await store(settings, people_at(source_partition=0, partitions=2), sales)
    assert ask(settings, published) == [("Sales", 1, False), ("all", 1, False)]
    await store(settings, people_at(source_partition=1, partitions=2))  # it has nobody in Sales
    assert ask(settings, published) == [("Sales", 1, True), ("all", 2, True)]


async def test_each_step_is_complete_by_itself_even_for_readers_who_want_nulls(settings: Settings) -> None:
    await store(settings, people_at(partitions=2), people_at(AT + 60), people_at(AT + 120, member="Sales"))
    published = ask(
        settings, "SELECT toUnixTimestamp(at), complete FROM active_people ORDER BY at SETTINGS join_use_nulls = 1"
    )
    assert published == [(AT, False), (AT + 60, True), (AT + 120, False)]


async def test_adoption_is_the_share_of_the_enabled_over_all_source_partitions(settings: Settings) -> None:
    await store(
        settings,
        people_at(source_partition=0, partitions=2, enabled=10, adopted_7d=4),
        people_at(source_partition=1, partitions=2, enabled=30, adopted_7d=6),
        people_at(member="guests only", enabled=0, adopted_7d=0),
    )
    adoption = ask(settings, "SELECT enabled, w7d, adoption_7d FROM active_people ORDER BY dimension")
    assert adoption == [(40, 10, 0.25), (0, 5, 0.0)]


async def test_a_filter_on_a_segment_and_time_reads_little(settings: Settings) -> None:
    steps, members = range(1_000), range(40)
    await store(
        settings,
        ActivePeople.joined(people_at(AT + 60 * step, member=f"m{member}") for step in steps for member in members),
    )
    ask(settings, "OPTIMIZE TABLE active_people_rows FINAL")
    plan = ask(
        settings,
        "EXPLAIN ESTIMATE SELECT w1h FROM active_people WHERE dimension = 'department' AND member = 'm7' "
        "AND measure = 'active' AND at >= toDateTime(%(since)s)",
        since=AT + 60 * 900,
    )
    read = sum(int(str(rows)) for _database, _table, _parts, rows, _marks in plan)
    assert 0 < read < len(steps) * len(members) / 2


async def test_late_events_add_to_what_the_minute_closed_with(settings: Settings) -> None:
    def activity(events: int, late: int, source_partition: int, version: int) -> Activity:
        segment = ["company"], ["all"], ["like"], ["status"], ["mobile"]
        return Activity([AT], *segment, [late], [source_partition], [events], [version])

    await store(settings, activity(5, 0, 0, 1), activity(1, 1, 0, 2), activity(3, 1, 0, 3), activity(10, 0, 1, 1))
    assert ask(settings, "SELECT events FROM activity") == [(18,)]


async def test_a_forgotten_person_is_gone_and_may_come_back_as_new(settings: Settings) -> None:
    everyone = "SELECT person, logins FROM people ORDER BY person"
    await store(settings, person("u1", logins=1), person("u2", logins=2))
    await store(settings, person("u1", version=2, is_deleted=True))
    assert ask(settings, everyone) == [("u2", 2)]
    await store(settings, person("u1", version=3, logins=7))
    async with sink_at(address_of(settings)) as sink:
        await sink.erase_forgotten()
        await eventually_empty(settings, "SELECT version FROM people_rows WHERE person = 'u1' AND version = 1")
    assert ask(settings, everyone) == [("u1", 7), ("u2", 2)]
    texts = str(ask(settings, "SELECT command FROM system.mutations WHERE database = currentDatabase()"))
    assert "people_rows" in texts
    assert "u1" not in texts


async def eventually_empty(settings: Settings, sql: str) -> None:
    async with asyncio.timeout(60):
        while await asyncio.to_thread(ask, settings, sql):  # noqa: ASYNC110  (the server tells nobody)
            await asyncio.sleep(0.05)


async def test_a_batch_may_touch_more_months_than_a_server_likes(settings: Settings) -> None:
    month = 31 * 86_400
    await store(settings, ActivePeople.joined(people_at(i * month) for i in range(150)))
    assert ask(settings, "SELECT count() FROM active_people") == [(150,)]


async def test_a_missing_table_or_column_is_told_and_mended_by_migrate(settings: Settings) -> None:
    ask(settings, "DROP TABLE rejects_rows")
    ask(settings, "ALTER TABLE people_rows DROP COLUMN logins")
    async with sink_at(address_of(settings)) as sink:
        with pytest.raises(SchemaWrong, match=rf"no table {settings.database}\.rejects_rows: run `esn-pulse migrate`"):
            await sink.write(rejects(1))
        with pytest.raises(SchemaWrong, match=rf"table {settings.database}\.people_rows is out of date"):
            await sink.write(person("u1"))
        with pytest.raises(SchemaWrong, match="people_rows"):
            await sink.check()
        await sink.write(people_at())


async def test_a_missing_database_is_told(settings: Settings) -> None:
    async with sink_at(replace(address_of(settings), database="nowhere")) as sink:
        with pytest.raises(SchemaWrong, match="no database nowhere: run `esn-pulse migrate`"):
            await sink.write(rejects(1))


async def test_check_tells_that_all_is_well(settings: Settings) -> None:
    async with sink_at(address_of(settings)) as sink:
        assert not sink.up
        assert await sink.check()
        assert sink.up


async def test_what_was_stored_is_told(settings: Settings) -> None:
    seen: list[tuple[str, int]] = []
    sink = Sink(address_of(settings), observe=lambda table, rows, seconds: seen.append((table, rows)))  # noqa: ARG005
    await asyncio.gather(sink.write(rejects(3)), sink.write(rejects(2)), sink.write(people_at()))
    await sink.close()
    assert sorted(seen) == [("active_people_rows", 1), ("rejects_rows", 5)]  # what comes together goes in one insert
    assert sink.rows_written == {"active_people_rows": 1, "rejects_rows": 5}


async def test_a_cancelled_write_leaves_the_sink_usable(settings: Settings) -> None:
    async with sink_at(address_of(settings)) as sink:
        first = asyncio.create_task(sink.write(rejects(100_000)))
        await asyncio.sleep(0)  # it has begun
        first.cancel()
        await sink.write(people_at())
        await sink.write(rejects(100_000))
    assert ask(settings, "SELECT count() FROM active_people") == [(1,)]
    assert ask(settings, "SELECT count() FROM rejects") == [(100_000,)]


class Proxy:
    """Stands before ClickHouse; while `losing`, it loses the end of each answer to a connection that sent a lot."""

    def __init__(self, target: ClickHouseAddress, *, losing: bool = False) -> None:
        self._target = target
        self.losing = losing
        self.lost = 0
        self._open: set[asyncio.StreamWriter] = set()

    @contextlib.asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[ClickHouseAddress]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        yield replace(self._target, host="127.0.0.1", port=port, secure=tls is not None)
        server.close()
        await server.wait_closed()

    def cut(self) -> None:
        for client in self._open:
            client.close()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answers, server = await asyncio.open_connection(self._target.host, self._target.port)
        self._open.add(client)
        sent = [0]
        down = asyncio.create_task(self._down(answers, client, sent))
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                sent[0] += len(data)
                server.write(data)
                await server.drain()
        server.write_eof()
        await down
        self._open.discard(client)
        server.close()

    async def _down(self, answers: asyncio.StreamReader, client: asyncio.StreamWriter, sent: list[int]) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await answers.read(65_536):
                if self.losing and sent[0] > A_LOT and data[-1] == END_OF_STREAM:
                    self.lost += 1
                else:
                    client.write(data)
        client.close()


async def test_rows_whose_answer_was_lost_are_written_again_and_stand_once(settings: Settings) -> None:
    proxy = Proxy(settings.clickhouse, losing=True)
    async with proxy.listening() as address, sink_at(replace(address, database=settings.database)) as sink:
        write = asyncio.create_task(sink.write(rejects(20_000)))
        async with asyncio.timeout(60):
            while await asyncio.to_thread(ask, settings, "SELECT count() FROM rejects") != [(20_000,)]:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert not write.done()
        proxy.losing = False
        proxy.cut()
        await write
        assert sink.rows_written == {"rejects_rows": 20_000}
    assert proxy.lost == 1
    assert ask(settings, "SELECT count(), uniqExact(offset) FROM rejects") == [(20_000, 20_000)]


async def test_a_server_killed_and_started_again_has_every_row_once(settings: Settings, stack: Stack) -> None:
    def batch(number: int) -> Rejects:
        return replace(rejects(500), partition=[number] * 500)

    async with sink_at(address_of(settings)) as sink:
        await sink.write(batch(0))
        writes = [asyncio.create_task(sink.write(batch(number))) for number in range(1, 100)]
        await writes[10]
        await asyncio.to_thread(stack.clickhouse.kill)
        await asyncio.to_thread(stack.clickhouse.start)
        await asyncio.gather(*writes)
        assert sink.up
        assert sink.rows_written == {"rejects_rows": 50_000}
    assert ask(settings, "SELECT count(), uniqExact(partition) FROM rejects") == [(50_000, 100)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that is its own authority, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "cert.pem", folder / "key.pem"
    subject = ["-subj", "/CN=esn-pulse test", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*new, "-out", made[0], "-keyout", made[1]], check=True, capture_output=True)
    return made


async def test_tls_with_an_authority_of_ones_own(settings: Settings, certificate: tuple[Path, Path]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    async with Proxy(settings.clickhouse).listening(context) as proxy:
        address = replace(proxy, database=settings.database)
        async with sink_at(address, ca=str(certificate[0])) as sink:
            await sink.write(rejects(7))
        async with sink_at(address) as suspicious:
            with pytest.raises(LoginRefused, match="certificate"):
                await suspicious.check()
    assert ask(settings, "SELECT count() FROM rejects") == [(7,)]
