"""How we get into a company's Kafka: TLS and login from the settings, the same for every client.

Rules: one TLS context and one login for Faust, aiokafka and kafka-python. These try again or say "unable to bootstrap"
whatever is wrong; so whoever opens a connection for a person, or for a worker that starts, lets `knock` go first: it
goes in once as they will, and says which setting is wrong. No secret is in any message.
"""

import asyncio
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from agents.errors import Failed
from agents.settings import Settings
from agents.tls import distrust, trusting, why

if TYPE_CHECKING:
    from faust.types.auth import CredentialsT

logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # else Python prints its warnings in commands

KNOCK_SECONDS = 5.0

_LOGIN_REFUSED = (SaslAuthenticationFailed, AuthenticationFailedError)
_ANOTHER_LOGIN = (UnsupportedSaslMechanismError, IllegalSaslStateError)
_OUR_CERTIFICATE = ("ALERT_CERTIFICATE", "ALERT_BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "CERTIFICATE_REQUIRED")


def aiokafka_options(settings: Settings) -> dict[str, Any]:
    """Return the options that every aiokafka client shares. Raises Failed."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "security_protocol": settings.kafka_security,
        "ssl_context": kafka_tls(settings),
    }
    if settings.kafka_security.startswith("SASL"):
        options |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": settings.kafka_sasl_password,
        }
    return options


def faust_credentials(settings: Settings) -> "CredentialsT | None":
    """Return the same for Faust; None for plaintext. Raises Failed."""
    import faust  # noqa: PLC0415  (commands do without it, it takes half a second)

    tls = kafka_tls(settings)
    if settings.kafka_security.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.kafka_sasl_username,
            password=settings.kafka_sasl_password,
            mechanism=settings.kafka_sasl_mechanism,
            ssl_context=tls,
        )
    return faust.SSLCredentials(tls) if tls else None


def kafka_tls(settings: Settings) -> ssl.SSLContext | None:
    """Return what checks Kafka's certificate and shows ours; None without TLS. Raises Failed."""
    if not settings.kafka_security.endswith("SSL"):
        return None
    context = trusting(settings.kafka_ca, "ESN_KAFKA_CA")
    if settings.kafka_cert:
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context.load_cert_chain(settings.kafka_cert, settings.kafka_key, password=lambda: "")
        except OSError as error:
            raise Failed(
                f"the certificate in ESN_KAFKA_CERT cannot be used with the key in ESN_KAFKA_KEY ({why(error)}): "
                "give PEM files that belong together, the key without a password"
            ) from None
    return context


def knock(settings: Settings) -> None:
    """Go in and out again; raises Failed with what keeps us out of Kafka, within seconds for each address."""
    with ThreadPoolExecutor(1) as thread:  # the caller may be in an event loop
        thread.submit(asyncio.run, _knock(settings)).result()


async def _knock(settings: Settings) -> None:
    options = aiokafka_options(settings)
    failure = ""
    for address in options.pop("bootstrap_servers"):
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if not await _listens(host, int(port)):
            continue
        try:
            await asyncio.wait_for(_go_in(host, int(port), options), KNOCK_SECONDS)
        except (KafkaError, OSError) as error:
            failure = failure or _kept_out(error, settings, address)
        else:
            return
    raise Failed(failure or f"no Kafka at {settings.kafka}: start one with `esn-pulse local up`, or set ESN_KAFKA")


async def _listens(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), KNOCK_SECONDS)
    except (OSError, UnicodeError):  # the latter from names that cannot be host names
        return False
    writer.close()
    return True


async def _go_in(host: str, port: int, options: dict[str, Any]) -> None:
    connection = await create_conn(host, port, client_id="esn-pulse", **options)
    try:
        # Without a login a broker tells its versions, and nothing else.
        await connection.send(MetadataRequest([]))
    finally:
        connection.close()


def _kept_out(error: Exception, settings: Settings, address: str) -> str:
    """Say what is wrong and what to do."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return distrust(f"Kafka at {address}", str(cause), "ESN_KAFKA")
    if isinstance(cause, ssl.SSLError) and any(word in (cause.reason or "") for word in _OUR_CERTIFICATE):
        what = "refuses our certificate" if settings.kafka_cert else "wants a certificate of ours"
        return (
            f"Kafka at {address} {what} ({why(cause)}): "
            "set ESN_KAFKA_CERT and ESN_KAFKA_KEY to one that is signed by an authority that it trusts"
        )
    if isinstance(error, _LOGIN_REFUSED):
        return (
            f"Kafka at {address} refuses the login of {settings.kafka_sasl_username}: check ESN_KAFKA_SASL_USERNAME, "
            "ESN_KAFKA_SASL_PASSWORD and ESN_KAFKA_SASL_MECHANISM"
        )
    if isinstance(error, _ANOTHER_LOGIN):
        return (
            f"Kafka at {address} takes no login by {settings.kafka_sasl_mechanism}: check ESN_KAFKA_SASL_MECHANISM "
            "and ESN_KAFKA_SECURITY"
        )
    check = "ESN_KAFKA_SECURITY"
    if settings.kafka_security.endswith("SSL"):
        check += ", ESN_KAFKA_CA and, if the broker asks for one, ESN_KAFKA_CERT"
    if settings.kafka_security.startswith("SASL_"):
        check += ", and the login in ESN_KAFKA_SASL_*"
    return f"something listens at {address}, but no Kafka that lets us in by {settings.kafka_security}: check {check}"
