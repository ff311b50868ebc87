"""Signing in to Kafka and TLS, on a broker that demands them; and a broker that would make topics by itself."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import (
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from services.adapters.kafka_client import KafkaConnection, Mechanism
from services.adapters.kafka_log import KafkaLog
from services.adapters.kafka_topics import create_topics, plans
from services.errors import Unavailable
from services.ports import EVENTS, Record
from tests.contracts.certificates import Certificates, make_certificates
from tests.servers import kafka_java
from tests.servers.kafka_java import JavaBrokers
from tests.servers.processes import free_ports
from tests.shared_data import DEMAND_ALL

PASSWORD = "correct horse"
WRONG = "battery staple"


class SecuredBroker(JavaBrokers):
    """A broker with a listener for SASL, one for TLS with client certificates, and one for SASL over TLS."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        super().__init__(folder=folder, nodes=1)
        self.sasl, self.tls, self.sasl_tls = (f"127.0.0.1:{port}" for port in free_ports(3))
        keystore = folder / "keystore.pem"
        keystore.write_text(certificates.server_key.read_text() + certificates.server.read_text(), encoding="utf-8")
        self._security = {
            "listener.security.protocol.map": (
                "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,BOTH:SASL_SSL"
            ),
            "listener.name.tls.ssl.client.auth": "required",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": keystore,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": certificates.authority,
            "auto.create.topics.enable": "true",
        }
        module = "org.apache.kafka.common.security"
        for listener in ("sasl", "both"):
            name = f"listener.name.{listener}"
            self._security |= {
                f"{name}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                f"{name}.plain.sasl.jaas.config": f'{module}.plain.PlainLoginModule required user_baton="{PASSWORD}";',
                f"{name}.scram-sha-512.sasl.jaas.config": f"{module}.scram.ScramLoginModule required;",
            }

    def _properties(self, node: int) -> str:
        ours = f"SASL://{self.sasl},TLS://{self.tls},BOTH://{self.sasl_tls}"
        lines = []
        for line in super()._properties(node).splitlines():
            name, _, value = line.partition("=")
            added = f"{value},{ours}" if name in ("listeners", "advertised.listeners") else value
            lines.append(f"{name}={added}")
        lines += [f"{name}={value}" for name, value in self._security.items()]  # the last of a name counts
        return "\n".join(lines)


@dataclass(frozen=True)
class Secured:
    """The broker, and the files to meet it with."""

    broker: SecuredBroker
    certificates: Certificates

    def by_password(
        self, password: str = PASSWORD, *, mechanism: Mechanism = "PLAIN", tls: bool = False
    ) -> KafkaConnection:
        """User and password."""
        return KafkaConnection(
            broker=f"kafka://{self.broker.sasl_tls if tls else self.broker.sasl}",
            security="sasl_ssl" if tls else "sasl_plaintext",
            sasl=mechanism,
            username="baton",
            password=password,
            ca_file=self.certificates.authority if tls else None,
        )

    def by_certificate(self, *, shown: bool = True) -> KafkaConnection:
        """TLS, the client's certificate shown or not."""
        return KafkaConnection(
            broker=f"kafka://{self.broker.tls}",
            security="ssl",
            ca_file=self.certificates.authority,
            cert_file=self.certificates.client if shown else None,
            key_file=self.certificates.client_key if shown else None,
        )


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """The broker, ready, with its user and a topic `there`."""
    if (why := kafka_java.lacking()) is not None:
        pytest.fail(why) if DEMAND_ALL else pytest.skip(why)
    folder = tmp_path_factory.mktemp("secured")
    certificates = make_certificates(folder)
    broker = SecuredBroker(folder, certificates)
    try:
        broker.open()
        admin = AdminClient({"bootstrap.servers": broker.addresses[0], "log_level": 0})
        admin.list_topics(timeout=60)
        scram = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        upsertion = UserScramCredentialUpsertion("baton", scram, PASSWORD.encode())
        admin.alter_user_scram_credentials([upsertion])["baton"].result(30)
        broker.create_topic("there", 1, 1, {}, client=admin)
        yield Secured(broker, certificates)
    finally:
        broker.close()


async def appended(connection: KafkaConnection) -> None:
    """Append a record; raises Unavailable where that fails."""
    log = KafkaLog(connection)
    try:
        await log.append([Record("there", "a", b"0")])
    finally:
        await log.close()


@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_user_and_password(secured: Secured, mechanism: Mechanism, tls: bool) -> None:
    """With each mechanism, bare and over TLS."""
    await appended(secured.by_password(mechanism=mechanism, tls=tls))


async def test_certificates(secured: Secured) -> None:
    """The broker asks for a certificate of its authority, and gets it."""
    await appended(secured.by_certificate())


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_wrong_password(secured: Secured, mechanism: Mechanism) -> None:
    """It counts as an outage, for it can be mended; the message says what it is, and no password."""
    with pytest.raises(Unavailable, match=r"SaslAuthenticationFailed: Authentication failed") as caught:
        await appended(secured.by_password(WRONG, mechanism=mechanism))
    assert WRONG not in str(caught.value)


async def test_no_certificate_where_one_is_asked_for(secured: Secured) -> None:
    """It counts as an outage."""
    with pytest.raises(Unavailable, match=rf"^Kafka: {secured.broker.tls}: "):
        await appended(secured.by_certificate(shown=False))


async def test_a_broker_of_another_authority(secured: Secured) -> None:
    """The broker's certificate is checked: without its authority, nothing is said to it."""
    connection = KafkaConnection(broker=f"kafka://{secured.broker.tls}", security="ssl")
    with pytest.raises(Unavailable, match="certificate verify failed"):
        await appended(connection)


async def test_topics_are_made_by_whoever_may(secured: Secured) -> None:
    """The command signs in too; with a wrong password it says so."""
    planned = plans(partitions=2, replicas=1, max_body_bytes=1000)
    with pytest.raises(Unavailable, match="SaslAuthenticationFailed"):
        await create_topics(secured.by_password(WRONG, tls=True), planned)
    reports = await create_topics(secured.by_password(tls=True), planned)
    assert {report.state for report in reports} == {"made"}
    assert reports[0].plan.name == EVENTS


async def test_no_broker_makes_a_topic_by_itself(secured: Secured) -> None:
    """It would have one partition, for good. So a topic that is missing is an outage, though this broker is willing."""
    log = KafkaLog(secured.by_certificate())
    with pytest.raises(Unavailable, match="there is no topic nowhere"):
        await log.append([Record("nowhere", "a", b"0")])
    await log.append([Record("there", "a", b"1")])
    await log.close()
    admin = AdminClient({"bootstrap.servers": secured.broker.addresses[0], "log_level": 0})
    topics = await asyncio.to_thread(admin.list_topics, timeout=30)
    assert "there" in topics.topics
    assert "nowhere" not in topics.topics
