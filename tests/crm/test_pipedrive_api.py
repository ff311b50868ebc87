"""The client of Pipedrive's API, against a fake written from its reference."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import JSONResponse

from services.adapters.crm.pipedrive import PipedriveApi
from services.domain.instants import parse_instant
from services.errors import Unavailable, UsageError
from services.gateway.crm.pipedrive import Pipedrive
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.settings import read_settings
from services.translate import to_wire
from services.wiring.apis import apis_of
from tests.crm.fakes import FakeCloud, Sleeps
from tests.crm.pipedrive_fake import TOKEN, FakePipedrive, activity, deal, lead, person

SINCE = parse_instant("2026-10-05T09:00:00.500Z")
BEFORE, AFTER = "2026-10-05T08:59:59Z", "2026-10-05T11:00:00Z"


@pytest.fixture
def account() -> FakePipedrive:
    return FakePipedrive(
        persons=[person(151, AFTER), person(152, BEFORE)],
        leads=[
            lead("aaaa-1", "2026-10-05T11:00:00.250Z"),
            lead("aaaa-2", "2026-10-05T08:00:00.000Z"),
            lead("aaaa-3", "2026-10-05T10:00:00.000Z", is_archived=True),
        ],
        deals=[
            deal(900, "2026-10-07T11:00:00Z", status="won", won_time="2026-10-07T11:00:00Z"),
            deal(901, BEFORE),
            deal(902, AFTER, is_archived=True),
        ],
        activities=[activity(77, AFTER), activity(78, BEFORE)],
    )


@pytest.fixture
def cloud(account: FakePipedrive) -> FakeCloud:
    return account.cloud()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
async def api(cloud: FakeCloud, sleeps: Sleeps) -> AsyncIterator[PipedriveApi]:
    made = PipedriveApi(base_url=cloud.base_url, token=TOKEN, transport=cloud.transport, sleep=sleeps)
    yield made
    await made.close()


async def changed(api: PipedriveApi) -> list[Found]:
    return [found async for page in api.changed_since(SINCE) for found in page]


def named(found: list[Found]) -> list[tuple[str, Any]]:
    return [(one.object, one.content["id"]) for one in found]


async def test_all_that_changed_is_told_and_nothing_else(api: PipedriveApi) -> None:
    """Persons first, then their leads; what is archived is told as well."""
    assert named(await changed(api)) == [
        ("person", 151),
        ("lead", "aaaa-1"),
        ("lead", "aaaa-3"),
        ("deal", 900),
        ("deal", 902),
        ("activity", 77),
    ]


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_lists_are_read_to_their_end(account: FakePipedrive, api: PipedriveApi, size: int) -> None:
    """Page by page, by cursors and by offsets."""
    account.page = size
    account.persons = [person(number, AFTER) for number in range(5)]
    account.leads = [lead(f"aaaa-{number}", AFTER) for number in range(5)]
    found = named(await changed(api))
    assert [number for kind, number in found if kind == "person"] == [*range(5)]
    assert sorted(number for kind, number in found if kind == "lead") == [f"aaaa-{number}" for number in range(5)]


async def test_leads_are_read_no_further_than_needed(
    account: FakePipedrive, cloud: FakeCloud, api: PipedriveApi
) -> None:
    """They cannot be asked for by time: from the last to change on, until one that changed before."""
    account.page = 2
    account.leads = [lead(f"aaaa-{number}", f"2026-10-{number:02}T12:00:00.000Z") for number in range(1, 11)]
    found = named(await changed(api))
    assert [number for kind, number in found if kind == "lead"] == [f"aaaa-{number}" for number in range(10, 4, -1)]
    assert len([call for call in cloud.calls if call.startswith("GET /api/v1/leads?")]) == 4


async def test_what_it_says_gives_the_events_that_the_webhooks_would_have_given(api: PipedriveApi) -> None:
    """The lead's whole journey, told by states alone."""
    sender = Pipedrive(mapping=read_mapping("pipedrive"))
    events = [to_wire(event) for found in await changed(api) for event in sender.meant(sender.found(found)).events]
    told = [(event["type"], event["time"]) for event in events if event.get("subject") == "pipedrive:person:151"]
    assert told[0] == ("lead.captured", "2026-10-01T08:00:00Z")
    assert {
        ("lead.handed_off", "2026-10-05T09:10:00Z"),
        ("lead.assigned", "2026-10-05T11:00:00.250000Z"),
        ("lead.touched", "2026-10-05T09:30:00Z"),
        ("deal.opened", "2026-10-05T10:00:00Z"),
        ("deal.won", "2026-10-07T11:00:00Z"),
    } <= {*told}


