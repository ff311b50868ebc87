"""Every setting from the environment, from a file and from arguments; and what is said where one is wrong."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from services.errors import UsageError
from services.settings import Listed, Settings, read_settings, secret, secrets, variable

DEFAULTS: dict[str, Any] = {
    "data": Path("baton-data"),
    "broker": None,
    "database": None,
    "driver": "faust",
    "kafka_group": "baton-tracker",
    "kafka_member": None,
    "kafka_security": "plaintext",
    "kafka_sasl": "SCRAM-SHA-512",
    "kafka_username": None,
    "kafka_password": None,
    "kafka_ca_file": None,
    "kafka_cert_file": None,
    "kafka_key_file": None,
    "topic_partitions": 12,
    "topic_replicas": 3,
    "spool_bytes": 1_073_741_824,
    "charter": None,
    "host": "127.0.0.1",
    "port": 8700,
    "allow_open": False,
    "public_url": None,
    "hubspot_secrets": (),
    "hubspot_v2_secrets": (),
    "hubspot_keys": (),
    "hubspot_mapping": None,
    "hubspot_api_url": "https://api.hubapi.com",
    "hubspot_api_token": None,
    "salesforce_organizations": (),
    "salesforce_secrets": (),
    "salesforce_certificates": (),
    "salesforce_mapping": None,
    "salesforce_api_url": None,
    "salesforce_client_id": None,
    "salesforce_client_secret": None,
    "salesforce_channel": None,
    "salesforce_pubsub": "api.pubsub.salesforce.com:7443",
    "pipedrive_secrets": (),
    "pipedrive_mapping": None,
    "pipedrive_api_url": None,
    "pipedrive_api_token": None,
    "dynamics_secrets": (),
    "dynamics_mapping": None,
    "dynamics_api_url": None,
    "dynamics_tenant": None,
    "dynamics_client_id": None,
    "dynamics_client_secret": None,
    "zoho_secrets": (),
    "zoho_mapping": None,
    "zoho_api_url": "https://www.zohoapis.com",
    "zoho_accounts_url": "https://accounts.zoho.com",
    "zoho_client_id": None,
    "zoho_client_secret": None,
    "zoho_refresh_token": None,
    "close_secrets": (),
    "close_mapping": None,
    "close_api_url": "https://api.close.com",
    "close_api_token": None,
    "odoo_secrets": (),
    "odoo_mapping": None,
    "odoo_api_url": None,
    "odoo_database": None,
    "odoo_user": None,
    "odoo_api_token": None,
    "reconcile_hours": 1.0,
    "cloudevents_secrets": (),
    "cloudevents_tokens": (),
    "alert_urls": (),
    "routes": None,
    "alertmanager_url": None,
    "alertmanager_token": None,
    "alertmanager_user": None,
    "alertmanager_password": None,
    "webhook_urls": (),
    "webhook_secret": (),
    "webhook_allow_private": False,
    "max_body_bytes": 1_048_576,
    "max_requests": 256,
    "clocks_may_differ": 300,
    "lapse_start": None,
    "lapse_speed": 1.0,
    "log_level": "info",
}
# Of each setting: what the variable holds, and what is read of it.
GIVEN: dict[str, tuple[str, Any]] = {
    "data": ("/srv/baton", Path("/srv/baton")),
    "broker": ("sqlite:////srv/log.db", "sqlite:////srv/log.db"),
    "database": ("sqlite:////srv/baton.db", "sqlite:////srv/baton.db"),
    "driver": ("aiokafka", "aiokafka"),
    "kafka_group": ("trackers", "trackers"),
    "kafka_member": ("tracker-0", "tracker-0"),
    "kafka_security": ("sasl_ssl", "sasl_ssl"),
    "kafka_sasl": ("PLAIN", "PLAIN"),
    "kafka_username": ("baton", "baton"),
    "kafka_password": ("one two", "one two"),
    "kafka_ca_file": ("/run/ca.pem", Path("/run/ca.pem")),
    "kafka_cert_file": ("cert.pem", Path("cert.pem")),
    "kafka_key_file": ("key.pem", Path("key.pem")),
    "topic_partitions": ("48", 48),
    "topic_replicas": ("1", 1),
    "spool_bytes": ("4096", 4096),
    "charter": ("charters", Path("charters")),
    "host": ("::1", "::1"),
    "port": ("0", 0),
    "allow_open": ("true", True),
    "public_url": ("https://baton.example.com/", "https://baton.example.com"),
    "hubspot_secrets": ("one two", ("one", "two")),
    "hubspot_v2_secrets": ("one two", ("one", "two")),
    "hubspot_keys": ("one two", ("one", "two")),
    "hubspot_mapping": ("map.yaml", Path("map.yaml")),
    "hubspot_api_url": ("https://crm.example.com/", "https://crm.example.com"),
    "hubspot_api_token": ("a-value", "a-value"),
    "salesforce_organizations": ("one two", ("one", "two")),
    "salesforce_secrets": ("one two", ("one", "two")),
    "salesforce_certificates": ("one two", ("one", "two")),
    "salesforce_mapping": ("map.yaml", Path("map.yaml")),
    "salesforce_api_url": ("https://crm.example.com/", "https://crm.example.com"),
    "salesforce_client_id": ("a-value", "a-value"),
    "salesforce_client_secret": ("a-value", "a-value"),
    "salesforce_channel": ("/data/ChangeEvents /data/Sales__chn", "/data/ChangeEvents /data/Sales__chn"),
    "salesforce_pubsub": ("127.0.0.1:7443", "127.0.0.1:7443"),
    "pipedrive_secrets": ("one two", ("one", "two")),
    "pipedrive_mapping": ("map.yaml", Path("map.yaml")),
    "pipedrive_api_url": ("https://crm.example.com/", "https://crm.example.com"),
    "pipedrive_api_token": ("a-value", "a-value"),
    "dynamics_secrets": ("one two", ("one", "two")),
    "dynamics_mapping": ("map.yaml", Path("map.yaml")),
    "dynamics_api_url": ("https://crm.example.com/", "https://crm.example.com"),
    "dynamics_tenant": ("a-value", "a-value"),
    "dynamics_client_id": ("a-value", "a-value"),
    "dynamics_client_secret": ("a-value", "a-value"),
    "zoho_secrets": ("one two", ("one", "two")),
    "zoho_mapping": ("map.yaml", Path("map.yaml")),
    "zoho_api_url": ("https://crm.example.com/", "https://crm.example.com"),
    "zoho_accounts_url": ("https://crm.example.com/", "https://crm.example.com"),
    "zoho_client_id": ("a-value", "a-value"),
    "zoho_client_secret": ("a-value", "a-value"),
    "zoho_refresh_token": ("a-value", "a-value"),
    "close_secrets": ("one two", ("one", "two")),
    "close_mapping": ("map.yaml", Path("map.yaml")),
    "close_api_url": ("https://crm.example.com/", "https://crm.example.com"),
    "close_api_token": ("a-value", "a-value"),
    "odoo_secrets": ("one two", ("one", "two")),
    "odoo_mapping": ("map.yaml", Path("map.yaml")),
    "odoo_api_url": ("https://crm.example.com/", "https://crm.example.com"),
    "odoo_database": ("a-value", "a-value"),
    "odoo_user": ("a-value", "a-value"),
    "odoo_api_token": ("a-value", "a-value"),
    "reconcile_hours": ("0.5", 0.5),
    "cloudevents_secrets": ("whsec_b25l\nwhsec_dHdv", ("whsec_b25l", "whsec_dHdv")),
    "cloudevents_tokens": ("  alone ", ("alone",)),
    "alert_urls": ("mailto://a json://b", ("mailto://a", "json://b")),
    "routes": ("routes.yaml", Path("routes.yaml")),
    "alertmanager_url": ("http://am1:9093/, http://am2:9093", "http://am1:9093,http://am2:9093"),
    "alertmanager_token": ("a-value", "a-value"),
    "alertmanager_user": ("a-value", "a-value"),
    "alertmanager_password": ("a-value", "a-value"),
    "webhook_urls": ("https://a https://b", ("https://a", "https://b")),
    "webhook_secret": ("whsec_b25l", ("whsec_b25l",)),
    "webhook_allow_private": ("true", True),
    "max_body_bytes": ("2048", 2048),
    "max_requests": ("8", 8),
    "clocks_may_differ": ("0", 0),
    "lapse_start": ("2026-10-05T09:00:00+02:00", "2026-10-05T09:00:00+02:00"),
    "lapse_speed": ("288.5", 288.5),
    "log_level": ("debug", "debug"),
}


LISTED = [name for name, field in Settings.model_fields.items() if field.rebuild_annotation() == Listed]
SECRET = [name for name, field in Settings.model_fields.items() if field.annotation in (SecretStr, SecretStr | None)]


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable and no file of the machine that runs the tests."""
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.chdir(tmp_path)


