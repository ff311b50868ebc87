"""Zoho CRM's channel of notifications, against a fake of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.responses import JSONResponse

from services.adapters.crm.zoho import sign_in
from services.adapters.crm.zoho_channel import ZohoChannel
from services.domain.instants import DAY, from_datetime
from services.errors import Unavailable, UsageError
from tests.crm.fakes import Sleeps
from tests.crm.zoho_fake import NOW, ZohoFake

NOTIFY_URL = "https://baton.example.com/hooks/zoho"
AT = from_datetime(NOW)
UNTIL = AT + 6 * DAY
MODULES = ("Leads", "Deals", "Calls", "Events", "Tasks")


def channel_of(zoho: ZohoFake, **given: Any) -> ZohoChannel:
    transport = zoho.cloud.transport
    token = sign_in("https://zoho.test", client_id="b", client_secret="s", refresh_token="r", transport=transport)
    settings = {"notify_url": NOTIFY_URL, "token": "first-token", "modules": MODULES, **given}
    return ZohoChannel(url="https://zoho.test", authorization=token, transport=transport, sleep=Sleeps(), **settings)


@pytest.fixture
def zoho() -> ZohoFake:
    return ZohoFake(NOW)


@pytest.fixture
async def channel(zoho: ZohoFake) -> AsyncIterator[ZohoChannel]:
    made = channel_of(zoho)
    yield made
    await made.close()


def methods(zoho: ZohoFake) -> list[str]:
    return [call.partition(" ")[0] for call in zoho.cloud.calls]


async def test_there_is_none_at_first(channel: ZohoChannel) -> None:
    """Zoho says so with 204."""
    assert await channel.ends_at() is None


async def test_a_channel_that_zoho_refuses_to_tell_is_none(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """Then it is made."""
    zoho.cloud.troubles.append(JSONResponse({"code": "INVALID_DATA", "status": "error"}, 400))
    assert await channel.ends_at() is None


async def test_it_is_made_where_there_is_none(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """It cannot be prolonged; so it is enabled, with all that Baton needs of it."""
    assert await channel.renew(UNTIL) == UNTIL
    assert methods(zoho) == ["PATCH", "POST"]
    assert zoho.channels == {
        channel.channel_id: {
            "channel_id": channel.channel_id,
            "events": ["Leads.all", "Deals.all", "Calls.all", "Events.all", "Tasks.all"],
            "notify_url": NOTIFY_URL,
            "token": "first-token",
            "notify_on_related_action": False,
            "return_affected_field_values": True,
            "channel_expiry": "2026-10-11T12:00:00+00:00",
        }
    }
    assert await channel.ends_at() == UNTIL


async def test_one_that_is_there_is_prolonged(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """And done twice, it is what it was."""
    await channel.renew(UNTIL)
    zoho.cloud.calls.clear()
    assert await channel.renew(UNTIL + DAY) == UNTIL + DAY
    assert await channel.renew(UNTIL + DAY) == UNTIL + DAY
    assert methods(zoho) == ["PATCH", "PATCH"]
    assert len(zoho.channels) == 1


async def test_several_processes_may_renew_it_at_once(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """It stays one channel."""
    other = channel_of(zoho)
    assert list(await asyncio.gather(channel.renew(UNTIL), other.renew(UNTIL))) == [UNTIL, UNTIL]
    assert len(zoho.channels) == 1
    await other.close()


async def test_one_that_zoho_will_not_prolong_is_enabled(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """Whatever it has against it."""
    await channel.renew(UNTIL)
    zoho.is_patched_badly = True
    assert await channel.renew(UNTIL + DAY) == UNTIL + DAY


async def test_its_lifetime_is_within_the_week_that_zoho_gives(channel: ZohoChannel) -> None:
    """One that asks for more gets an hour; whatever it gets is told."""
    assert await channel.renew(AT + channel.lifetime) == AT + channel.lifetime
    assert await channel.renew(AT + 8 * DAY) == from_datetime(NOW + timedelta(hours=1))


async def test_one_that_has_ended_is_none(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """Zoho does not tell it any more."""
    await channel.renew(UNTIL)
    zoho.now += timedelta(days=6)
    assert await channel.ends_at() is None


@pytest.mark.parametrize(
    "other",
    [{"token": "second-token"}, {"modules": (*MODULES, "Contacts")}],
    ids=["another token", "more modules"],
)
async def test_one_that_is_not_as_it_must_be_is_none(
    zoho: ZohoFake, channel: ZohoChannel, other: dict[str, Any]
) -> None:
    """After the settings have changed it is renewed, and is as it must be."""
    await channel.renew(UNTIL)
    changed = channel_of(zoho, **other)
    assert await changed.ends_at() is None
    await changed.renew(UNTIL)
    assert await changed.ends_at() == UNTIL
    await changed.close()


async def test_another_address_has_another_channel(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """Two Batons of one company do not take each other's notifications away."""
    other = channel_of(zoho, notify_url="https://test.example.com/hooks/zoho")
    await channel.renew(UNTIL)
    await other.renew(UNTIL)
    assert len(zoho.channels) == 2
    assert await channel.ends_at() == UNTIL
    await other.close()


async def test_a_token_that_zoho_does_not_show_is_no_other_one(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """It may keep it to itself."""
    await channel.renew(UNTIL)
    zoho.channels[channel.channel_id]["token"] = None
    assert await channel.ends_at() == UNTIL


async def test_what_zoho_refuses_is_told_by_its_code(zoho: ZohoFake, channel: ZohoChannel) -> None:
    """For whoever reads the log."""
    zoho.refuses = "NOT_ALLOWED"
    with pytest.raises(Unavailable, match="not enabled: NOT_ALLOWED"):
        await channel.renew(UNTIL)


async def test_a_token_that_is_too_long_is_refused_at_the_start(zoho: ZohoFake) -> None:
    """Zoho would cut it, or refuse the channel; the token itself is not told."""
    with pytest.raises(UsageError, match="BATON_ZOHO_SECRETS: the first has 51 characters") as caught:
        channel_of(zoho, token="t" * 51)
    assert "ttt" not in str(caught.value)
