"""Kafka inside a company's network: every command and a worker get in by TLS and logins, or say in one line why not."""

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from agents.kafka import broker
from agents.kafka.broker import create_topics
from agents.settings import Settings
from deploy.local import ports
from schemas.topics import PAGES
from tests.live.calling import Called, Caller
from tests.live.certificates import Certificate
from tests.live.rig import rig
from tests.live.secured import SECRET, USERS, Env, Secured
from tests.live.tls_terminator import Door, door
from tests.recount import recount

WAYS = [
    "TLS",
    "TLS on both sides",
    *(f"{how} {security}" for how in USERS for security in ("SASL_PLAINTEXT", "SASL_SSL")),
]
WRONG = "not" + SECRET
TOKEN = "a-token-of-ours"  # noqa: S105
PEOPLE = "person,region\nu1,ES\nu2,DE\nu3,ES\n"
DIRECTORY = [{"person": "u1", "region": "ES"}, {"person": "u2", "region": "DE"}, {"person": "u3", "region": "ES"}]


def login(number: int, actor: str, time: str) -> dict[str, Any]:
    fields = {"specversion": "1.0", "id": f"e{number}", "source": "/s", "type": "esn.login"}
    return fields | {"time": f"2026-11-20T{time}Z", "data": {"actor": actor}}


RECORD = [
    login(1, "u1", "08:15:00"),
    login(2, "u2", "08:20:00"),
    login(3, "u4", "09:10:00"),
    login(4, "u1", "09:40:00"),
]


EXPECTED = recount(RECORD, DIRECTORY, step_seconds=3600)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Secured]:
    with Secured(tmp_path_factory.mktemp("secured"), cache).running() as servers:
        yield servers


@pytest.fixture
def env(secured: Secured, prefix: str, tmp_path: Path) -> Env:
    """The settings of a worker and of commands, but for the way into Kafka."""
    return {
        "ESN_CLICKHOUSE": secured.stack.addresses.clickhouse,
        "ESN_PREFIX": prefix,
        "ESN_TIME": "events",
        "ESN_STEP_SECONDS": "3600",
        "ESN_PEOPLE_SECONDS": "1",
        "ESN_CHECKPOINT_SECONDS": "1",
        "ESN_HOME": str(tmp_path / "home"),
    }


def way_in(secured: Secured, way: str) -> Env:
    if way.startswith("TLS"):
        return secured.mutual() if way == "TLS on both sides" else secured.by("SSL")
    how, security = way.split()
    return secured.login(security, how)


def send(call: Caller, folder: Path) -> list[Called]:
    """Send the directory and the record as users do."""
    people, events = folder / "people.csv", folder / "events.jsonl"
    people.write_text(PEOPLE)
    events.write_text("".join(json.dumps(line) + "\n" for line in RECORD))
    return [call("directory", "import", str(people)), call("replay", str(events))]


@pytest.mark.parametrize("way", WAYS)
def test_a_record_goes_all_the_way(secured: Secured, way: str, env: Env, tmp_path: Path) -> None:
    env |= way_in(secured, way)
    if password := env.pop("ESN_KAFKA_SASL_PASSWORD", ""):
        (tmp_path / "password").write_text(password + "\n")
        env["ESN_KAFKA_SASL_PASSWORD_FILE"] = str(tmp_path / "password")
    call = Caller(env)
    said = [call("topics", "--partitions", "2")]
    with rig(env, tmp_path, 2) as company:
        worker = company.start()
        said += send(call, tmp_path)
        company.assert_rows(EXPECTED)
    assert worker.returncode == 0
    assert list(broker.read(company.settings, PAGES.full_name(company.settings.prefix)))  # checkpoints, committed
    assert [done.code for done in said] == [0, 0, 0]
    assert SECRET not in company.logs() + "".join(done.out + done.err for done in said)


def shown(certificate: Certificate) -> Env:
    return {"ESN_KAFKA_CERT": str(certificate.cert), "ESN_KAFKA_KEY": str(certificate.key)}


