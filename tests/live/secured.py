"""A Kafka with every way in that a company may ask for, each on a listener of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import ScramMechanism, UserScramCredentialUpsertion

from deploy.local import ports
from deploy.local.stack import Stack
from tests.live.certificates import Authority

Env = dict[str, str]

LISTENERS = {"SSL": "SSL", "MUTUAL": "SSL", "SASL_PLAINTEXT": "SASL_PLAINTEXT", "SASL_SSL": "SASL_SSL"}
SECRET = "a+pass/word=of%ours"  # noqa: S105  (with what URLs and JAAS might trip over)
USERS = {"PLAIN": "ana", "SCRAM-SHA-256": "ben", "SCRAM-SHA-512": "cleo"}
_MODULES = {
    "plain": f'org.apache.kafka.common.security.plain.PlainLoginModule required user_ana="{SECRET}";',
    "scram-sha-256": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
    "scram-sha-512": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
}


class Secured:
    """The servers, and the settings of each way in; its certificates are for 127.0.0.1, not for localhost."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.company, self.stranger = Authority(folder / "company", "company"), Authority(folder / "other", "stranger")
        self.server = self.company.sign("server", ["127.0.0.1"])
        self.client = self.company.sign("client")
        self.ports: dict[str, int] = {}
        for name in LISTENERS:
            self.ports[name] = ports.choose(but=self.ports.values())
        keys = folder / "kafka.pem"
        keys.write_text(self.server.both)
        self.stack = Stack(folder / "stack", cache, kafka_config=self._config(keys))

    @contextmanager
    def running(self) -> Iterator["Secured"]:
        """Have it up, its users known."""
        with self.stack.running():
            admin = KafkaAdminClient(bootstrap_servers=self.stack.addresses.kafka)
            admin.alter_user_scram_credentials(
                [
                    UserScramCredentialUpsertion("ben", ScramMechanism.SCRAM_SHA_256, password=SECRET),
                    UserScramCredentialUpsertion("cleo", ScramMechanism.SCRAM_SHA_512, password=SECRET),
                ]
            )
            admin.close()
            yield self

    def by(self, security: str, listener: str = "", host: str = "127.0.0.1") -> Env:
        """Return the settings of a listener, with the company's authority where there is TLS."""
        port = self.ports.get(listener or security) or self.stack.kafka.port("kafka")
        env = {"ESN_KAFKA": f"{host}:{port}", "ESN_KAFKA_SECURITY": security}
        return env | ({"ESN_KAFKA_CA": str(self.company.ca)} if security.endswith("SSL") else {})

    def mutual(self) -> Env:
        """Return the settings of TLS on both sides."""
        own = {"ESN_KAFKA_CERT": str(self.client.cert), "ESN_KAFKA_KEY": str(self.client.key)}
        return self.by("SSL", "MUTUAL") | own

    def login(self, security: str, mechanism: str, password: str = SECRET) -> Env:
        """Return the settings of a login."""
        return self.by(security) | {
            "ESN_KAFKA_SASL_MECHANISM": mechanism,
            "ESN_KAFKA_SASL_USERNAME": USERS[mechanism],
            "ESN_KAFKA_SASL_PASSWORD": password,
        }

    def _config(self, keys: Path) -> Env:
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items())
        protocols = LISTENERS | {"PLAINTEXT": "PLAINTEXT", "CONTROLLER": "PLAINTEXT"}
        logins = {
            f"listener.name.{name}.{mechanism}.sasl.jaas.config": module
            for name in ("sasl_plaintext", "sasl_ssl")
            for mechanism, module in _MODULES.items()
        }
        return {
            "listeners": listeners,
            "advertised.listeners": listeners,
            "listener.security.protocol.map": ",".join(f"{name}:{protocol}" for name, protocol in protocols.items()),
            "sasl.enabled.mechanisms": ",".join(USERS),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keys),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.company.ca),
            "listener.name.mutual.ssl.client.auth": "required",
            **logins,
        }
