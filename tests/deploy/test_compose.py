"""compose.yaml, the image and the unit agree with the repository and open nothing to a network. None of them is run."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents.__main__ import COMMANDS
from agents.settings import Settings
from deploy.local.kafka import CONFIG

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
FILE = DEPLOY / "compose.yaml"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = ("setup", "worker")
RULES = "{extends: default, rules: {line-length: {max: 120}}}"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return loaded


def published(compose: dict[str, Any], service: str) -> list[tuple[str, ...]]:
    return [tuple(port.split(":")) for port in compose["services"][service]["ports"]]


def test_the_file_is_well_written() -> None:
    lint = [sys.executable, "-m", "yamllint", "--strict", "-d", RULES, str(FILE)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_file_follows_the_schema_of_compose() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("service", ["kafka", "clickhouse", "prometheus", "alertmanager", "grafana"])
def test_services_are_pinned_checked_and_keep_their_data(compose: dict[str, Any], service: str) -> None:
    described = compose["services"][service]

    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)*", described["image"])
    assert described["healthcheck"]["test"][0] == "CMD"
    assert service in {volume.split(":")[0] for volume in described["volumes"]}
    assert service in compose["volumes"]


def test_files_that_are_mounted_are_there_and_read_only(compose: dict[str, Any]) -> None:
    mounted = [volume for service in compose["services"].values() for volume in service.get("volumes", [])]
    files = [volume.split(":") for volume in mounted if volume.startswith(".")]

    assert len(files) == 5
    for source, _, mode in files:
        assert (DEPLOY / source).exists()
        assert mode == "ro"


def test_everything_listens_on_loopback_only(compose: dict[str, Any]) -> None:
    for service in compose["services"]:
        if "ports" in compose["services"][service]:
            assert all(port[0] == "127.0.0.1" and port[1] == port[2] for port in published(compose, service))


@pytest.mark.parametrize("service", OURS)
def test_workers_get_settings_that_there_are_and_addresses_that_there_are(
    compose: dict[str, Any], service: str
) -> None:
    settings = Settings.from_env({"HOME": "/", **compose["services"][service]["environment"]})

    listeners = dict(
        address.split("://")
        for address in compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(",")
    )
    assert settings.kafka == listeners["INSIDE"]
    assert (settings.clickhouse.host, settings.clickhouse.port) == ("clickhouse", 9000)
    assert settings.database == "esn"
    wait = compose["services"][service]["depends_on"]
    assert wait.keys() <= compose["services"].keys()


def test_what_is_set_up_first_are_commands(compose: dict[str, Any]) -> None:
    (script,) = compose["services"]["setup"]["command"]

    for command in script.split(" && "):
        program, name = command.split()
        assert program in PROJECT["scripts"]
        assert name in COMMANDS


def test_prometheus_finds_workers_and_alertmanager(compose: dict[str, Any]) -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))

    (job,) = config["scrape_configs"]
    (names,) = job["dns_sd_configs"]
    assert names["names"] == ["worker"]
    assert names["port"] == Settings.from_env({"HOME": "/"}).web_port
    assert "worker" in compose["services"]
    (manager,) = config["alerting"]["alertmanagers"]
    (target,) = manager["static_configs"][0]["targets"]
    name, port = target.split(":")
    assert port in published(compose, name)[0]
    for name, folder in (("prometheus", "/etc/prometheus"), ("alertmanager", "/etc/alertmanager")):
        service = compose["services"][name]
        (argument,) = (word for word in service["command"] if word.startswith("--config.file="))
        path = Path(argument.removeprefix("--config.file="))
        assert f"./{name}:{folder}:ro" in service["volumes"]
        assert (DEPLOY / name / path.relative_to(folder)).exists()
        kept = [word.split("=")[1] for word in service["command"] if word.startswith("--storage") and "path" in word]
        assert [f"{name}:{kept[0]}"] == [volume for volume in service["volumes"] if not volume.startswith(".")]


def test_grafana_is_provisioned(compose: dict[str, Any]) -> None:
    grafana, clickhouse = compose["services"]["grafana"], compose["services"]["clickhouse"]
    folders = dict(volume.split(":")[:2] for volume in grafana["volumes"])
    provisioning = DEPLOY / "grafana" / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "esn-pulse.yaml").read_text())["providers"]
    text = (provisioning / "datasources" / "esn-pulse.yaml").read_text(encoding="utf-8")
    sources = {one["type"]: one for one in yaml.safe_load(text)["datasources"]}

    assert folders["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert folders["./grafana/dashboards"] == provider["options"]["path"]
    assert set(re.findall(r"\$(\w+)", text)) <= grafana["environment"].keys()
    assert grafana["environment"]["GF_INSTALL_PLUGINS"] in sources
    assert grafana["environment"]["ESN_PROMETHEUS_URL"] == "http://prometheus:9090"
    assert "9090" in published(compose, "prometheus")[0]
    assert grafana["environment"]["ESN_CLICKHOUSE_HOST"] in compose["services"]
    users = (DEPLOY / "clickhouse" / "users.d" / "esn-pulse.xml").read_text(encoding="utf-8")
    source = sources["grafana-clickhouse-datasource"]["jsonData"]
    assert f"<{source['username']}>" in users
    assert f"GRANT SELECT ON {source['defaultDatabase']}.*" in users
    assert set(re.findall(r'from_env="(\w+)"', users)) <= clickhouse["environment"].keys()
    assert grafana["environment"]["ESN_GRAFANA_PASSWORD"] == clickhouse["environment"]["ESN_GRAFANA_PASSWORD"]


def test_the_image_has_what_it_needs(compose: dict[str, Any]) -> None:
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    copied = {word for line in re.findall(r"^COPY (.+) \S+$", text, re.M) for word in line.split()}
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()

    assert all((ROOT / name).exists() for name in copied)
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == copied
    assert {"schemas", "pipeline", "agents", "deploy", "pyproject.toml", PROJECT["readme"]} == copied
    assert re.search(r"^FROM python:3\.12-", text, re.M)
    assert PROJECT["requires-python"] == ">=3.11"
    assert re.search(rf"^EXPOSE {Settings.from_env({'HOME': '/'}).web_port}$", text, re.M)
    assert f'ENTRYPOINT ["{next(iter(PROJECT["scripts"]))}"]' in text
    assert "worker" in COMMANDS
    build = compose["x-esn-pulse"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).resolve() == (DEPLOY / "Dockerfile").resolve()
    Settings.from_env({"HOME": "/", **dict(re.findall(r"\b(ESN_\w+)=(\S+)", text))})


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With our own paths: the ones in the file are of another machine."""
    text = (DEPLOY / "systemd" / "esn-pulse@.service").read_text(encoding="utf-8")
    (program,) = re.findall(r"^ExecStart=(\S+) worker$", text, re.M)
    settings = re.findall(r"\b(ESN_\w+)=(\S+)", "\n".join(re.findall(r"^Environment=(.*)$", text, re.M)))

    assert Path(program).name in PROJECT["scripts"]
    Settings.from_env({"HOME": "/", **{name: value.replace("%i", "6066") for name, value in settings}})
    assert "file:///opt/esn-pulse/deploy/RUNBOOK.md" in text
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no systemd-analyze: run `apt-get install systemd`")
        pytest.skip("there is no systemd-analyze: run `apt-get install systemd`")
    here = re.sub(r"^(User|Group)=.*$", r"\1=root", text.replace(program, sys.executable), flags=re.M)
    (tmp_path / "esn-pulse@.service").write_text(here)
    command = [analyze, "verify", str(tmp_path / "esn-pulse@6066.service")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_kafka_is_the_embedded_version(compose: dict[str, Any]) -> None:
    assert compose["services"]["kafka"]["image"] == "apache/kafka:4.3.1"


def test_ports_are_those_of_the_settings_and_on_loopback(compose: dict[str, Any]) -> None:
    settings = Settings.from_env({"HOME": "/home/somebody"})

    assert published(compose, "kafka") == [(*settings.kafka.split(":"), "9092")]
    native, http = published(compose, "clickhouse")
    assert native == (settings.clickhouse.host, str(settings.clickhouse.port), "9000")
    assert http == ("127.0.0.1", "8123", "8123")


def test_kafka_tells_clients_the_address_that_is_published(compose: dict[str, Any]) -> None:
    environment = compose["services"]["kafka"]["environment"]
    advertised = dict(address.split("://") for address in environment["KAFKA_ADVERTISED_LISTENERS"].split(","))

    assert advertised["PLAINTEXT"] == ":".join(published(compose, "kafka")[0][:2])


def test_kafka_is_configured_as_the_embedded_one(compose: dict[str, Any]) -> None:
    environment = compose["services"]["kafka"]["environment"]
    matter = [key for key in CONFIG if re.search(r"replication|min\.isr|max\.bytes|auto\.create", key)]

    assert len(matter) == 8
    assert {key: environment["KAFKA_" + key.replace(".", "_").upper()] for key in matter} == {
        key: CONFIG[key] for key in matter
    }
