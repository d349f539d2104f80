"""The worker's web server, in its event loop: /metrics, /health/live, /health/ready, and a page that names them.

Rules: nothing here counts or decides; a handler asks `Exporter` or `health` and answers. With ESN_WEB_TOKEN every page
wants it as a bearer token. What is to be known all the time (which segments are shown, the newest day, whether
ClickHouse is there, how long the event loop pauses) is kept by tasks beside the server; one more sums up managers'
trees. A bug in one is told and tried again, and never stops the pipeline.
"""

import asyncio
import errno
import hmac
import logging
import socket
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final

from aiohttp import web
from mode import Service

from agents.errors import Failed
from agents.logs import told
from agents.storage.clickhouse import address_of
from agents.web import health
from agents.web.chosen import Chosen, clickhouse
from agents.web.day_gauges import DayGauges
from agents.web.exporter import CONTENT_TYPE, Exporter
from agents.web.moment import Observer, judge_of
from agents.web.trees import SUM_SECONDS, Trees
from agents.worker.watch import Pauses, Watch

if TYPE_CHECKING:
    from agents.worker.app import Pulse

log = logging.getLogger(__name__)

PORTS_TRIED: Final = 100
CHECK_SECONDS: Final = 15.0
"""Between two looks at whether ClickHouse is there, while nothing is written."""
LOOK_SECONDS: Final = 1.0
_BACKLOG: Final = 128

_INDEX: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>esn-pulse</title>
<h1>esn-pulse worker</h1>
<ul>
<li><a href="/metrics">/metrics</a>: for Prometheus
<li><a href="/health/live">/health/live</a>: 200 while this process can do its work, else restart it
<li><a href="/health/ready">/health/ready</a>: 200 while it does its part, else why not
</ul>
</html>
"""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Web(Service):
    """The server of one worker, and the tasks beside it; started before the app, ended after it.

    `port_given`: somebody asked for exactly this port, so the next free one will not do. `failure` is the Failed that
    kept it from starting.
    """

    def __init__(self, pulse: "Pulse", *, port_given: bool) -> None:
        super().__init__()
        self.failure: Failed | None = None
        self.port = 0
        """Where it listens, once it does."""
        self._pulse, self._settings, self._port_given = pulse, pulse.settings, port_given
        self._chosen = Chosen(clickhouse(pulse.settings), min_group=pulse.settings.min_group)
        self._days = DayGauges(
            clickhouse(pulse.settings), lambda: self._chosen.segments, pulse.settings.min_group, self._judges
        )
        self._trees = Trees(clickhouse(pulse.settings, SUM_SECONDS), self._judges)
        self._pauses = Pauses()
        self._watch = Watch(pulse)
        self._exporter: Exporter | None = None
        self._runner: web.AppRunner | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._was_ready = False

    async def on_start(self) -> None:
        """Listen, and begin the tasks."""
        self._exporter = Exporter(
            Observer(self._pulse),
            lambda: self._chosen.segments,
            self._pauses.longest,
            _version(),
            lambda: self._days.day,
            lambda: self._chosen.suppressed,
        )
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            self.port = await self._listen(self._runner)
        except Failed as failure:
            self.failure = failure
            raise
        work = {
            "choice": self._chosen.keep,
            "days": self._days.keep,
            "trees": self._trees.keep,
            "pauses": self._pauses.measure,
            "watch": self._look,
            "clickhouse": self._check_clickhouse,
        }
        self._beside = [asyncio.create_task(self._again(name, do), name=name) for name, do in work.items()]
        self._tell_start()

    async def on_stop(self) -> None:
        """End what was begun."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._exporter is not None:
            self._exporter.close()
        if self.port:
            log.info("worker stopped")

    def application(self) -> web.Application:
        """Return the pages."""
        application = web.Application(middlewares=[self._guard])
        application.router.add_get("/", self._index)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/health/live", self._live)
        application.router.add_get("/health/ready", self._ready)
        return application

    # -- pages

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        token = self._settings.web_token
        if token:
            given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
            scheme, _, secret = given.partition(b" ")
            if not (hmac.compare_digest(secret.strip(), token.encode()) and scheme.lower() == b"bearer"):
                return web.Response(
                    status=401, text="this page wants the token\n", headers={"WWW-Authenticate": "Bearer"}
                )
        return await handler(request)

    async def _index(self, _request: web.Request) -> web.Response:
        return web.Response(text=_INDEX, content_type="text/html")

    async def _metrics(self, _request: web.Request) -> web.Response:
        assert self._exporter is not None  # noqa: S101  (made before the server listens)
        return web.Response(body=await self._exporter.page(), headers={"Content-Type": CONTENT_TYPE})

    async def _live(self, _request: web.Request) -> web.Response:
        return _answer(health.live(self._pulse))

    async def _ready(self, _request: web.Request) -> web.Response:
        return _answer(health.ready(self._pulse, was_ready=self._was_ready))

    # -- listening

    async def _listen(self, runner: web.AppRunner) -> int:
        """Return the port: the one that was asked for, or the next free one if any will do."""
        host, first = self._settings.web_host, self._settings.web_port
        last = first if self._port_given else min(first + PORTS_TRIED, 65535)
        for port in range(first, last + 1):
            try:
                # a socket of our own: uvloop takes one that another worker begins to listen on at the same moment
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    why = error.strerror or type(error).__name__
                    raise Failed(f"cannot listen on {host}:{port} ({why}): set ESN_WEB_HOST and ESN_WEB_PORT") from None
                continue
            await web.SockSite(runner, listening).start()
            return port
        if self._port_given:
            raise Failed(f"{host}:{first} is taken by another process: end it, or set ESN_WEB_PORT to a free port")
        raise Failed(f"the ports {first} to {last} of {host} are all taken: set ESN_WEB_PORT to a free one")

    def _tell_start(self) -> None:
        settings, clickhouse_at = self._settings, address_of(self._settings)
        host = f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host
        fields = {
            "version": _version(),
            "kafka": settings.kafka,
            "clickhouse": f"{clickhouse_at.host}:{clickhouse_at.port}/{clickhouse_at.database}",
            "group": settings.group,
            "time": settings.time,
            "web": f"http://{host}:{self.port}",
        }
        log.info("worker started", extra=told(**fields))
        if self.port != settings.web_port:
            log.info("port %s is taken: the web server listens on %s", settings.web_port, self.port)

    # -- tasks

    async def _again(self, name: str, do: Callable[[], Awaitable[None]]) -> None:
        """Do it for ever; a bug in it is told and leaves the pipeline alone."""
        while True:
            try:
                await do()
            except Exception:
                if self._pulse.app.should_stop:
                    return
                log.exception("the worker's task %s failed, it is begun again", name)
            await asyncio.sleep(LOOK_SECONDS)

    def _judges(self) -> bool:
        return judge_of(self._pulse) is not None

    async def _look(self) -> None:
        while True:
            self._was_ready = self._was_ready or self._pulse.owned is not None
            self._watch.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _check_clickhouse(self) -> None:
        """Keep `Sink.up` true to life while nothing is written; a wrong schema ends the worker, as a write would."""
        written = -1
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            sink = self._pulse.sink
            if sink is None:
                continue
            before, written = written, sum(sink.rows_written.values())
            if sink.up and before != written:
                continue
            try:
                await sink.check()
            except Failed as failure:
                await self._pulse.batches.fail(failure)
                return


def _answer(state: health.Health) -> web.Response:
    body = {"status": state.status} | state.details
    return web.json_response(body, status=200 if state.good else 503, headers={"Cache-Control": "no-store"})


def _version() -> str:
    try:
        return version("esn-pulse")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "unknown"
