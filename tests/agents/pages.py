"""The page of a worker that stands still, as samples."""

from collections import defaultdict
from collections.abc import Iterable

from prometheus_client.parser import text_string_to_metric_families

from agents.web.chosen import ALWAYS, Segment
from agents.web.day_gauges import NOTHING, Day
from agents.web.exporter import Exporter
from agents.web.metrics import METRICS
from agents.web.moment import Observer
from tests.agents.still_worker import StillWorker
from tests.pipeline.crowd import Crowd

Samples = dict[str, dict[tuple[str, ...], float]]


def read(page: bytes) -> Samples:
    """Samples by name and label values, in the order of the metric's labels."""
    found: Samples = defaultdict(dict)
    for family in text_string_to_metric_families(page.decode()):
        for sample in family.samples:
            order = next((metric.labels for metric in METRICS if sample.name.startswith(metric.name)), ())
            rest = sorted(sample.labels.keys() - set(order))
            found[sample.name][tuple(sample.labels[name] for name in (*order, *rest) if name in sample.labels)] = (
                sample.value
            )
    return found


def exporting(worker: StillWorker, chosen: Iterable[Segment] = ALWAYS, day: Day = NOTHING) -> Exporter:
    segments = frozenset(chosen)
    return Exporter(Observer(worker), lambda: segments, lambda: 0.25, "1.2.3", lambda: day, lambda: {"region": 2})


async def scrape(worker: StillWorker, chosen: Iterable[Segment] = ALWAYS, day: Day = NOTHING) -> Samples:
    return read(await exporting(worker, chosen, day).page())


def crowd(number: int = 0, partitions: int = 2) -> Crowd:
    made = Crowd(seed=number, number=number, partitions=partitions)
    made.list_people(60)
    made.act(400, seconds=30)
    return made
