"""The only door to prometheus_client: `/metrics`, asked for at scrape time.

Rules: metrics.py holds the list. All gauges are of the moment, none is set by an event: one that events set freezes in
exactly the drop it should show. People add up over workers. No label ever holds a person's id; the dimension manager,
whose members are people, is left out.

A scrape never blocks the pipeline: the event loop only copies (moment.py), a thread of its own counts and writes the
page, and within a second everybody is given the same page.
"""

import asyncio
import platform
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import numpy as np
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from agents import clock
from agents.web.chosen import Segment
from agents.web.day_gauges import NOTHING as NO_DAY
from agents.web.day_gauges import Day
from agents.web.metrics import (
    ADOPTION,
    BUILD,
    CHECKPOINT,
    DROP_DEPTH,
    DROP_OPEN,
    DUPLICATE,
    ENABLED,
    EVENTS,
    EXPECTED,
    EXPECTED_LOW,
    INSERTS,
    JOURNEY,
    KNOWN,
    LAG,
    LAST_EVENT,
    LATE,
    LEARNING,
    MOVED,
    PAUSE,
    PEOPLE,
    REJECTED,
    ROLE,
    ROWS,
    SILENT,
    SMALLEST_DROP,
    SUPPRESSED,
    TARGET,
    UP,
    WATERMARK,
    Described,
)
from agents.web.moment import Moment, Observer
from agents.worker.vitals import INSERT_BUCKETS
from pipeline.acts import LOGIN, MEASURES, NEVER, Ints
from pipeline.judge import NOTHING, Outlook
from pipeline.segments import COMMUNITY, DIMENSIONS
from pipeline.still import place_of
from pipeline.windows import WINDOWS
from schemas.events import HEARTBEAT, REASONS, VERBS
from schemas.topics import CONTENT, DIRECTORY, LOGINS

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
KEPT_SECONDS: Final = 1.0
"""For so long everybody is given the same page."""
_BEAT: Final = HEARTBEAT.removeprefix("esn.")
_NO_EVENTS: Final = {(LOGINS.name, verb): 0 for verb in ("login", "login_failed", _BEAT)} | {
    (CONTENT.name, verb): 0 for verb in (*VERBS, _BEAT)
}
F = TypeVar("F", CounterMetricFamily, GaugeMetricFamily)
L = TypeVar("L", bound=tuple[str, ...])


class Exporter:
    """Gives out the page; made and used in one event loop.

    `chosen` returns the segments that are shown, `suppressed` by dimension how many are too small for that, `pause` the
    event loop's longest pause in seconds, `day` the newest whole local day.
    """

    def __init__(
        self,
        observer: Observer,
        chosen: Callable[[], frozenset[Segment]],
        pause: Callable[[], float] = lambda: 0.0,
        version: str = "",
        day: Callable[[], Day] = lambda: NO_DAY,
        suppressed: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._observer, self._chosen, self._pause = observer, chosen, pause
        self._day, self._suppressed = day, suppressed
        self._version = version
        self._taking = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "metrics")
        self._page = b""
        self._of: frozenset[int] | None = None
        self._page_at = -1e9
        self._shown = _Shown()
        self._registry = CollectorRegistry()
        self._registry.register(self._shown)
        ProcessCollector(registry=self._registry)

    async def page(self) -> bytes:
        """Return the page, at most a second old, and only of partitions that this worker owns now."""
        async with self._taking:
            old = clock.monotonic() - self._page_at >= KEPT_SECONDS
            while old or self._of != self._observer.worker.owned:
                await self._renew()
                old = False
            return self._page

    async def _renew(self) -> None:
        self._page_at = clock.monotonic()
        moment = await self._observer.take(self._pause())
        loop = asyncio.get_running_loop()
        self._page = await loop.run_in_executor(self._thread, self._write, moment, self._chosen(), self._day())
        self._of = moment.owned

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False)

    def _write(self, moment: Moment, chosen: frozenset[Segment], day: Day) -> bytes:
        hidden = {(dimension,): many for dimension, many in self._suppressed().items()}
        self._shown.families = [
            *_of_people(moment, chosen),
            _family(SUPPRESSED, GaugeMetricFamily, hidden),
            *_of_outlook(moment.outlook, chosen),
            *_of_day(NO_DAY if moment.outlook is None else day, chosen),
            *_of_worker(moment, self._version),
        ]
        return generate_latest(self._registry)


class _Shown(Collector):
    """What the registry asks for."""

    families: Iterable[Metric] = ()

    def collect(self) -> Iterable[Metric]:
        return self.families


def _of_people(moment: Moment, chosen: frozenset[Segment]) -> Iterator[Metric]:
    """Count, in a thread: the only part that takes long."""
    people: dict[Segment, Ints] = {}
    enabled: Counter[Segment] = Counter()
    for part in moment.partitions.values():
        live = part.state.live()
        for segment in chosen:
            place = place_of(part.state, segment)
            if place is not None:
                people[segment] = people.get(segment, 0) + live.people[:, place]
                enabled[segment] += int(live.enabled[place])
    yield _family(PEOPLE, GaugeMetricFamily, _people_samples(people))
    yield _family(ENABLED, GaugeMetricFamily, {_names(segment): enabled[segment] for segment in sorted(people)})


