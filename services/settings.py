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

_CHANNEL = re.compile(r"/data/\w{1,80}", re.ASCII)
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:[0-9]{1,5}")
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
    hubspot_v2_secrets: Listed = Field(
        (),
        description="Client secrets whose signature v2, which has no time, is enough: of apps by which workflows sign",
    )
    hubspot_keys: Listed = Field(
        (), description="API keys that workflows show, as X-Baton-Key or ?code=; two while one is replaced"
    )
    hubspot_mapping: Path | None = Field(None, description="What HubSpot's changes mean; left out: the built-in file")
    cloudevents_secrets: Listed = Field(
        (), description="Standard Webhooks secrets, whsec_…, or public keys, whpk_…; two while one is replaced"
    )
    cloudevents_tokens: Listed = Field((), description="Bearer tokens for CloudEvents; two while one is replaced")
    hubspot_api_url: str = Field("https://api.hubapi.com", description="HubSpot's API")
    hubspot_api_token: SecretStr | None = Field(
        None, description="A private app's token; with it Baton asks HubSpot for what webhooks leave out"
    )
    salesforce_organizations: Listed = Field((), description="Ids of the organizations whose messages are taken")
    salesforce_secrets: Listed = Field((), description="Values of ?code= in the address; two while one is replaced")
    salesforce_certificates: Listed = Field(
        (),
        description="Client certificates, of which a proxy must name one in X-Client-Cert-Fingerprint",
    )
    salesforce_mapping: Path | None = Field(None, description="What Salesforce's changes mean")
    salesforce_api_url: str | None = Field(None, description="Such as https://company.my.salesforce.com")
    salesforce_client_id: str | None = Field(
        None, description="A connected app's consumer key (client credentials flow)"
    )
    salesforce_client_secret: SecretStr | None = Field(None, description="The connected app's consumer secret")
    salesforce_channel: str | None = Field(
        None, description="The channel of change events to pull, such as /data/ChangeEvents; several parted by blanks"
    )
    salesforce_pubsub: str = Field("api.pubsub.salesforce.com:7443", description="Salesforce's Pub/Sub API, HOST:PORT")
    pipedrive_secrets: Listed = Field((), description="user:password of the webhooks; two while one is replaced")
    pipedrive_mapping: Path | None = Field(None, description="What Pipedrive's changes mean")
    pipedrive_api_url: str | None = Field(None, description="Such as https://company.pipedrive.com")
    pipedrive_api_token: SecretStr | None = Field(None, description="A top admin's API token")
    dynamics_secrets: Listed = Field(
        (), description="Webhook keys (?code=), or values of the header X-Baton-Key; two while one is replaced"
    )
    dynamics_mapping: Path | None = Field(None, description="What changes in Dynamics 365 mean")
    dynamics_api_url: str | None = Field(None, description="Such as https://company.crm4.dynamics.com")
    dynamics_tenant: str | None = Field(None, description="The id of the Entra tenant")
    dynamics_client_id: str | None = Field(None, description="The application's id")
    dynamics_client_secret: SecretStr | None = Field(None, description="The application's secret")
    zoho_secrets: Listed = Field((), description="Tokens of the notification channels; two while one is replaced")
    zoho_mapping: Path | None = Field(None, description="What changes in Zoho CRM mean")
    zoho_api_url: str = Field("https://www.zohoapis.com", description="Zoho's API, of your data centre")
    zoho_accounts_url: str = Field("https://accounts.zoho.com", description="Zoho's sign-in, of your data centre")
    zoho_client_id: str | None = Field(None, description="The client's id")
    zoho_client_secret: SecretStr | None = Field(None, description="The client's secret")
    zoho_refresh_token: SecretStr | None = Field(None, description="A refresh token of the client")
    close_secrets: Listed = Field((), description="Signature keys of the webhooks; two while one is replaced")
    close_mapping: Path | None = Field(None, description="What changes in Close mean")
    close_api_url: str = Field("https://api.close.com", description="Close's API")
    close_api_token: SecretStr | None = Field(None, description="An API key")
    odoo_secrets: Listed = Field(
        (), description="The last part of the address, /hooks/odoo/SECRET; two while one is replaced"
    )
    odoo_mapping: Path | None = Field(None, description="What changes in Odoo mean")
    odoo_api_url: str | None = Field(None, description="Such as https://company.odoo.com")
    odoo_database: str | None = Field(None, description="The name of Odoo's database")
    odoo_user: str | None = Field(None, description="The user's login")
    odoo_api_token: SecretStr | None = Field(None, description="The user's API key")
    reconcile_hours: float = Field(
        1.0,
        gt=0,
        allow_inf_nan=False,
        description="Hours between two looks into CRMs whose API is set up for what was missed",
    )
    alert_urls: Listed = Field((), description="Apprise URLs that get the alerts; they are always in the log as well")
    routes: Path | None = Field(None, description="A file of routes: who is told of which alerts, when and how")
    alertmanager_url: str | None = Field(
        None,
        description="Alertmanager, such as http://alertmanager:9093, which shows leads while an alert holds; of a "
        "cluster all of them, with commas between",
    )
    alertmanager_token: SecretStr | None = Field(None, description="A bearer token for Alertmanager's proxy")
    alertmanager_user: str | None = Field(None, description="A user of Alertmanager (basic authentication)")
    alertmanager_password: SecretStr | None = Field(None, description="The user's password")
    webhook_urls: Listed = Field((), description="Where each alert is posted as a signed webhook")
    webhook_secret: Listed = Field(
        (), description="Standard Webhooks secret, whsec_…, that signs them; two while one is replaced"
    )
    webhook_allow_private: bool = Field(
        False, description="Post webhooks to hosts of this machine and its networks too, and without TLS"
    )
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

    @field_validator(
        "hubspot_secrets",
        "hubspot_v2_secrets",
        "hubspot_keys",
        "salesforce_organizations",
        "salesforce_secrets",
        "salesforce_certificates",
        "pipedrive_secrets",
        "dynamics_secrets",
        "zoho_secrets",
        "close_secrets",
        "odoo_secrets",
        "cloudevents_secrets",
        "cloudevents_tokens",
        "alert_urls",
        "webhook_urls",
        "webhook_secret",
        mode="before",
    )
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("salesforce_channel")
    @classmethod
    def _channels(cls, value: str | None) -> str | None:
        if value is not None and not all(_CHANNEL.fullmatch(each) for each in value.split()):
            raise ValueError("write it as /data/ChangeEvents, /data/LeadChangeEvent or /data/Sales__chn")
        return value

    @field_validator("salesforce_pubsub")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        if not _HOST_AND_PORT.fullmatch(value):
            raise ValueError("write HOST:PORT")
        return value

    @field_validator("lapse_start")
    @classmethod
    def _instant(cls, value: str | None) -> str | None:
        try:
            if value is not None:
                parse_instant(value)
        except ValueError:
            raise ValueError("write an RFC 3339 time with its offset, such as 2026-10-05T09:00:00+02:00") from None
        return value

    @field_validator(
        "public_url",
        "hubspot_api_url",
        "salesforce_api_url",
        "pipedrive_api_url",
        "dynamics_api_url",
        "zoho_api_url",
        "zoho_accounts_url",
        "close_api_url",
        "odoo_api_url",
    )
    @classmethod
    def _url(cls, value: str | None) -> str | None:
        return _web_url(value) if value is not None else None

    @field_validator("alertmanager_url")
    @classmethod
    def _urls(cls, value: str | None) -> str | None:
        return ",".join(_web_url(each.strip()) for each in value.split(",")) if value is not None else None

    @property
    def alertmanager_urls(self) -> tuple[str, ...]:
        """The address of each Alertmanager, once."""
        return tuple(dict.fromkeys(self.alertmanager_url.split(","))) if self.alertmanager_url is not None else ()


def _web_url(text: str) -> str:
    """The address without a slash at its end. Raises ValueError."""
    if not _WEB_URL.fullmatch(text):
        raise ValueError("write it with its scheme, such as https://baton.example.com")
    return text.rstrip("/")


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