def plain(settings: Settings) -> dict[str, Any]:
    """The settings with their secrets shown."""
    return {name: _shown(getattr(settings, name)) for name in Settings.model_fields}


def _shown(value: object) -> object:
    if isinstance(value, tuple):
        return secrets(value)
    return secret(value) if isinstance(value, SecretStr) else value


def test_without_anything_the_defaults_hold() -> None:
    """Everything has a default but the charter, and the default listens on this machine alone."""
    assert plain(read_settings()) == DEFAULTS


@pytest.mark.parametrize("name", GIVEN)
def test_each_setting_comes_from_its_variable(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`BATON_` and the name in capitals."""
    text, value = GIVEN[name]
    monkeypatch.setenv(variable(name), text)
    assert plain(read_settings()) == DEFAULTS | {name: value}


def test_each_setting_is_tested() -> None:
    """The tables above have them all."""
    assert set(GIVEN) == set(DEFAULTS) == set(Settings.model_fields)


@pytest.mark.parametrize("name", GIVEN)
def test_each_setting_comes_from_a_file(name: str) -> None:
    """`.env` in the working folder has the same names."""
    text, value = GIVEN[name]
    Path(".env").write_text(f'# settings\nOTHER=1\n{variable(name)}="{text}"\n', encoding="utf-8")
    assert plain(read_settings()) == DEFAULTS | {name: value}


def test_arguments_go_before_variables_and_these_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is said closest to the command counts; an option that is not given says nothing."""
    Path(".env").write_text("BATON_HOST=file\nBATON_PORT=1\nBATON_DATA=file\n", encoding="utf-8")
    monkeypatch.setenv("BATON_PORT", "2")
    monkeypatch.setenv("BATON_DATA", "variable")
    settings = read_settings(data=Path("argument"), port=None)
    assert (settings.host, settings.port, settings.data) == ("file", 2, Path("argument"))


@pytest.mark.parametrize("name", GIVEN)
def test_an_empty_variable_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compose files pass on what is not set as empty text."""
    monkeypatch.setenv(variable(name), "")
    assert plain(read_settings()) == DEFAULTS


WRONG: dict[str, list[str]] = {
    "port": ["s3cr3t", "-1", "65536", "80.5"],
    "allow_open": ["s3cr3t"],
    "public_url": [
        "s3cr3t",
        "ftp://s3cr3t",
        "https://",
        "https://s3cr3t?a",
        "https://a b/s3cr3t",
        "https://a/\ns3cr3t",
    ],
    "alertmanager_url": ["s3cr3t", "ftp://s3cr3t", "http://am1:9093,s3cr3t", "http://am1:9093,"],
    "webhook_allow_private": ["s3cr3t"],
    "driver": ["s3cr3t"],
    "salesforce_channel": ["s3cr3t", "/data/", "/event/s3cr3t", "/data/A,/data/s3cr3t"],
    "salesforce_pubsub": ["s3cr3t", "https://s3cr3t:443", "s3cr3t:"],
    "kafka_security": ["s3cr3t"],
    "kafka_sasl": ["s3cr3t"],
    "topic_partitions": ["0", "1001", "s3cr3t"],
    "topic_replicas": ["0", "s3cr3t"],
    "spool_bytes": ["0", "s3cr3t"],
    "max_body_bytes": ["0", "s3cr3t"],
    "max_requests": ["0", "-5"],
    "clocks_may_differ": ["-1", "s3cr3t"],
    "lapse_start": ["s3cr3t", "2026-10-05", "2026-10-05T09:00:00"],
    "lapse_speed": ["0", "-1", "nan", "inf", "s3cr3t"],
    "log_level": ["s3cr3t", "INFO"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts])
def test_a_wrong_setting_is_named_and_not_shown(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the variable and what to write instead; a value may be a secret that stands in the wrong place."""
    monkeypatch.setenv(variable(name), text)
    with pytest.raises(UsageError) as wrong:
        read_settings(hubspot_secrets=("t0k3n",))
    said = str(wrong.value)
    assert said.startswith(f"{variable(name)}: ")
    assert said.count("\n") == 0
    assert "s3cr3t" not in said
    assert "t0k3n" not in said
    assert wrong.value.__cause__ is None


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for each."""
    monkeypatch.setenv("BATON_PORT", "x")
    monkeypatch.setenv("BATON_MAX_REQUESTS", "0")
    with pytest.raises(UsageError) as wrong:
        read_settings()
    assert sorted(line.partition(":")[0] for line in str(wrong.value).split("\n")) == [
        "BATON_MAX_REQUESTS",
        "BATON_PORT",
    ]


def test_a_file_that_is_no_text_is_named() -> None:
    """Not a traceback."""
    Path(".env").write_bytes(b"BATON_HOST=\xff\xfe\n")
    with pytest.raises(UsageError, match=r"^\.env: cannot be read: it is not UTF-8$"):
        read_settings()


def test_secrets_are_not_in_the_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither printed nor dumped: `secrets` alone gives them away."""
    for name in LISTED:
        monkeypatch.setenv(variable(name), "s3cr3t1 s3cr3t2")
    for name in SECRET:
        monkeypatch.setenv(variable(name), "s3cr3t3")
    settings = read_settings()
    assert "s3cr3t" not in repr(settings) + str(settings) + settings.model_dump_json()
    assert secrets(settings.hubspot_secrets) == ("s3cr3t1", "s3cr3t2")


def test_settings_do_not_change() -> None:
    """They are read once, at the start."""
    with pytest.raises(ValueError, match="frozen"):
        setattr(read_settings(), "port", 1)  # noqa: B010 - the type checker knows that this must fail
