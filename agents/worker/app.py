"""The wiring diagram in code: settings in, a Faust app out, with everything that a worker runs.

Kafka --slices--> Batches --> Intake, one per source partition --> Sink --> ClickHouse
                      |          |             |                    |
                      |       /metrics     Checkpoint --> Kafka     |
                      |          |         and esn.pulse            |
                      +-----> Judging, of esn.pulse ----------------+
                                 |
                             Baselines --> Kafka and esn.drops
"""

import asyncio
import logging
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import faust
from aiokafka.errors import KafkaError
from faust.types import TP

from agents.files.calendar import calendar
from agents.files.targets import targets
from agents.kafka import broker
from agents.kafka.security import faust_credentials
from agents.logs import told
from agents.seam.batches import Batch, Batches
from agents.seam.faust_driver import faust_settings
from agents.settings import Settings
from agents.storage.clickhouse import Sink
from agents.worker.baselines import Baselines
from agents.worker.checkpoint import Checkpoint, Fenced
from agents.worker.intake import Intake, World
from agents.worker.judging import Judging
from agents.worker.vitals import Vitals
from schemas.topics import CONTENT, DIRECTORY, LOGINS, NAMED, PULSE

log = logging.getLogger(__name__)
T = TypeVar("T")

REVOKED_SECONDS = 10.0
"""How long a rebalance waits for a last checkpoint; while ClickHouse is away there is none."""
STOP_SECONDS = 3.0
"""The same at the end, which is to take no more than 10 s."""


class Pulse:
    """One worker: the app, the intakes of the source partitions that it owns, and the judge if it owns the pulse."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.vitals = Vitals()
        self.intakes: dict[int, Intake] = {}
        self.judging: Judging | None = None
        self.owned: frozenset[int] | None = None
        """The source partitions whose numbers may be shown; None while the group assigns them."""
        self._calendar = calendar(settings)
        self._targets = targets(settings)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="states")
        self._pulse = TP(PULSE.full_name(settings.prefix), 0)
        self._topics = [topic.full_name(settings.prefix) for topic in (LOGINS, CONTENT, DIRECTORY, NAMED)]
        self._scratch = tempfile.TemporaryDirectory(prefix="esn-pulse-")
        options = faust_settings(
            kafka=settings.kafka,
            group=settings.group,
            datadir=Path(self._scratch.name),
            instance=settings.instance,
            credentials=faust_credentials(settings),
        )
        self.app = faust.App(**options, web_enabled=False)
        self.batches = Batches(self.app, positions=self._positions, revoked=self._revoked)
        self.batches.agent(self._handle, *self._topics, name="intake")
        self.batches.agent(self._handle_pulse, self._pulse.topic, name="judge")
        self.app.on_before_shutdown.connect(self._close)
        self.sink: Sink | None = None
        self._ending = False

    async def _handle(self, batch: Batch) -> None:
        self.intakes[batch.tp.partition].receive(batch)

    async def _handle_pulse(self, batch: Batch) -> None:
        if self.judging is not None and batch.tp == self._pulse:
            self.judging.receive(batch)

    async def _positions(self, tps: set[TP]) -> Mapping[TP, int]:
        """Give up what went to other workers, begin what came, and say where each goes on."""
        mine = {tp.partition for tp in tps if tp.topic in self._topics}
        for number in [number for number, intake in self.intakes.items() if intake.fenced or number not in mine]:
            await self.intakes.pop(number).stop()
        for number in sorted(mine - self.intakes.keys()):
            self.intakes[number] = await self._begin(number)
        await self._judge_if(self._pulse in tps)
        self.owned = frozenset(mine)
        log.info("partitions assigned", extra=told(partitions=", ".join(map(str, sorted(mine))) or "none"))
        if any(work.fenced for work in self._work()):  # meanwhile
            self.batches.rejoin()
        return {tp: at for work in self._work() for tp, at in work.positions().items()}

    def _work(self) -> list[Intake | Judging]:
        return [*self.intakes.values(), *([self.judging] if self.judging else [])]

    async def _judge_if(self, mine: bool) -> None:
        """Judge if the pulse is ours, and only then."""
        if self.judging is not None and (self.judging.fenced or not mine):
            judging, self.judging = self.judging, None
            await judging.stop()
        if mine and self.judging is None:
            ledger, judge = await self._take_over(lambda: Baselines.begin(self.settings, self._calendar))
            self.judging = Judging(judge, ledger, self.settings, self.batches, await self._open_sink())
            self.batches.resume([self._pulse])
            self.judging.start(self._failed)

    async def _begin(self, number: int) -> Intake:
        """Make the intake of one source partition, and let it work."""
        partitions = self.batches.counts[self._topics[0]]
        checkpoint, state = await self._take_over(lambda: Checkpoint.begin(self.settings, number, partitions))
        world = World(
            settings=self.settings,
            batches=self.batches,
            sink=await self._open_sink(),
            vitals=self.vitals,
            partition_of=lambda key: broker.partition_of(key, partitions),
            target=self._targets.of,
            thread=self._thread,
        )
        intake = Intake(state, checkpoint, world)
        self.batches.resume(intake.positions())  # one that was fenced may have paused them
        intake.start(self._failed)
        return intake

    async def _take_over(self, begin: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await begin()
            except KafkaError as exc:
                log.warning("cannot read the state, trying again", extra=told(error=type(exc).__name__))
                await asyncio.sleep(1)

    async def _open_sink(self) -> Sink:
        if self.sink is None:
            self.sink = Sink.of(self.settings, self.vitals.inserted)
            await self.sink.check()
        return self.sink

    async def _failed(self, exc: BaseException) -> None:
        """Hear of an intake that ended: another worker's takeover ends only that, everything else the worker."""
        if isinstance(exc, Fenced):
            if self.owned is not None:  # else partitions are being assigned anyway, mostly because of that takeover
                log.warning("another worker took over a partition of ours: joining the group anew")
                self.batches.rejoin()
        else:
            await self.batches.fail(exc)

    async def _revoked(self, _tps: set[TP]) -> None:
        self.owned = None
        log.info("partitions taken, to be assigned anew")
        await self._settle(STOP_SECONDS if self.app.should_stop else REVOKED_SECONDS)

    async def _settle(self, seconds: float) -> None:
        """Let everybody make a checkpoint, if they can in time; else more is read again."""
        if (work := self._work()) and not self._ending:
            self._ending = bool(self.app.should_stop)
            await asyncio.wait([asyncio.create_task(one.settle()) for one in work], timeout=seconds)

    async def _close(self, *_app: object, **_signal: object) -> None:
        self.owned = None
        await self._settle(STOP_SECONDS)  # at the end Faust calls us before `_revoked`, or after it
        await asyncio.gather(*(work.stop() for work in self._work()))
        if self.sink is not None:
            await self.sink.close()
        self._scratch.cleanup()