def _people_samples(people: Mapping[Segment, Ints]) -> dict[tuple[str, ...], float]:
    return {
        (*_names(segment), MEASURES[measure], window): count
        for segment, table in sorted(people.items(), key=lambda pair: pair[0])
        for measure, counts in enumerate(table.tolist())
        if not (segment[0] == COMMUNITY and measure == LOGIN)  # nobody logs in to a community
        for window, count in zip(WINDOWS, counts, strict=True)
    }


def _of_outlook(outlook: Outlook | None, chosen: frozenset[Segment]) -> Iterator[Metric]:
    """Show what is expected, if this worker judges; what is not known has no sample."""
    names = frozenset(map(_names, chosen))
    rows = {key: row for key, row in dict(outlook.row).items() if key[:2] in names} if outlook else {}
    told = outlook or NOTHING
    for metric, column in ((EXPECTED, told.expected), (EXPECTED_LOW, told.low), (SMALLEST_DROP, told.smallest)):
        yield _family(
            metric, GaugeMetricFamily, {key: column[row] for key, row in rows.items() if column[row] < np.inf}
        )
    yield _family(DROP_OPEN, GaugeMetricFamily, {key: int(key in told.open) for key in rows})
    depth = {key: share for key, share in told.depth.items() if key in rows}
    yield _family(DROP_DEPTH, GaugeMetricFamily, depth)
    yield _family(LEARNING, GaugeMetricFamily, {(): outlook.learning} if outlook else {})


def _of_day(day: Day, chosen: frozenset[Segment]) -> Iterator[Metric]:
    """Show the newest whole day, of the segments that are chosen now."""
    names = frozenset(map(_names, chosen))
    pairs = ((ADOPTION, day.adoption), (TARGET, day.targets), (ROLE, day.roles), (JOURNEY, day.journey))
    for metric, values in pairs:
        shown = {labels: value for labels, value in values.items() if labels[:2] in names}
        yield _family(metric, GaugeMetricFamily, shown)


def _names(segment: Segment) -> tuple[str, str]:
    return DIMENSIONS[segment[0]], segment[1]


def _of_worker(moment: Moment, version: str) -> Iterator[Metric]:
    parts = {str(number): part for number, part in moment.partitions.items()}
    sources = {source.name: source for source in moment.sources}
    yield _family(EVENTS, CounterMetricFamily, _NO_EVENTS | moment.events)
    topics = (LOGINS.name, CONTENT.name, DIRECTORY.name)
    yield _family(MOVED, CounterMetricFamily, {(topic,): moment.moved[topic] for topic in topics})
    yield _family(REJECTED, CounterMetricFamily, {(reason,): moment.rejected[reason] for reason in REASONS})
    yield _family(LATE, CounterMetricFamily, {(): moment.late})
    yield _family(DUPLICATE, CounterMetricFamily, {(): moment.duplicate})
    marks = {(n,): part.watermark_ms / 1000 for n, part in parts.items() if part.watermark_ms > NEVER // 2}
    yield _family(WATERMARK, GaugeMetricFamily, marks)
    yield _family(LAST_EVENT, GaugeMetricFamily, {(n,): told.newest_ms / 1000 for n, told in sources.items()})
    yield _family(SILENT, GaugeMetricFamily, {(n,): int(told.silent) for n, told in sources.items()})
    lags = {(topic, n): lag for n, part in parts.items() for topic, lag in part.lag.items()}
    yield _family(LAG, GaugeMetricFamily, lags)
    yield _family(ROWS, CounterMetricFamily, {(table,): told.rows for table, told in moment.inserts.items()})
    yield _insert_seconds(moment)
    yield _family(UP, GaugeMetricFamily, {} if moment.clickhouse_up is None else {(): int(moment.clickhouse_up)})
    yield _family(CHECKPOINT, GaugeMetricFamily, {(n,): part.checkpoint_age for n, part in parts.items()})
    yield _family(KNOWN, GaugeMetricFamily, {(n,): part.people for n, part in parts.items()})
    yield _family(PAUSE, GaugeMetricFamily, {(): moment.longest_pause})
    yield _family(BUILD, GaugeMetricFamily, {(version, platform.python_version()): 1})


def _family(metric: Described, family: type[F], samples: Mapping[L, float]) -> F:
    made = family(metric.name.removesuffix("_total"), metric.help, labels=metric.labels)
    for labels, value in samples.items():
        made.add_metric(labels, value)
    return made


def _insert_seconds(moment: Moment) -> HistogramMetricFamily:
    made = HistogramMetricFamily(INSERTS.name, INSERTS.help, labels=INSERTS.labels)
    bounds = [*map(floatToGoString, INSERT_BUCKETS), "+Inf"]
    for table, told in moment.inserts.items():
        within = np.cumsum(told.buckets).tolist()
        made.add_metric([table], buckets=list(zip(bounds, within, strict=True)), sum_value=told.seconds)
    return made
