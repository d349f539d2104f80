"""Settings: defaults, every way to be wrong in one line, and secrets that stay secret."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from agents.errors import Usage
from agents.settings import SETTINGS, ClickHouseAddress, Settings, problems


def read(**environ: str) -> Settings:
    return Settings.from_env(environ)


def told(**environ: str) -> str:
    with pytest.raises(Usage) as raised:
        Settings.from_env(environ)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_nothing_needs_to_be_set() -> None:
    settings = read(HOME="/home/ana")
    assert settings.kafka == "127.0.0.1:9092"
    assert settings.clickhouse == ClickHouseAddress("127.0.0.1", 9000, "default", "", "esn", False)
    assert (settings.step_seconds, settings.lateness_seconds, settings.time) == (60, 120, "clock")
    assert settings.home == Path("/home/ana/.local/share/esn-pulse")
    assert settings.cache == Path("/home/ana/.cache/esn-pulse")
    assert (settings.database, settings.group, settings.topic("esn.logins")) == ("esn", "esn-pulse", "esn.logins")


def test_data_goes_where_the_desktop_standard_says() -> None:
    settings = read(XDG_DATA_HOME="/data", XDG_CACHE_HOME="/cache")
    assert (settings.home, settings.cache) == (Path("/data/esn-pulse"), Path("/cache/esn-pulse"))
    assert read(ESN_HOME="/elsewhere", XDG_DATA_HOME="/data").home == Path("/elsewhere")


def test_a_prefix_is_put_before_topics_group_and_database() -> None:
    settings = read(ESN_PREFIX="acme")
    assert settings.topic("esn.logins") == "acme.esn.logins"
    assert settings.group == "acme.esn-pulse"
    assert settings.database == "acme_esn"


def test_an_empty_variable_is_an_unset_one() -> None:
    assert read(ESN_KAFKA="", ESN_STEP_SECONDS="", ESN_NOBODY_KNOWS="").kafka == "127.0.0.1:9092"


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({"ESN_STEP_SECONDS": "61"}, "ESN_STEP_SECONDS is 61: choose 60, 300, 900 or 3600"),
        ({"ESN_STEP_SECONDS": "a minute"}, "ESN_STEP_SECONDS is a minute: choose 60, 300, 900 or 3600"),
        ({"ESN_WEB_PORT": "70000"}, "ESN_WEB_PORT is 70000: choose 1 to 65535"),
        ({"ESN_TIME": "wall"}, "ESN_TIME is wall: choose clock or events"),
        ({"ESN_TIMEZONE": "Europe/Madird"}, "ESN_TIMEZONE is Europe/Madird: did you mean Europe/Madrid?"),
        ({"ESN_TIMEZONE": "Europe"}, "ESN_TIMEZONE is Europe: "),
        ({"ESN_CALENDAR": "none.toml"}, "ESN_CALENDAR is none.toml: there is no such file"),
        ({"ESN_KAFAK": "x"}, "ESN_KAFAK is no setting: did you mean ESN_KAFKA?"),
        ({"ESN_KAFKA_FILE": "x"}, "ESN_KAFKA_FILE is no setting: only a secret may come from a file, set ESN_KAFKA"),
        ({"ESN_QQQQQQQQQQQQQQQ": "x"}, "ESN_QQQQQQQQQQQQQQQ is no setting: unset it"),
        ({"ESN_KAFKA": "broker"}, "ESN_KAFKA is broker: write host:port, "),
        ({"ESN_KAFKA": "a:9092,,b:9092"}, "ESN_KAFKA is a:9092,,b:9092: write host:port, "),
        ({"ESN_KAFKA": "a:0"}, "ESN_KAFKA is a:0: write host:port, "),
        ({"ESN_PREFIX": "a.b"}, "ESN_PREFIX is a.b: use letters, digits and _"),
        ({"ESN_KAFKA_SECURITY": "SSL", "ESN_KAFKA_CA": "/no/ca"}, "ESN_KAFKA_CA is /no/ca: there is no such file"),
    ],
)
def test_each_mistake_says_what_to_do(environ: Mapping[str, str], line: str) -> None:
    assert told(**environ).startswith(line)


def test_all_mistakes_are_told_at_once() -> None:
    wrong = {"ESN_STEP_SECONDS": "61", "ESN_KAFAK": "x", "ESN_TIME": "wall"}
    assert len(problems(wrong)) == 3
    assert told(**wrong).count("; ") == 2
    assert problems({}) == []


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a:1", "a:1"),
        ("a:9092, b.example:9093", "a:9092,b.example:9093"),
        ("[::1]:9092,[fe80::1%eth0]:9092", "[::1]:9092,[fe80::1%eth0]:9092"),
    ],
)
def test_kafka_is_a_list_of_addresses(text: str, kept: str) -> None:
    assert read(ESN_KAFKA=text).kafka == kept


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("clickhouse://h", ClickHouseAddress("h", 9000, "default", "", "esn", False)),
        ("clickhouses://h", ClickHouseAddress("h", 9440, "default", "", "esn", True)),
        ("clickhouse://u:p@h:1/d", ClickHouseAddress("h", 1, "u", "p", "d", False)),
        ("clickhouse://a%40b:p%2F%3A%23@h/", ClickHouseAddress("h", 9000, "a@b", "p/:#", "esn", False)),
        ("clickhouse://[::1]:9001/esn", ClickHouseAddress("::1", 9001, "default", "", "esn", False)),
    ],
)
def test_clickhouse_is_an_address(text: str, address: ClickHouseAddress) -> None:
    assert read(ESN_CLICKHOUSE=text).clickhouse == address


@pytest.mark.parametrize(
    "text",
    [
        "http://u:S3CRET@h/esn",
        "S3CRET",
        "clickhouse://u:S3CRET/x@h:9000/esn",
        "clickhouse://u:S3CRET?x@h:9000/esn",
        "clickhouse://u:S3CRET#x@h:9000/esn",
        "clickhouse://u:S3CRET@:9000/esn",
        "clickhouse://u:S3CRET@h:99999/esn",
        "clickhouse://u:S3CRET@[h/esn",
        "clickhouse://u:S3CRET@h/a-b",
        "clickhouse://u:S3CRET@h/esn?secure=1",
    ],
)
def test_a_wrong_clickhouse_address_is_refused_and_its_password_not_told(text: str) -> None:
    line = told(ESN_CLICKHOUSE=text)
    assert line.startswith("ESN_CLICKHOUSE ")
    assert "S3CRET" not in line


def test_secrets_are_shown_nowhere() -> None:
    settings = read(
        ESN_CLICKHOUSE="clickhouse://u:S3CRET@h/esn",
        ESN_WEB_TOKEN="S3CRET",  # noqa: S106  (a secret that is none)
        ESN_KAFKA_SECURITY="SASL_SSL",
        ESN_KAFKA_SASL_USERNAME="esn",
        ESN_KAFKA_SASL_PASSWORD="S3CRET",  # noqa: S106
    )
    assert settings.clickhouse.password == settings.web_token == settings.kafka_sasl_password == "S3CRET"  # noqa: S105
    assert "S3CRET" not in f"{settings!r} {settings} {settings.clickhouse!r}"


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.secret], ids=lambda s: s.env)
def test_a_secret_may_come_from_a_file(setting: object, tmp_path: Path) -> None:
    name, env = setting.name, setting.env  # type: ignore[attr-defined]  # a Setting; parametrize hides the type
    text = "clickhouse://u:p@h/esn" if name == "clickhouse" else "p w"
    (tmp_path / "secret").write_text(text + "\n")
    sasl = {"ESN_KAFKA_SECURITY": "SASL_SSL", "ESN_KAFKA_SASL_USERNAME": "u"} if "sasl" in name else {}
    file = {env + "_FILE": str(tmp_path / "secret")}
    assert getattr(read(**sasl, **file), name) == getattr(read(**sasl, **{env: text}), name)
    assert told(**sasl, **file, **{env: text}) == f"{env} and {env}_FILE are both set: unset one"


def test_a_secret_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert "which cannot be read: No such file" in told(ESN_WEB_TOKEN_FILE=str(tmp_path / "none"))
    (tmp_path / "empty").write_text("\n")
    assert "which is empty" in told(ESN_WEB_TOKEN_FILE=str(tmp_path / "empty"))
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "which is not UTF-8 text" in told(ESN_WEB_TOKEN_FILE=str(tmp_path / "binary"))


def test_settings_that_would_silently_do_nothing_are_refused(tmp_path: Path) -> None:
    pem = tmp_path / "x.pem"
    pem.touch()
    assert "ESN_KAFKA_CA is set, but ESN_KAFKA_SECURITY is PLAINTEXT" in told(ESN_KAFKA_CA=str(pem))
    assert "ESN_KAFKA_SASL_USERNAME is set, but" in told(ESN_KAFKA_SASL_USERNAME="u")
    assert "ESN_KAFKA_SASL_PASSWORD is missing" in told(ESN_KAFKA_SECURITY="SASL_SSL", ESN_KAFKA_SASL_USERNAME="u")
    assert "belong together" in told(ESN_KAFKA_SECURITY="SSL", ESN_KAFKA_CERT=str(pem))
    assert "ESN_CLICKHOUSE is without TLS" in told(ESN_CLICKHOUSE_CA=str(pem))


def test_words_may_be_written_in_any_case() -> None:
    assert read(ESN_KAFKA_SECURITY="ssl", ESN_LOG_LEVEL="DEBUG").kafka_security == "SSL"


def test_every_setting_is_declared_with_a_default_that_is_valid_and_a_line_of_documentation() -> None:
    for setting in SETTINGS:
        assert setting.env == "ESN_" + setting.name.upper()
        assert setting.doc
        assert "\n" not in setting.doc
        setting.parse(setting.default)
