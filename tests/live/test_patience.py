"""With ESN_TIME=events, acts wait for the other topic also when nothing came of either for a while."""

import json
import time
from typing import Any

from agents.kafka.broker import producer
from agents.worker.intake import PATIENCE_SECONDS
from tests.live.rig import Rig
from tests.recount import recount
from tests.recount.lines import act, heartbeat, login, person

IDLE_SECONDS = PATIENCE_SECONDS + 3
APART_SECONDS = 2.0


def test_a_late_event_is_late_whichever_topic_is_fetched_first(company: Any) -> None:
    """After a pause esn.content brings a heartbeat and a late event, and esn.logins its heartbeat a moment later."""
    site: Rig = company(1, 60)
    before = [login("10:00:00", "u1"), act("10:00:30", "u1"), heartbeat("10:05:00")]
    late = act("10:10:00", "u1")
    directory = [person("u1", enabled=True, department="Sales")]
    record = [*before, heartbeat("11:00:00"), late, heartbeat("12:00:00")]
    site.start()
    site.replay(before, directory, final=False)
    with producer(site.settings) as sending:
        time.sleep(IDLE_SECONDS)
        for topic, line in (("content", heartbeat("11:00:00")), ("content", late), ("logins", heartbeat("11:00:00"))):
            if topic == "logins":
                sending.flush()
                time.sleep(APART_SECONDS)
            sending.send(site.settings.topic(f"esn.{topic}"), json.dumps(line).encode(), b"u1", 0)
    site.replay([heartbeat("12:00:00")])
    site.assert_rows(recount(record, directory, step_seconds=60))
