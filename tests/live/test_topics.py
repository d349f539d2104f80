"""Topics on a real broker: what `schemas/topics.py` says and what the broker holds are the same."""

import pytest

from agents.__main__ import main
from agents.errors import Failed
from agents.kafka.broker import admin, create_topics
from agents.settings import Settings
from schemas.topics import TOPICS


@pytest.fixture
def settings(kafka: str, prefix: str) -> Settings:
    return Settings.from_env({"ESN_KAFKA": kafka, "ESN_PREFIX": prefix})


def held(settings: Settings) -> dict[str, int]:
    with admin(settings) as broker:
        present = broker.topics()
    return {name: present[name] for name in map(settings.topic, (t.name for t in TOPICS)) if name in present}


def test_the_broker_holds_what_is_declared(settings: Settings) -> None:
    changes = create_topics(settings)
    assert {change.did for change in changes} == {"created"}
    assert held(settings) == {settings.topic(topic.name): topic.partitions or 4 for topic in TOPICS}
    with admin(settings) as broker:
        configs = broker.configs(held(settings))
    for topic in TOPICS:
        config = configs[topic.full_name(settings.prefix)]
        assert {name: config[name] for name in topic.config} == topic.config


def test_it_may_be_run_again_and_keeps_the_partitions_it_finds(settings: Settings) -> None:
    create_topics(settings, 3)
    assert {change.did for change in create_topics(settings, 3)} == {"up to date"}
    with admin(settings) as broker:
        broker.delete([settings.topic("esn.pages"), settings.topic("esn.pulse")])
    did = {change.topic: (change.partitions, change.did) for change in create_topics(settings)}
    assert did[settings.topic("esn.pages")] == (3, "created")
    assert did[settings.topic("esn.pulse")] == (1, "created")


def test_a_configuration_that_somebody_changed_is_brought_back(settings: Settings) -> None:
    create_topics(settings, 1)
    rejects = settings.topic("esn.rejects")
    with admin(settings) as broker:
        broker.alter(rejects, {"retention.ms": "1000", "flush.messages": "7"})
    did = {change.topic: change.did for change in create_topics(settings)}
    assert did.pop(rejects) == "set retention.ms=604800000"
    assert set(did.values()) == {"up to date"}
    with admin(settings) as broker:
        config = broker.configs([rejects])[rejects]
    assert (config["retention.ms"], config["flush.messages"]) == ("604800000", "7")  # what we do not declare stays


def test_another_number_of_partitions_is_refused_and_nothing_changes(settings: Settings) -> None:
    create_topics(settings, 2)
    before = held(settings)
    with pytest.raises(Failed, match=r"esn\.logins has 2 partitions and 5 were wanted: nothing was changed"):
        create_topics(settings, 5)
    assert held(settings) == before


def test_inputs_that_disagree_are_refused(settings: Settings) -> None:
    with admin(settings) as broker:
        broker.create(settings.topic("esn.logins"), 2, {})
        broker.create(settings.topic("esn.content"), 3, {})
    with pytest.raises(Failed, match=r"same number of partitions: .*esn\.logins has 2, .*esn\.content has 3"):
        create_topics(settings)
    assert len(held(settings)) == 2


def test_the_command_tells_what_it_did(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESN_KAFKA", settings.kafka)
    monkeypatch.setenv("ESN_PREFIX", settings.prefix)
    assert main(["topics", "--partitions", "2"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head.split() == ["topic", "partitions"]
    assert [line.split() for line in lines] == [
        [settings.topic(t.name), str(t.partitions or 2), "created"] for t in TOPICS
    ]


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        (
            {"ESN_KAFKA": "127.0.0.1:1"},
            "no Kafka at 127.0.0.1:1: start one with `esn-pulse local up`, or set ESN_KAFKA",
        ),
        ({"ESN_KAFKA_SECURITY": "SSL"}, "no Kafka that lets us in by SSL: check ESN_KAFKA_SECURITY, ESN_KAFKA_CA"),
    ],
)
def test_a_broker_that_is_not_there_is_one_line(settings: Settings, environ: dict[str, str], line: str) -> None:
    with pytest.raises(Failed) as failed:
        create_topics(Settings.from_env({"ESN_KAFKA": settings.kafka} | environ))
    assert line in str(failed.value)
    assert "\n" not in str(failed.value)
