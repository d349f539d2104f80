"""The settings: everything that `ESN_*` variables may say, read once into one frozen object.

Rules: nobody else reads the environment. Each setting is declared once, below, with its variable, default,
parser and one line of documentation; `SETTINGS` lists them for the doctor and for the test of the README. An
unknown `ESN_*` is an error, an empty one counts as unset, and a secret appears in no repr and in no message.
"""

import dataclasses
import difflib
import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import click

from agents.errors import Usage
from agents.setting_values import (
    ClickHouseAddress,
    choice,
    clickhouse_address,
    directory,
    existing_file,
    kafka_addresses,
    number,
    plain,
    prefix_name,
    time_zone,
)

__all__ = ["SETTINGS", "ClickHouseAddress", "Setting", "Settings", "pass_settings", "problems"]

P = ParamSpec("P")
R = TypeVar("R")

_FOR_TESTS = {"ESN_TEST_DATA"}
_XDG = {"$XDG_DATA_HOME": ".local/share", "$XDG_CACHE_HOME": ".cache"}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is declared; `parse` raises ValueError with what is wrong and what to do."""

    name: str
    env: str
    default: str
    parse: Callable[[str], Any]
    doc: str
    secret: bool


def _env(env: str, default: str, parse: Callable[[str], Any], doc: str, secret: bool = False) -> Any:
    declared = {"env": env, "default": default, "parse": parse, "doc": doc, "secret": secret}
    return dataclasses.field(repr=not secret, metadata=declared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings; made by `from_env`."""

    kafka: str = _env("ESN_KAFKA", "127.0.0.1:9092", kafka_addresses, "Kafka's brokers, host:port, ...")
    kafka_security: str = _env(
        "ESN_KAFKA_SECURITY",
        "PLAINTEXT",
        choice("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"),
        "how to talk to Kafka: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    )
    kafka_sasl_mechanism: str = _env(
        "ESN_KAFKA_SASL_MECHANISM",
        "PLAIN",
        choice("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
        "how to log in to Kafka: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512",
    )
    kafka_sasl_username: str = _env("ESN_KAFKA_SASL_USERNAME", "", plain, "Kafka user")
    kafka_sasl_password: str = _env("ESN_KAFKA_SASL_PASSWORD", "", plain, "Kafka password", secret=True)
    kafka_ca: str = _env("ESN_KAFKA_CA", "", existing_file, "PEM file of the authority that signed Kafka's certificate")
    kafka_cert: str = _env("ESN_KAFKA_CERT", "", existing_file, "PEM file of our own certificate for Kafka")
    kafka_key: str = _env("ESN_KAFKA_KEY", "", existing_file, "PEM file of our own certificate's key")
    clickhouse: ClickHouseAddress = _env(  # noqa: RUF009  (it declares a field)
        "ESN_CLICKHOUSE",
        "clickhouse://default@127.0.0.1:9000/esn",
        clickhouse_address,
        "ClickHouse, clickhouse://user:password@host:port/database; clickhouses:// for TLS",
        secret=True,
    )
    clickhouse_ca: str = _env(
        "ESN_CLICKHOUSE_CA",
        "",
        existing_file,
        "PEM file of the authority that signed ClickHouse's certificate",
    )
    prefix: str = _env("ESN_PREFIX", "", prefix_name, "put before every topic, the group and the database")
    time: str = _env(
        "ESN_TIME",
        "clock",
        choice("clock", "events"),
        "what moves time when a topic is idle: clock, or events (replays)",
    )
    step_seconds: int = _env(
        "ESN_STEP_SECONDS", "60", number(only=(60, 300, 900, 3600)), "seconds between two published steps"
    )
    lateness_seconds: int = _env(
        "ESN_LATENESS_SECONDS",
        "120",
        number(0, 86400),
        "seconds that events may come late and still count in their step",
    )
    checkpoint_seconds: int = _env(
        "ESN_CHECKPOINT_SECONDS", "10", number(1, 3600), "seconds between two checkpoints, at least"
    )
    people_seconds: int = _env(
        "ESN_PEOPLE_SECONDS",
        "60",
        number(1, 300),
        "seconds between two writings of the same person, at least",
    )
    web_host: str = _env("ESN_WEB_HOST", "127.0.0.1", plain, "address that the worker's web server listens on")
    web_port: int = _env("ESN_WEB_PORT", "6066", number(1, 65535), "port of the worker's web server (/metrics)")
    web_token: str = _env("ESN_WEB_TOKEN", "", plain, "token that the web server asks for; none if unset", secret=True)
    log_format: str = _env("ESN_LOG_FORMAT", "text", choice("text", "json"), "log lines: text or json")
    log_level: str = _env(
        "ESN_LOG_LEVEL", "info", choice("debug", "info", "warning", "error"), "debug, info, warning or error"
    )
    instance: str = _env("ESN_INSTANCE", "", plain, "this worker's name in its group, for restarts without rebalance")
    keep_fine_days: int = _env("ESN_KEEP_FINE_DAYS", "35", number(1, 36500), "days to keep steps finer than an hour")
    keep_hourly_days: int = _env("ESN_KEEP_HOURLY_DAYS", "396", number(1, 36500), "days to keep hourly steps")
    keep_people_days: int = _env(
        "ESN_KEEP_PEOPLE_DAYS",
        "396",
        number(1, 36500),
        "days to keep people who are not listed and were not seen",
    )
    timezone: str = _env("ESN_TIMEZONE", "UTC", time_zone, "the company's time zone, as in Europe/Madrid")
    min_group: int = _env(
        "ESN_MIN_GROUP",
        "10",
        number(0, 1_000_000),
        "enabled people that a segment must have to be shown as a metric and to BI; 0 hides nothing",
    )
    calendar: str = _env(
        "ESN_CALENDAR", "", existing_file, "TOML file of holidays, days off and time zones; they are no drops"
    )
    targets: str = _env("ESN_TARGETS", "", existing_file, "TOML file of the shares of people to reach, by segment")
    home: Path = _env(  # noqa: RUF009
        "ESN_HOME", "$XDG_DATA_HOME/esn-pulse", directory, "data of the embedded Kafka and ClickHouse"
    )
    cache: Path = _env(  # noqa: RUF009
        "ESN_CACHE", "$XDG_CACHE_HOME/esn-pulse", directory, "what was downloaded for them"
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Read the settings, or raise Usage with every problem in one line."""
        values, problems = _read(environ)
        if problems:
            raise Usage("; ".join(problems))
        return cls(**values)

    @property
    def database(self) -> str:
        """ClickHouse's database: the address's, after the prefix: `acme_esn`."""
        return f"{self.prefix}_{self.clickhouse.database}" if self.prefix else self.clickhouse.database

    @property
    def group(self) -> str:
        """Kafka's consumer group, and the worker's name: `acme.esn-pulse`."""
        return f"{self.prefix}.esn-pulse" if self.prefix else "esn-pulse"

    def topic(self, name: str) -> str:
        """Return a topic's name on the broker: `acme.esn.logins`."""
        return f"{self.prefix}.{name}" if self.prefix else name


SETTINGS: tuple[Setting, ...] = tuple(Setting(name=f.name, **f.metadata) for f in dataclasses.fields(Settings))


_NAMES = {s.env for s in SETTINGS} | {s.env + "_FILE" for s in SETTINGS if s.secret} | _FOR_TESTS


def _read(environ: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Return the values that could be read, by field, and everything that is wrong."""
    given = {name: text for name, text in environ.items() if name.startswith("ESN_") and text}
    values: dict[str, Any] = {}
    found = [_unknown(name) for name in sorted(given) if name not in _NAMES]
    for setting in SETTINGS:
        try:
            values[setting.name] = setting.parse(_text(setting, given, environ))
        except ValueError as error:
            found.append(f"{setting.env} {error}")
    return values, found or _contradictions(values, given)


def _text(setting: Setting, given: Mapping[str, str], environ: Mapping[str, str]) -> str:
    file = given.get(setting.env + "_FILE") if setting.secret else None
    if file and setting.env in given:
        raise ValueError(f"and {setting.env}_FILE are both set: unset one")
    if file:
        return _secret(Path(file).expanduser())
    if setting.env in given:
        return given[setting.env]
    text = setting.default
    for variable, below_home in _XDG.items():
        fallback = f"{environ.get('HOME') or '~'}/{below_home}"
        text = text.replace(variable, environ.get(variable[1:]) or fallback)
    return text


def _secret(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise ValueError(f"is to come from {file}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"is to come from {file}, which is not UTF-8 text") from None
    if not text:
        raise ValueError(f"is to come from {file}, which is empty")
    return text


def _unknown(name: str) -> str:
    plain_name = name.removesuffix("_FILE")
    if plain_name in _NAMES:
        return f"{name} is no setting: only a secret may come from a file, set {plain_name}"
    near = difflib.get_close_matches(name, _NAMES - _FOR_TESTS, n=1)
    return f"{name} is no setting: " + (f"did you mean {near[0]}?" if near else "unset it")


def _contradictions(values: Mapping[str, Any], given: Mapping[str, str]) -> list[str]:
    """Find settings that would silently do nothing, or miss another one."""
    security = values["kafka_security"]
    found = []
    for name in ("kafka_sasl_username", "kafka_sasl_password"):
        env = f"ESN_{name.upper()}"
        if security.startswith("SASL_") and not values[name]:
            found.append(f"{env} is missing: ESN_KAFKA_SECURITY={security} needs it")
        if values[name] and not security.startswith("SASL_"):
            found.append(f"{env} is set, but ESN_KAFKA_SECURITY is {security}: choose SASL_SSL or SASL_PLAINTEXT")
    if not security.endswith("SSL"):
        found += [
            f"{env} is set, but ESN_KAFKA_SECURITY is {security}: choose SSL or SASL_SSL"
            for env in ("ESN_KAFKA_CA", "ESN_KAFKA_CERT", "ESN_KAFKA_KEY")
            if env in given
        ]
    if bool(values["kafka_cert"]) != bool(values["kafka_key"]):
        found.append("ESN_KAFKA_CERT and ESN_KAFKA_KEY belong together: set both or none")
    if "ESN_CLICKHOUSE_CA" in given and not values["clickhouse"].secure:
        found.append("ESN_CLICKHOUSE_CA is set, but ESN_CLICKHOUSE is without TLS: begin it with clickhouses://")
    return found


def problems(environ: Mapping[str, str]) -> list[str]:
    """Return everything that is wrong with the settings, a line each."""
    return _read(environ)[1]


def pass_settings(command: Callable[Concatenate[Settings, P], R]) -> Callable[P, R]:
    """Hand a click command the settings as its first argument; they are read once, and only when it runs."""

    @functools.wraps(command)
    def with_settings(*args: P.args, **kwargs: P.kwargs) -> R:
        root = click.get_current_context().find_root()
        if root.obj is None:
            root.obj = Settings.from_env(os.environ)
        return command(root.obj, *args, **kwargs)

    return with_settings
