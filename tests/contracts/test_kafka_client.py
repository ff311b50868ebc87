"""How to reach Kafka: what is accepted, what clients are told, and that mistakes name the setting and no secret."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from services.adapters.kafka.client import KafkaConnection
from services.errors import UsageError
from tests.contracts.certificates import Certificates, make_certificates

BROKER = "kafka://one.example.com:9092,10.0.0.7:9093,[::1]:9094"
SECRET = "hunter2-is-secret"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Made once."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def test_plain() -> None:
    """Servers alone are enough, and nothing is said of what is not used."""
    connection = KafkaConnection(broker=BROKER)
    assert connection.servers == ("one.example.com:9092", "10.0.0.7:9093", "[::1]:9094")
    assert connection.client_options() == {
        "bootstrap_servers": ["one.example.com:9092", "10.0.0.7:9093", "[::1]:9094"],
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }


def test_sasl() -> None:
    """User and password go with the mechanism, SCRAM unless another is asked for."""
    connection = KafkaConnection(broker=BROKER, security="sasl_plaintext", username="baton", password=SECRET)
    options = connection.client_options()
    del options["bootstrap_servers"]
    assert options == {
        "security_protocol": "SASL_PLAINTEXT",
        "ssl_context": None,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "baton",
        "sasl_plain_password": SECRET,
    }


def test_the_password_is_not_shown() -> None:
    """Whoever logs the connection logs no secret."""
    connection = KafkaConnection(broker=BROKER, security="sasl_plaintext", username="baton", password=SECRET)
    assert SECRET not in repr(connection)


def test_tls_checks_certificate_and_name(certificates: Certificates) -> None:
    """The broker must show a certificate of the authority, made out to its host name; we show ours."""
    connection = KafkaConnection(
        broker=BROKER,
        security="ssl",
        ca_file=certificates.authority,
        cert_file=certificates.client,
        key_file=certificates.client_key,
    )
    context = connection.client_options()["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert [dict(part[0] for part in each["subject"]) for each in context.get_ca_certs()] == [
        {"commonName": "Test authority"}
    ]


def test_tls_without_an_authority_trusts_as_the_system_does() -> None:
    """A hosted Kafka has a certificate of a public authority."""
    context = KafkaConnection(broker=BROKER, security="ssl").tls()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "broker",
    [
        "",
        "kafka://",
        "kafka:///",
        "localhost:9092",
        "sqlite:///log.db",
        "kafka://host",
        "kafka://host:",
        "kafka://host:0",
        "kafka://host:65536",
        "kafka://host:port",
        "kafka://:9092",
        "kafka://a:1,",
        "kafka://a:1,,b:2",
        "kafka://a:1/topic",
        "kafka://a:1?x=y",
        "kafka://::1:9092",
        "kafka://a b:9092",
        "http://a:9092",
    ],
)
def test_a_wrong_url(broker: str) -> None:
    """The message says how to write it."""
    with pytest.raises(UsageError, match=r"^BATON_BROKER: .*write kafka://HOST:PORT,HOST:PORT$"):
        KafkaConnection(broker=broker)


def test_a_url_with_a_password() -> None:
    """It is not repeated; the message says where a password goes."""
    with pytest.raises(UsageError, match=r"^BATON_BROKER: .*BATON_KAFKA_USERNAME and BATON_KAFKA_PASSWORD$") as caught:
        KafkaConnection(broker=f"kafka://baton:{SECRET}@host:9092")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"security": "sasl_ssl"}, r"^BATON_KAFKA_USERNAME, BATON_KAFKA_PASSWORD: not given, though .* is sasl_ssl$"),
        ({"security": "sasl_plaintext", "username": "baton"}, r"^BATON_KAFKA_PASSWORD: not given"),
        ({"security": "sasl_plaintext", "password": SECRET}, r"^BATON_KAFKA_USERNAME: not given"),
        ({"security": "sasl_ssl", "username": "baton", "password": ""}, r"^BATON_KAFKA_PASSWORD: not given"),
        ({"password": SECRET}, r"^BATON_KAFKA_PASSWORD: of no use while BATON_KAFKA_SECURITY is plaintext; set"),
        ({"security": "ssl", "username": "baton"}, r"^BATON_KAFKA_USERNAME: of no use .* is ssl; set that to sasl_ssl"),
        ({"ca_file": Path("ca.pem")}, r"^BATON_KAFKA_CA_FILE: of no use while BATON_KAFKA_SECURITY is plaintext"),
        ({"security": "ssl", "key_file": Path("key.pem")}, r"^BATON_KAFKA_CERT_FILE: not given, though"),
        ({"security": "ssl", "ca_file": Path("nowhere.pem")}, r"^BATON_KAFKA_CA_FILE: nowhere\.pem: No such file"),
        ({"security": "ssl", "cert_file": Path("nowhere.pem")}, r"^BATON_KAFKA_CERT_FILE: nowhere\.pem: No such file"),
        ({"security": "ssl", "ca_file": Path()}, r"^BATON_KAFKA_CA_FILE: \.: Is a directory; give the path"),
    ],
)
def test_what_does_not_fit_together(given: dict[str, Any], message: str) -> None:
    """The message names the setting that lacks or is too much, and what to do; no secret is in it."""
    with pytest.raises(UsageError, match=message) as caught:
        KafkaConnection(broker=BROKER, **given)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_no_certificate(tmp_path: Path) -> None:
    """Found at once, not at the first connection."""
    file = tmp_path / "ca.pem"
    file.write_text("no certificate", encoding="utf-8")
    with pytest.raises(UsageError, match=r"^BATON_KAFKA_CA_FILE: .*ca\.pem: .*; give certificates as PEM$"):
        KafkaConnection(broker=BROKER, security="ssl", ca_file=file)


@pytest.mark.parametrize("key", ["server_key", "locked_key"])
def test_a_key_that_does_not_open(certificates: Certificates, key: str) -> None:
    """A key of another certificate, or one under a passphrase (nobody is asked for it on a terminal)."""
    with pytest.raises(UsageError, match=r"^BATON_KAFKA_CERT_FILE, BATON_KAFKA_KEY_FILE: .*; give a certificate and"):
        KafkaConnection(
            broker=BROKER, security="ssl", cert_file=certificates.client, key_file=getattr(certificates, key)
        )
