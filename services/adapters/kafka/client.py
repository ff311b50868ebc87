"""How to reach Kafka: settings that are checked once, and what clients are told of them."""

import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from services.errors import UsageError

Security = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]

_SCHEME = "kafka://"
_SERVER = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):(?P<port>[0-9]{1,5})")
_MOST_PORT = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaConnection:
    """Where the brokers are, and how to speak with them. Nothing here is of one client library.

    What does not fit together, or a file that cannot be used, raises UsageError that names the setting, and never
    shows a secret.
    """

    broker: str
    """kafka://HOST:PORT,HOST:PORT: some of the brokers, which name the rest."""
    security: Security = "plaintext"
    sasl: Mechanism = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """Left out, the brokers' certificates are checked against those that the system trusts."""
    cert_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        _servers(self.broker)
        self._check_sasl()
        self._check_files()
        self.tls()

    @property
    def servers(self) -> tuple[str, ...]:
        """HOST:PORT of each broker that was named."""
        return _servers(self.broker)

    @property
    def is_encrypted(self) -> bool:
        """Whether it is TLS."""
        return self.security in ("ssl", "sasl_ssl")

    @property
    def is_signed_in(self) -> bool:
        """Whether user and password are asked for."""
        return self.security in ("sasl_plaintext", "sasl_ssl")

    def tls(self) -> ssl.SSLContext | None:
        """What checks the brokers' certificates and host names, and shows ours; None without TLS."""
        if not self.is_encrypted:
            return None
        try:
            context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=self.ca_file)
        except OSError as error:
            raise UsageError(f"BATON_KAFKA_CA_FILE: {self.ca_file}: {_why(error)}; give certificates as PEM") from None
        if self.cert_file is not None:
            try:
                # The empty answer refuses a key under a passphrase, for which OpenSSL would ask on the terminal.
                context.load_cert_chain(self.cert_file, self.key_file, password=lambda: "")
            except (OSError, ValueError) as error:
                raise UsageError(
                    f"BATON_KAFKA_CERT_FILE, BATON_KAFKA_KEY_FILE: {_why(error)}; give a certificate and the key that "
                    "belongs to it, both as PEM, the key without a passphrase"
                ) from None
        return context

    def client_options(self) -> dict[str, Any]:
        """The arguments by which aiokafka's clients (producer, consumer, admin) connect."""
        options = {
            "bootstrap_servers": list(self.servers),
            "security_protocol": self.security.upper(),
            "ssl_context": self.tls(),
        }
        if self.is_signed_in:
            options |= {
                "sasl_mechanism": self.sasl,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return options

    def _check_sasl(self) -> None:
        given = {"BATON_KAFKA_USERNAME": self.username, "BATON_KAFKA_PASSWORD": self.password}
        if self.is_signed_in:
            missing = [name for name, value in given.items() if not value]
            if missing:
                raise UsageError(f"{', '.join(missing)}: not given, though BATON_KAFKA_SECURITY is {self.security}")
        elif named := [name for name, value in given.items() if value]:
            raise UsageError(
                f"{', '.join(named)}: of no use while BATON_KAFKA_SECURITY is {self.security}; set that to sasl_ssl "
                "(or sasl_plaintext), or leave them out"
            )

    def _check_files(self) -> None:
        files = {
            "BATON_KAFKA_CA_FILE": self.ca_file,
            "BATON_KAFKA_CERT_FILE": self.cert_file,
            "BATON_KAFKA_KEY_FILE": self.key_file,
        }
        given = {name: path for name, path in files.items() if path is not None}
        if given and not self.is_encrypted:
            raise UsageError(
                f"{', '.join(given)}: of no use while BATON_KAFKA_SECURITY is {self.security}; set that to ssl or "
                "sasl_ssl, or leave them out"
            )
        if self.key_file is not None and self.cert_file is None:
            raise UsageError("BATON_KAFKA_CERT_FILE: not given, though BATON_KAFKA_KEY_FILE is; a key needs both")
        for name, path in given.items():
            try:
                path.open("rb").close()
            except OSError as error:
                raise UsageError(f"{name}: {path}: {error.strerror}; give the path of a PEM file") from None


def _servers(broker: str) -> tuple[str, ...]:
    """The brokers of the URL. What is wrong with it is said without it: it may hold a password."""
    if "@" in broker:
        raise UsageError(
            "BATON_BROKER: write kafka://HOST:PORT without a user; user and password have settings of their own, "
            "BATON_KAFKA_USERNAME and BATON_KAFKA_PASSWORD"
        )
    if not broker.startswith(_SCHEME):
        raise UsageError("BATON_BROKER: write kafka://HOST:PORT,HOST:PORT")
    servers = tuple(each.strip() for each in broker.removeprefix(_SCHEME).rstrip("/").split(","))
    for number, server in enumerate(servers, 1):
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match["port"]) <= _MOST_PORT:
            raise UsageError(f"BATON_BROKER: broker {number} is not HOST:PORT; write kafka://HOST:PORT,HOST:PORT")
    return servers


def _why(error: OSError | ValueError) -> str:
    return getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
