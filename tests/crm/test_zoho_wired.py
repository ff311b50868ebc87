"""Zoho CRM as the settings set it up: the client, the channel, and both at work in a whole Baton."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from services.adapters.crm.zoho import ZohoApi
from services.errors import UsageError
from services.settings import Settings, read_settings
from services.wiring.apis import zoho_api
from services.wiring.embedded import Embedded
from services.wiring.subscriptions import subscriptions_of
from tests.crm.zoho_fake import ZohoFake

BOARD = "http://127.0.0.1:8700"
CLIENT = {"zoho_client_id": "baton", "zoho_client_secret": "s3cr3t", "zoho_refresh_token": "r3fr3sh"}
REACHED = {"zoho_secrets": "first-token second-token", "public_url": "https://baton.example.com"}


def settings_of(tmp_path: Path, **given: Any) -> Settings:
    charter = Path(__file__).parents[2] / "deploy" / "charters" / "warsaw-small-team.yaml"
    return read_settings(data=tmp_path / "data", charter=charter, **given)


@pytest.fixture(autouse=True)
def _no_settings_of_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@asynccontextmanager
async def served(zoho: ZohoFake) -> AsyncIterator[str]:
    """The fake behind a real port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        server = uvicorn.Server(uvicorn.Config(zoho.cloud.app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving


async def test_without_credentials_there_is_no_client(tmp_path: Path) -> None:
    """Nor a channel."""
    given = settings_of(tmp_path, **REACHED)
    assert zoho_api(given) is None
    assert subscriptions_of(given) == []


@pytest.mark.parametrize("left_out", CLIENT)
def test_credentials_are_given_whole_or_not_at_all(tmp_path: Path, left_out: str) -> None:
    """What is lacking would be noticed only when something is lost."""
    given = settings_of(tmp_path, **{name: value for name, value in CLIENT.items() if name != left_out})
    with pytest.raises(UsageError, match=f"BATON_{left_out.upper()}: not given"):
        zoho_api(given)


async def test_with_credentials_there_is_a_client(tmp_path: Path) -> None:
    """Of the built-in mapping."""
    api = zoho_api(settings_of(tmp_path, **CLIENT))
    assert isinstance(api, ZohoApi)
    await api.close()


@pytest.mark.parametrize("left_out", REACHED)
def test_a_channel_needs_an_address_and_a_token(tmp_path: Path, left_out: str) -> None:
    """Without the public URL Zoho cannot reach Baton, without a token nothing would be proved."""
    reached = {name: value for name, value in REACHED.items() if name != left_out}
    assert subscriptions_of(settings_of(tmp_path, **CLIENT, **reached)) == []


def test_a_time_lapse_has_no_channel(tmp_path: Path) -> None:
    """What it plays is not what Zoho sends."""
    assert subscriptions_of(settings_of(tmp_path, **CLIENT, **REACHED, lapse_start="2026-10-05T09:00:00Z")) == []


async def test_a_running_baton_makes_its_channel_and_shows_until_when_it_lasts(tmp_path: Path) -> None:
    """With the first of the tokens, for the address that is public."""
    now = datetime.now(UTC)
    zoho = ZohoFake(now)
    async with served(zoho) as url:
        given = settings_of(tmp_path, **CLIENT, **REACHED, zoho_api_url=url, zoho_accounts_url=url)
        with closing(Embedded(given, board_url=BOARD)) as baton:
            stop = asyncio.Event()
            running = asyncio.create_task(baton.run(stop))
            page = ""
            async with asyncio.timeout(30):
                while 'expiry_timestamp_seconds{crm="zoho"} 1' not in page:
                    page = await shown(baton)
            stop.set()
            await running
    (channel,) = zoho.channels.values()
    assert (channel["token"], channel["notify_url"]) == ("first-token", "https://baton.example.com/hooks/zoho")
    ends = datetime.fromisoformat(channel["channel_expiry"])
    assert abs(ends - now - timedelta(days=6)) < timedelta(minutes=5)
    (line,) = [each for each in page.splitlines() if each.startswith("baton_crm_subscription_expiry")]
    assert float(line.rpartition(" ")[2]) == ends.timestamp()


async def shown(baton: Embedded) -> str:
    """The page of metrics."""
    transport = httpx2.ASGITransport(app=baton.app)
    async with httpx2.AsyncClient(transport=transport, base_url=BOARD) as client:
        return (await client.get("/metrics")).text
