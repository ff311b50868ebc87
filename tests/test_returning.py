"""Dead letters of what came from a CRM's API return like those of webhooks."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.errors import BadEvent
from services.gateway.api_letters import read_letter
from services.ports import Found, Reference
from services.settings import Settings, read_settings
from services.storage import DeadLetterRow
from services.wiring.at_hand import AtHand, at_hand
from services.wiring.returning import Returning
from tests.crm.hubspot_fake import TOKEN
from tests.e2e.test_repair import Account, served
from tests.e2e.test_up import CHARTER

WANTED = Reference("contact", "151")
BROKEN = Found("contact", {"id": "152", "updatedAt": "yesterday", "properties": {"lifecyclestage": "customer"}})


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Of a data folder whose HubSpot has one contact."""
    (tmp_path / "charter.yaml").write_text(CHARTER)
    account = Account()
    account.happens(10, "contact:151", "lifecyclestage", "marketingqualifiedlead")
    with served(account.cloud.app) as url:
        yield read_settings(
            data=tmp_path / "data",
            charter=tmp_path / "charter.yaml",
            hubspot_api_url=url,
            hubspot_api_token=TOKEN,
        )


async def letters(tools: AtHand, *about: Found | Reference) -> list[DeadLetterRow]:
    """What waits, once it is judged: a letter about each, and no other."""
    waiting: dict[str, DeadLetterRow] = {}
    async with asyncio.timeout(60):
        while waiting.keys() != {str(each) for each in about}:
            await asyncio.sleep(0.05)
            waiting = {str(read_letter(each.body)): each for each in tools.views.dead_letters(None, 10)}
    return [waiting[str(each)] for each in about]


async def buried(tools: AtHand) -> None:
    """Two letters: of what could not be asked for, and of an answer that made no sense."""
    await tools.api_door.bury("hubspot", WANTED, BadEvent("invalid", "hubspot: 151 is no id"))
    assert (await tools.api_door.take("hubspot", [BROKEN])).bad == 1


async def test_what_could_not_be_asked_for_is_asked_for(settings: Settings) -> None:
    """It is taken in once the API knows it; what still makes no sense stays."""
    async with at_hand(settings) as tools:
        await buried(tools)
        wanted, broken = await letters(tools, WANTED, BROKEN)
        returning = Returning(tools)
        assert await returning.take_in(wanted)
        assert not await returning.take_in(broken)
        await letters(tools, BROKEN)
        assert tools.store.states(["hubspot:contact:151"]).keys() == {"hubspot:contact:151"}


async def test_an_answer_that_makes_sense_by_now_is_taken_in(settings: Settings) -> None:
    """Mapped by the code and the mapping of today."""
    async with at_hand(settings) as tools:
        await buried(tools)
        _, broken = await letters(tools, WANTED, BROKEN)
        times = b'"2026-10-05T09:00:00Z","createdAt":"2026-10-05T08:00:00Z"'
        mended = replace(broken, body=broken.body.replace(b'"yesterday"', times))
        assert await Returning(tools).take_in(mended)
        await tools.api_door.settle()
        assert "hubspot:contact:152" in tools.store.states(["hubspot:contact:152"])


async def test_without_the_api_nothing_is_asked_for(settings: Settings) -> None:
    """The letter waits until it is set up again."""
    async with at_hand(settings) as tools:
        await buried(tools)
    bare = settings.model_copy(update={"hubspot_api_token": None})
    async with at_hand(bare) as tools:
        (wanted, _) = await letters(tools, WANTED, BROKEN)
        assert not await Returning(tools).take_in(wanted)