async def test_objects_are_fetched_by_their_ids(cloud: FakeCloud, api: PipedriveApi) -> None:
    """Many at a time where that can be; archived deals and leads one by one; what is gone is left out."""
    wanted = [("deal", "900"), ("deal", "902"), ("deal", "999"), ("person", "151"), ("person", "888")]
    wanted += [("lead", "aaaa-3"), ("lead", "gone"), ("activity", "77"), ("product", "1"), ("person", "")]
    found = await api.fetch([Reference(kind, number) for kind, number in wanted])
    assert sorted(named([*found]), key=str) == [
        ("activity", 77),
        ("deal", 900),
        ("deal", 902),
        ("lead", "aaaa-3"),
        ("person", 151),
    ]
    assert len(cloud.calls) == 7


async def test_an_id_is_never_an_address(cloud: FakeCloud, api: PipedriveApi) -> None:
    """Whatever a webhook says that it is."""
    wanted = [("lead", ".."), ("lead", "../users/me"), ("deal", "1,2"), ("person", "1&limit=1")]
    assert await api.fetch([Reference(kind, number) for kind, number in wanted]) == []
    assert cloud.calls == []


async def test_more_ids_than_a_list_takes_are_asked_for_in_parts(account: FakePipedrive, api: PipedriveApi) -> None:
    """A hundred at a time."""
    account.persons = [person(number, AFTER) for number in range(250)]
    found = await api.fetch([Reference("person", str(number)) for number in range(250)])
    assert len(found) == 250


async def test_it_waits_when_it_is_told_to(cloud: FakeCloud, sleeps: Sleeps, api: PipedriveApi) -> None:
    """429 in the middle costs nothing but time."""
    cloud.is_busy("2")
    cloud.is_broken()
    assert len(await changed(api)) == 6
    assert sleeps.slept[0] == 2.0


@pytest.mark.parametrize(("reset", "waits"), [("2", 2.0), ("0", 0.0)])
async def test_it_waits_until_the_window_ends(
    cloud: FakeCloud, sleeps: Sleeps, api: PipedriveApi, reset: str, waits: float
) -> None:
    """Pipedrive says so by x-ratelimit-reset alone."""
    cloud.troubles.append(JSONResponse({"success": False}, 429, headers={"x-ratelimit-reset": reset}))
    assert len(await changed(api)) == 6
    assert sleeps.slept == [waits]


async def test_an_instant_at_which_a_window_ends_is_no_time_to_wait(
    cloud: FakeCloud, sleeps: Sleeps, api: PipedriveApi
) -> None:
    """As others use the same header."""
    cloud.troubles.append(JSONResponse({"success": False}, 429, headers={"x-ratelimit-reset": "1791190800"}))
    assert len(await changed(api)) == 6
    assert 0 < sleeps.slept[0] <= 1.0


async def test_a_spent_budget_of_tokens_is_an_outage(cloud: FakeCloud, api: PipedriveApi) -> None:
    """The day's tokens are gone: nothing is told in part, and whoever asks tries again later."""
    for _ in range(6):
        cloud.is_busy("")
    with pytest.raises(Unavailable, match="429"):
        await changed(api)


async def test_a_wrong_token_is_the_users_to_mend(cloud: FakeCloud) -> None:
    """The setting is named, the token is not."""
    api = PipedriveApi(base_url=cloud.base_url, token="wrong-token", transport=cloud.transport)
    with pytest.raises(UsageError, match="BATON_PIPEDRIVE_API_TOKEN") as caught:
        await changed(api)
    await api.close()
    assert "wrong-token" not in str(caught.value)


async def test_the_settings_make_a_client() -> None:
    """With an address and a token; one without the other is a mistake."""
    url = "https://company.pipedrive.com"
    for given in ({"pipedrive_api_url": url}, {"pipedrive_api_token": "token"}):
        with pytest.raises(UsageError, match=r"BATON_PIPEDRIVE_API_(URL|TOKEN): not given"):
            apis_of(read_settings(**given))
    made = apis_of(read_settings(pipedrive_api_url=url, pipedrive_api_token="token", close_api_token="key"))
    assert [*made] == ["pipedrive", "close"]
    for api in made.values():
        await api.close()
