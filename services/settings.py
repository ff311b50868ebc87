"""The settings, from environment variables `BATON_…` or a `.env` file: the only reader of the environment."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.domain.instants import parse_instant
from services.errors import UsageError

Listed = Annotated[tuple[SecretStr, ...], NoDecode]
"""Several values, parted by spaces or line breaks."""

_WEB_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")


class Settings(BaseSettings):
    """Every setting with its default; docs/settings.md is this as a table. An empty variable is none."""

    model_config = SettingsConfigDict(
        env_prefix="BATON_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data: Path = Field(
        Path("baton-data"), description="The folder of the embedded log and database, and of a gateway's spool"
    )
    broker: str | None = Field(
        None, description="The event log: kafka://HOST:PORT,HOST:PORT or sqlite:///FILE; left out: in the data folder"
    )
    database: SecretStr | None = Field(
        None,
        description="The store: postgresql://USER:PASSWORD@HOST/NAME or sqlite:///FILE; left out: in the data folder",
    )
    driver: Literal["faust", "aiokafka"] = Field("faust", description="What reads Kafka for the tracker")
    kafka_group: str = Field("baton-tracker", min_length=1, description="The consumer group of the trackers")
    kafka_member: str | None = Field(
        None, description="A name of this tracker that stays over restarts (static membership), such as the pod's"
    )
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext", description="How to speak with Kafka"
    )
    kafka_sasl: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="The SASL mechanism"
    )
    kafka_username: str | None = Field(None, description="The SASL user")
    kafka_password: SecretStr | None = Field(None, description="The SASL password")
    kafka_ca_file: Path | None = Field(None, description="Certificates that the brokers' are checked against (PEM)")
    kafka_cert_file: Path | None = Field(None, description="The client's certificate (PEM), where brokers ask for one")
    kafka_key_file: Path | None = Field(None, description="The client's key (PEM)")
    topic_partitions: int = Field(
        12, gt=0, le=1000, description="Partitions of baton.events and baton.deals when they are made; for good"
    )
    topic_replicas: int = Field(3, gt=0, description="Copies of each partition when topics are made")
    spool_bytes: int = Field(
        1_073_741_824, gt=0, description="What a gateway keeps on its disk while Kafka is away, at most"
    )
    charter: Path | None = Field(None, description="The charter: a file, or a folder of its versions")
    host: str = Field("127.0.0.1", description="The address to listen on")
    port: int = Field(8700, ge=0, le=65_535, description="The port to listen on; 0 takes a free one")
    allow_open: bool = Field(
        False, description="Listen beyond this machine although there is no sign-in; put a proxy with one before it"
    )
    public_url: str | None = Field(
        None,
        description="How others reach Baton, such as https://baton.example.com: HubSpot signs it, alerts link to it",
    )
    hubspot_secrets: Listed = Field((), description="Client secrets of the HubSpot app; two while one is replaced")
    hubspot_mapping: Path | None = Field(None, description="What HubSpot's changes mean; left out: the built-in file")
    cloudevents_secrets: Listed = Field((), description="Standard Webhooks secrets, whsec_…; two while one is replaced")
    cloudevents_tokens: Listed = Field((), description="Bearer tokens for CloudEvents; two while one is replaced")
    alert_urls: Listed = Field((), description="Apprise URLs that get the alerts; they are always in the log as well")
    max_body_bytes: int = Field(1_048_576, gt=0, description="The largest webhook body that is read")
    max_requests: int = Field(256, gt=0, description="Webhooks in work at a time; more are told to come back")
    clocks_may_differ: int = Field(
        300, ge=0, description="Seconds that a CRM's clock may be ahead; events beyond are dead letters"
    )
    lapse_start: str | None = Field(None, description="Time-lapse: the instant at which the clock starts (RFC 3339)")
    lapse_speed: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="Time-lapse: how many seconds pass in a real one"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="What is logged")

    @field_validator("hubspot_secrets", "cloudevents_secrets", "cloudevents_tokens", "alert_urls", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("lapse_start")
    @classmethod
    def _instant(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                parse_instant(value)
        except ValueError:
            raise ValueError("write an RFC 3339 time with its offset, such as 2026-10-05T09:00:00+02:00") from None
        return value

    @field_validator("public_url")
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        if value is not None and not _WEB_URL.fullmatch(value):
            raise ValueError("write it with its scheme, such as https://baton.example.com")
        return value.rstrip("/") if value is not None else None


def read_settings(**given: object) -> Settings:
    """The settings, those of the command line (`given`, None where not given) before the environment's.

    Raises UsageError that names every setting that is wrong, never its value: it may be a secret.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        lines = [
            f"{variable(str(each['loc'][0]))}: {each['msg'].removeprefix('Value error, ')}"
            for each in error.errors(include_url=False, include_input=False)
        ]
        raise UsageError("\n".join(lines)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f".env: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"BATON_{name.upper()}"


def secrets(values: tuple[SecretStr, ...]) -> tuple[str, ...]:
    """The plain texts."""
    return tuple(value.get_secret_value() for value in values)


def secret(value: SecretStr | None) -> str | None:
    """The plain text, where there is one."""
    return value.get_secret_value() if value is not None else None