BY_TLS = "lets us in by SSL: check ESN_KAFKA_SECURITY, ESN_KAFKA_CA and, if the broker asks for one, ESN_KAFKA_CERT"
REFUSALS: dict[str, tuple[Callable[[Secured], Env], str]] = {
    "another authority": (lambda s: s.by("SSL") | {"ESN_KAFKA_CA": str(s.stranger.ca)}, "that is not trusted ("),
    "no authority": (lambda s: s.by("SSL") | {"ESN_KAFKA_CA": ""}, "set ESN_KAFKA_CA to the authority's file"),
    "no PEM file": (lambda s: s.by("SSL") | {"ESN_KAFKA_CA": str(s.stack.kafka.log)}, "give a PEM file"),
    "another host": (lambda s: s.by("SSL", host="localhost"), "for another host (Hostname mismatch, "),
    "no certificate": (lambda s: s.by("SSL", "MUTUAL"), "wants a certificate of ours"),
    "a stranger's certificate": (
        lambda s: s.by("SSL", "MUTUAL") | shown(s.stranger.sign("client")),
        "refuses our certificate",
    ),
    "another's key": (
        lambda s: s.mutual() | {"ESN_KAFKA_KEY": str(s.server.key)},
        "(key values mismatch): give PEM files that belong together",
    ),
    "a key with a password": (
        lambda s: s.mutual() | shown(s.company.sign("locked", password=b"words")),
        "the key without a password",
    ),
    "a wrong password": (lambda s: s.login("SASL_PLAINTEXT", "PLAIN", WRONG), "refuses the login of ana: check"),
    "a wrong password, SCRAM": (lambda s: s.login("SASL_SSL", "SCRAM-SHA-512", WRONG), "refuses the login of cleo"),
    "an unknown user": (
        lambda s: s.login("SASL_SSL", "SCRAM-SHA-256") | {"ESN_KAFKA_SASL_USERNAME": "dora"},
        "refuses the login of dora: check ESN_KAFKA_SASL_USERNAME",
    ),
    "a login where there is none": (
        lambda s: s.login("SASL_SSL", "PLAIN") | {"ESN_KAFKA": s.by("SSL")["ESN_KAFKA"]},
        "takes no login by PLAIN: check ESN_KAFKA_SASL_MECHANISM",
    ),
    "no login": (lambda s: s.by("PLAINTEXT", "SASL_PLAINTEXT"), "us in by PLAINTEXT: check ESN_KAFKA_SECURITY"),
    "no login, TLS": (lambda s: s.by("SSL", "SASL_SSL"), BY_TLS),
    "plain text to TLS": (lambda s: s.by("PLAINTEXT", "SSL"), "us in by PLAINTEXT: check ESN_KAFKA_SECURITY"),
    "TLS to plain text": (lambda s: s.by("SSL", "PLAINTEXT"), BY_TLS),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_keeps_us_out_is_said_in_one_line(secured: Secured, what: str, env: Env) -> None:
    way, told = REFUSALS[what]
    call = Caller(env | way(secured))
    code, line = call.line("topics")
    assert code == 1
    assert told in line
    worker = call("worker")
    assert worker.code == 1
    assert worker.err.splitlines()[-1] == line
    assert SECRET not in worker.out + worker.err + line


def test_every_command_says_that_the_password_is_wrong(secured: Secured, env: Env, tmp_path: Path) -> None:
    call = Caller(env | secured.login("SASL_SSL", "SCRAM-SHA-256", WRONG))
    file = tmp_path / "file"
    file.write_text(json.dumps(RECORD[0]))
    said = "refuses the login of ben"
    for words in (["replay", str(file)], ["rejects"], ["simulate", "--people", "3", "--days", "1", "--kafka"]):
        code, line = call.line(*words)
        assert (code, said in line) == (1, True), line
    file.write_text(PEOPLE)
    code, line = call.line("directory", "import", str(file))
    assert (code, said in line) == (1, True), line
    doctor = call("doctor")
    assert doctor.code == 1
    assert said in doctor.out
    assert SECRET not in doctor.out + doctor.err


@pytest.fixture(scope="module")
def entrance(secured: Secured) -> Iterator[Door]:
    """TLS and a login before ClickHouse."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(secured.server.cert, secured.server.key)
    with door(secured.stack.clickhouse.port("clickhouse"), tls, "olga", SECRET) as made:
        yield made


def clickhouse(entrance: Door, password: str = SECRET, host: str = "127.0.0.1") -> str:
    return f"clickhouses://olga:{quote(password, safe='')}@{host}:{entrance.port}/esn"


def test_secrets_come_from_files_and_are_told_nowhere(
    secured: Secured, entrance: Door, env: Env, tmp_path: Path
) -> None:
    env |= secured.login("SASL_SSL", "PLAIN") | {"ESN_CLICKHOUSE": clickhouse(entrance), "ESN_WEB_TOKEN": TOKEN}
    for name in ("ESN_KAFKA_SASL_PASSWORD", "ESN_CLICKHOUSE", "ESN_WEB_TOKEN"):
        file = tmp_path / name
        file.write_text(env.pop(name) + "\n")
        env[name + "_FILE"] = str(file)
    web = f"http://127.0.0.1:{ports.choose()}"
    env |= {"ESN_CLICKHOUSE_CA": str(secured.company.ca), "ESN_LOG_LEVEL": "debug", "ESN_WEB_PORT": web[-5:]}
    call = Caller(env)
    with rig(env, tmp_path, 2) as company:
        worker = company.start()
        said = send(call, tmp_path)
        company.assert_rows(EXPECTED)
        assert status(f"{web}/metrics") == 401
        assert status(f"{web}/metrics", TOKEN) == 200
        said += [call(*words) for words in (["doctor"], ["migrate"], ["people"], ["--help"], ["worker", "--help"])]
    assert worker.returncode == 0
    assert [done.code for done in said] == [0] * len(said)
    told = company.logs() + "".join(done.out + done.err for done in said)
    assert not [secret for secret in (SECRET, quote(SECRET, safe=""), TOKEN) if secret in told]


CLICKHOUSE_REFUSALS: dict[str, tuple[Callable[[Secured, Door], Env], str]] = {
    "a wrong password": (
        lambda s, d: {"ESN_CLICKHOUSE": clickhouse(d, WRONG), "ESN_CLICKHOUSE_CA": str(s.company.ca)},
        "refuses user olga (AUTHENTICATION_FAILED, code 516): set ESN_CLICKHOUSE",
    ),
    "another authority": (
        lambda s, d: {"ESN_CLICKHOUSE": clickhouse(d), "ESN_CLICKHOUSE_CA": str(s.stranger.ca)},
        "has a certificate that is not trusted (unable to get local issuer certificate): set ESN_CLICKHOUSE_CA",
    ),
    "another host": (
        lambda s, d: {"ESN_CLICKHOUSE": clickhouse(d, host="localhost"), "ESN_CLICKHOUSE_CA": str(s.company.ca)},
        "has a certificate for another host (Hostname mismatch, ",
    ),
    "no PEM file": (
        lambda s, d: {"ESN_CLICKHOUSE": clickhouse(d), "ESN_CLICKHOUSE_CA": str(s.stack.kafka.log)},
        "cannot be used (no certificate or crl found): give a PEM file",
    ),
}


@pytest.mark.parametrize("what", CLICKHOUSE_REFUSALS)
def test_what_keeps_us_out_of_clickhouse_is_said_in_one_line(
    secured: Secured, entrance: Door, what: str, env: Env
) -> None:
    wrong, told = CLICKHOUSE_REFUSALS[what]
    call = Caller(env | secured.by("PLAINTEXT") | wrong(secured, entrance))
    create_topics(Settings.from_env(call.env), 1)
    code, line = call.line("migrate")
    assert code == 1
    assert told in line
    worker = call("worker")
    assert worker.code == 1
    assert worker.err.splitlines()[-1] == line
    assert SECRET not in worker.err + line


def test_clickhouse_without_tls_where_it_is_wanted_and_the_other_way_round(
    secured: Secured, entrance: Door, env: Env
) -> None:
    plain = clickhouse(entrance).replace("clickhouses", "clickhouse")
    no_tls = f"clickhouses://olga@{secured.stack.addresses.kafka}/esn"  # the embedded ClickHouse would abort
    for url in (plain, no_tls):
        code, line = Caller(env | {"ESN_CLICKHOUSE": url}).line("migrate")
        assert code == 1
        assert line.startswith("esn-pulse: no ClickHouse at 127.0.0.1:")
        assert "ESN_CLICKHOUSE" in line


def test_without_a_file_the_systems_authorities_are_trusted(secured: Secured, entrance: Door, env: Env) -> None:
    call = Caller(env | secured.by("SSL") | {"ESN_KAFKA_CA": "", "ESN_CLICKHOUSE": clickhouse(entrance)})
    for words in (["topics", "--partitions", "1"], ["migrate"]):
        assert call(*words, SSL_CERT_FILE=str(secured.company.ca)).code == 0
        assert call.line(*words)[0] == 1


def status(url: str, token: str = "") -> int:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
