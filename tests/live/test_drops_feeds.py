"""When it is the feed that died: silent sources are named, and none of it is a drop."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.live.absences import HOUR, NINE, Json, company, drops, judging, produce, pulse, time_of, told, wait_judged
from tests.live.scraping import free_port, get, samples

pytestmark = pytest.mark.timeout(600)
DAYS: Final = 17
NEXT_NINE: Final = NINE + timedelta(days=1)
END: Final = NEXT_NINE + 6 * HOUR


def test_neither_a_dead_feed_nor_one_dead_source_of_two_is_a_drop(
    kafka: str, clickhouse_url: str, prefix: str, tmp_path: Path
) -> None:
    #  two weeks of /a and /b | Tuesday: both dead 9:00 to 15:00 | Wednesday: /b, which is Sales, dead from 9:00 on
    directory, record = company(DAYS)
    department = {person["person"]: person.get("department") for person in directory}

    def from_two() -> Iterator[Json]:
        for line in record:
            if line["type"] == "esn.heartbeat":
                yield line | {"source": "/b"}
                yield line | {"source": "/a"}
            else:
                yield line | {"source": "/b" if department.get(line["data"]["actor"]) == "Sales" else "/a"}

    def is_sent(line: Json) -> bool:
        at = time_of(line)
        return at <= (NEXT_NINE if line["source"] == "/b" else END) and not NINE < at <= NINE + 6 * HOUR

    port = free_port()
    with judging(kafka, clickhouse_url, prefix, tmp_path / "worker") as one:
        produce(one, filter(is_sent, from_two()), directory)
        one.start(ESN_WEB_PORT=str(port))
        wait_judged(one, END - HOUR)
        assert drops(one, NINE - HOUR) == []
        assert samples(get(port, "/metrics")[1], "esn_source_silent", "source") == {("/a",): 0, ("/b",): 1}
        unfed = {line["at"] for key, line in pulse(one) if key == b"closing" and not line["fed"]}
    first = {told(NINE + hour * HOUR) for hour in range(1, 8)}  # it was silent at 15:00 still
    assert unfed == first | {told(NEXT_NINE + hour * HOUR) for hour in range(1, 6)}
