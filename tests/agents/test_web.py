"""The pages, who may see them, where they are, and what health says."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import aiohttp
import pytest

from agents.errors import Failed
from agents.storage.clickhouse import SchemaWrong
from agents.web import health
from agents.web import server as web
from agents.web.server import Web
from agents.worker.app import Pulse
from tests.agents.still_worker import StillWorker
from tests.pipeline.crowd import Crowd

KEY = "s3cret-ü"
PAGES = ("/", "/metrics", "/health/live", "/health/ready")
NO_CLICKHOUSE = {"ESN_CLICKHOUSE": "clickhouse://default@127.0.0.1:1/esn"}


@contextmanager
def taken_port() -> Iterator[int]:
    """A port that somebody listens on, with a free one after it."""
    while True:
        with socket.socket() as busy, socket.socket() as next_one:
            busy.bind(("127.0.0.1", 0))
            port = busy.getsockname()[1]
            try:
                next_one.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            next_one.close()
            busy.listen()
            yield port
            return


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def worker(*crowds: Crowd, **env: str) -> StillWorker:
    return StillWorker(*(crowd.state for crowd in crowds), **({"ESN_WEB_PORT": str(free_port())} | NO_CLICKHOUSE | env))


@asynccontextmanager
async def serving(pulse: StillWorker, *, port_given: bool = True) -> AsyncIterator[Callable[..., Any]]:
    server = Web(cast(Pulse, pulse), port_given=port_given)
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:

            async def get(path: str, **headers: str) -> tuple[int, str, Any]:
                async with session.get(path, headers=headers) as answer:
                    return answer.status, await answer.text(), answer.headers

            yield get
    finally:
        await server.stop()


async def test_the_pages() -> None:
    crowd = Crowd(seed=1)
    crowd.list_people(30)
    async with serving(worker(crowd)) as get:
        status, page, headers = await get("/metrics")
        assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert f'esn_enabled_people{{dimension="company",member="all"}} {crowd.enabled:.1f}\n' in page
        status, page, headers = await get("/")
        assert status == 200
        assert headers["Content-Type"].startswith("text/html")
        for path in PAGES[1:]:
            assert f'href="{path}"' in page
        assert (await get("/health/live"))[0] == 200
        assert (await get("/health/ready"))[0] == 200
        assert (await get("/pages"))[0] == 404


async def test_the_token_is_wanted_on_every_page() -> None:
    async with serving(worker(ESN_WEB_TOKEN=KEY)) as get:
        for path in (*PAGES, "/unknown"):
            for given in (None, "Bearer wrong", "Bearer", KEY, f"Basic {KEY}", f"Bearer {KEY}-and-more"):
                status, text, headers = await get(path, **({} if given is None else {"Authorization": given}))
                assert status == 401, given
                assert headers["WWW-Authenticate"] == "Bearer"
                assert "esn_" not in text
        for path in PAGES:
            assert (await get(path, Authorization=f"Bearer {KEY}"))[0] == 200
            assert (await get(path, Authorization=f"bearer  {KEY}"))[0] == 200
        assert (await get("/unknown", Authorization=f"Bearer {KEY}"))[0] == 404


async def test_a_taken_default_port_moves_on_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "agents.web.server")
    with taken_port() as port:
        pulse = worker(ESN_WEB_PORT=str(port))
        server = Web(cast(Pulse, pulse), port_given=False)
        await server.start()
        await server.stop()
        assert server.port == port + 1
    said = [record.getMessage() for record in caplog.records]
    assert f"port {port} is taken: the web server listens on {port + 1}" in said
    started = next(record for record in caplog.records if record.getMessage() == "worker started")
    fields = started.__dict__["fields"]
    assert fields["web"] == f"http://127.0.0.1:{port + 1}"
    assert fields["clickhouse"] == "127.0.0.1:1/acme_esn"
    assert said[-1] == "worker stopped"


async def test_a_taken_port_that_was_asked_for_is_an_error() -> None:
    with taken_port() as port:
        server = Web(cast(Pulse, worker(ESN_WEB_PORT=str(port))), port_given=True)
        with pytest.raises(Failed, match=f"127.0.0.1:{port} is taken .* ESN_WEB_PORT") as failed:
            await server.start()
        await server.stop()
    assert server.failure is failed.value
    assert "\n" not in str(failed.value)


async def test_an_address_that_is_not_ours_is_an_error() -> None:
    server = Web(cast(Pulse, worker(ESN_WEB_HOST="203.0.113.1")), port_given=False)
    with pytest.raises(Failed, match=r"cannot listen on 203.0.113.1:.* ESN_WEB_HOST"):
        await server.start()
    await server.stop()


@pytest.mark.parametrize(
    ("change", "status", "good"),
    [
        ({}, "ready", True),
        ({"owned": frozenset()}, "no partitions", True),
        ({"owned": None, "assigned": None, "was": False}, "starting", False),
        ({"owned": None, "assigned": None, "was": True}, "recovering", False),
        ({"owned": None, "was": False}, "recovering", False),
        ({"up": False}, "ClickHouse away", False),
        ({"sink": None}, "ready", True),
        ({"stops": True}, "stopping", False),
        ({"failure": ValueError("u17")}, "failed", False),
    ],
)
async def test_ready(change: dict[str, Any], status: str, good: bool) -> None:
    pulse = worker(Crowd(0))
    pulse.owned = change.get("owned", pulse.owned)
    pulse.batches._owned = change.get("assigned", frozenset())
    pulse.batches.failure = change.get("failure")
    pulse.app.should_stop = change.get("stops", False)
    pulse.sink.up = change.get("up", True)
    pulse.sink.last_error = "" if pulse.sink.up else "connection refused"
    pulse.sink = change.get("sink", pulse.sink)
    found = health.ready(cast(Pulse, pulse), was_ready=change.get("was", True))
    assert (found.status, found.good) == (status, good)
    assert "u17" not in json.dumps(found.details)
    if status == "ClickHouse away":
        assert found.details["clickhouse"] == "connection refused"


async def test_ready_is_json_with_its_reason() -> None:
    pulse = worker(Crowd(0))
    pulse.feed("esn.content", 0).paused = True
    pulse.sink.up, pulse.sink.last_error = False, "connection refused"
    async with serving(pulse) as get:
        status, text, headers = await get("/health/ready")
        assert status == 503
        assert headers["Content-Type"].startswith("application/json")
        assert json.loads(text) == {
            "status": "ClickHouse away",
            "partitions": [0],
            "paused": ["acme.esn.content/0"],
            "clickhouse": "connection refused",
        }
        assert (await get("/health/live"))[0] == 200, "an outage is nothing that a restart would mend"


async def test_live_fails_with_an_intake_that_died_or_a_failure() -> None:
    pulse = worker(Crowd(0, number=0, partitions=2), Crowd(0, number=1, partitions=2))
    async with serving(pulse) as get:
        pulse.intakes[1].ended = True
        status, text, _ = await get("/health/live")
        assert (status, json.loads(text)) == (503, {"status": "partitions died", "partitions": [1]})
        pulse.intakes[1].fenced = True  # another worker has it, and this one joins the group anew
        assert (await get("/health/live"))[0] == 200
        pulse.intakes[1].fenced = False
        pulse.app.should_stop = True  # they end one after the other
        assert (await get("/health/live"))[0] == 200
        pulse.batches.failure = KeyError("u17")
        status, text, _ = await get("/health/live")
        assert (status, json.loads(text)) == (503, {"status": "failed", "error": "KeyError"})


async def test_a_page_that_cannot_be_made_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd(0)
    async with serving(worker(crowd)) as get:
        monkeypatch.setattr("agents.web.moment.still", lambda _state: 1 / 0)
        status, text, _ = await get("/metrics")
        assert status == 500
        assert "Traceback" not in text
        monkeypatch.undo()
        assert (await get("/metrics"))[0] == 200


async def test_a_wrong_schema_that_the_check_finds_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "CHECK_SECONDS", 0.01)
    pulse = worker(Crowd(0))
    wrong = SchemaWrong("run `esn-pulse migrate`")

    async def check() -> bool:
        raise wrong

    pulse.sink.check = check
    async with serving(pulse), asyncio.timeout(10):
        while pulse.batches.failure is None:  # noqa: ASYNC110  (nobody rings)
            await asyncio.sleep(0.01)
    assert pulse.batches.failure is wrong


async def test_clickhouse_is_asked_while_nothing_is_written_or_it_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "CHECK_SECONDS", 0.01)
    pulse = worker(Crowd(0))
    checks = asyncio.Queue[int]()

    async def check() -> bool:
        checks.put_nowait(1)
        pulse.sink.up = True
        return True

    pulse.sink.check, pulse.sink.up = check, False
    async with serving(pulse), asyncio.timeout(10):
        await checks.get()
        await checks.get()
        assert pulse.sink.up


async def test_a_task_with_a_bug_is_begun_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(web, "LOOK_SECONDS", 0.01)
    pulse = worker(Crowd(0))
    looks = asyncio.Queue[int]()

    def look(_self: object) -> None:
        looks.put_nowait(1)
        raise RuntimeError("u17")

    monkeypatch.setattr("agents.worker.watch.Watch.look", look)
    async with serving(pulse) as get, asyncio.timeout(10):
        await looks.get()
        await looks.get()
        assert (await get("/health/live"))[0] == 200
    assert "task watch failed" in caplog.text
