"""Which CRMs' webhooks are seen to, as the settings say it."""

from pathlib import Path
from typing import Any

import pytest

from services.adapters.crm.close_webhooks import CloseWebhooks
from services.adapters.crm.pipedrive_webhooks import PipedriveWebhooks
from services.settings import Settings, read_settings
from services.wiring.subscriptions import subscriptions_of

PIPEDRIVE = {
    "pipedrive_secrets": "baton:password",
    "pipedrive_api_url": "https://company.pipedrive.com",
    "pipedrive_api_token": "token",
    "public_url": "https://baton.example.com",
}
CLOSE = {"close_secrets": "ab" * 32, "close_api_token": "api_1.key", "public_url": "https://baton.example.com"}
CASES = [(PIPEDRIVE, PipedriveWebhooks), (CLOSE, CloseWebhooks)]


def settings_of(tmp_path: Path, **given: Any) -> Settings:
    charter = Path(__file__).parents[2] / "deploy" / "charters" / "warsaw-small-team.yaml"
    return read_settings(data=tmp_path / "data", charter=charter, **given)


@pytest.fixture(autouse=True)
def _no_settings_of_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("given", "kind"), CASES)
async def test_with_its_api_and_our_address_its_webhooks_are_seen_to(
    tmp_path: Path, given: dict[str, str], kind: type
) -> None:
    """Those of the CRM that is set up, and no others."""
    (made,) = subscriptions_of(settings_of(tmp_path, **given))
    assert isinstance(made, kind)
    await made.close()


@pytest.mark.parametrize(("given", "kind"), CASES)
def test_without_any_of_the_settings_they_are_not(tmp_path: Path, given: dict[str, str], kind: type) -> None:  # noqa: ARG001
    """Nobody could be asked, nothing could come, or nothing could be proved."""
    for left_out in given:
        rest = {name: value for name, value in given.items() if name != left_out}
        assert subscriptions_of(settings_of(tmp_path, **rest)) == [], left_out


@pytest.mark.parametrize(("given", "kind"), CASES)
def test_a_time_lapse_sees_to_none(tmp_path: Path, given: dict[str, str], kind: type) -> None:  # noqa: ARG001
    """What it plays is not what CRMs send."""
    assert subscriptions_of(settings_of(tmp_path, **given, lapse_start="2026-10-05T09:00:00Z")) == []
