"""What Baton asks HubSpot for, and what it makes of the answers; on a fake that is written from the documentation."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from schemas.mapping import CrmMapping
from services.adapters.crm.api import ApiClient, FixedHeaders, Rate
from services.adapters.crm.hubspot import HubspotApi
from services.adapters.crm.hubspot_search import HubspotSearch
from services.domain.instants import Instant, parse_instant
from services.errors import UsageError
from services.gateway.crm.hubspot import HubSpot
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.settings import read_settings
from services.translate import to_wire
from services.wiring.apis import hubspot_api, mapping_of
from tests.crm.fakes import FakeCloud, Sleeps
from tests.crm.hubspot_fake import TOKEN, FakeHubspot
from tests.gateway.conftest import notification

BUILT_IN = read_mapping("hubspot").with_api()
CONTACTS = BUILT_IN.model_copy(update={"deals": {}, "activities": {}})
DEALS = BUILT_IN.model_copy(update={"leads": {"contact": BUILT_IN.leads["contact"]}, "activities": {}})
CALLS = CONTACTS.model_copy(update={"activities": {"call": BUILT_IN.activities["call"]}})
SINCE = parse_instant("2026-10-05T08:00:00Z")
ADA = "hubspot:contact:151"

Apis = Callable[..., HubspotApi]


@pytest.fixture
def hubspot() -> FakeHubspot:
    return FakeHubspot()


@pytest.fixture
async def api_of() -> AsyncIterator[Apis]:
    """Makes clients of a cloud."""
    made: list[HubspotApi] = []

    def api(cloud: FakeCloud, mapping: CrmMapping = CONTACTS, *, token: str = TOKEN, sleep: Any = None) -> HubspotApi:
        one = HubspotApi(
            base_url=cloud.base_url,
            token=token,
            mapping=mapping,
            transport=cloud.transport,
            **({"sleep": sleep} if sleep is not None else {}),
        )
        made.append(one)
        return one

    yield api
    for one in made:
        await one.close()


async def changed(api: HubspotApi, since: Instant = SINCE) -> list[Found]:
    return [found async for page in api.changed_since(since) for found in page]


def events_of(found: Sequence[Found], mapping: CrmMapping = BUILT_IN) -> list[dict[str, Any]]:
    """What the gateway makes of it; what the API says leaves nothing to be asked."""
    sender = HubSpot(mapping=mapping)
    events = []
    for each in found:
        taken = sender.meant(sender.found(each))
        assert (taken.lacking, taken.thin) == ((), ())
        events += [to_wire(event) for event in taken.events]
    return events


def told(found: Sequence[Found]) -> list[tuple[str, str, str]]:
    return [(event["type"], event.get("subject", ""), event["time"]) for event in events_of(found)]


async def test_a_contact_is_told_with_each_change_at_its_own_time(hubspot: FakeHubspot, api_of: Apis) -> None:
    """Not only what it is now: what it was in between counts too."""
    hubspot.add(
        "contacts",
        "151",
        ("lifecyclestage", "marketingqualifiedlead", "2026-10-05T09:10:00.500Z"),
        ("lifecyclestage", "salesqualifiedlead", "2026-10-05T11:00:00Z"),
        ("hubspot_owner_id", "7", "2026-10-05T09:12:00Z"),
        ("firstname", "Ada", "2026-10-05T09:00:00Z"),
    )
    assert told(await api_of(hubspot.cloud()).fetch([Reference("contact", "151")])) == [
        ("lead.captured", ADA, "2026-10-05T09:00:00Z"),
        ("lead.assigned", ADA, "2026-10-05T09:12:00Z"),
        ("lead.handed_off", ADA, "2026-10-05T09:10:00.500000Z"),
        ("lead.qualified", ADA, "2026-10-05T11:00:00Z"),
    ]


async def test_what_the_api_tells_is_the_event_that_a_webhook_made(hubspot: FakeHubspot, api_of: Apis) -> None:
    """The same ids, so that neither counts twice."""
    hubspot.add("contacts", "151", ("hs_lead_status", "OPEN", "2026-10-05T09:40:00.250Z"))
    by_api = events_of(await api_of(hubspot.cloud()).fetch([Reference("contact", "151")]))
    told_before = [
        notification(objectId=151, subscriptionType="contact.creation", occurredAt=1791190800000, propertyName=None),
        notification(objectId=151, propertyName="hs_lead_status", propertyValue="OPEN", occurredAt=1791193200250),
    ]
    sender = HubSpot(mapping=BUILT_IN)
    assert by_api == [to_wire(event) for item in told_before for event in sender.read(item).events]


async def test_only_what_happened_since_is_told(hubspot: FakeHubspot, api_of: Apis) -> None:
    """Of an old contact that changed, the changes of late alone; of one that did not, nothing."""
    hubspot.add(
        "contacts",
        "151",
        ("hs_lead_status", "OPEN", "2026-10-01T09:00:00Z"),
        ("hs_lead_status", "UNQUALIFIED", "2026-10-05T10:00:00Z"),
        created="2026-09-01T09:00:00Z",
        modified="2026-10-05T10:00:00Z",
    )
    hubspot.add("contacts", "152", ("hs_lead_status", "OPEN", "2026-10-05T07:59:59Z"), modified="2026-10-05T07:59:59Z")
    assert told(await changed(api_of(hubspot.cloud()))) == [("lead.rejected", ADA, "2026-10-05T10:00:00Z")]


async def test_more_contacts_than_a_page_and_a_batch_have_are_all_told(hubspot: FakeHubspot, api_of: Apis) -> None:
    """Searches come in pages of 200, histories in batches of 50."""
    for number in range(1, 421):
        hubspot.add("contacts", str(number), modified=f"2026-10-05T10:{number % 60:02}:00Z")
    found = await changed(api_of(hubspot.cloud()))
    assert {event["subject"] for event in events_of(found)} == {f"hubspot:contact:{n}" for n in range(1, 421)}
    assert [search.get("after") for search in hubspot.searches if "company" not in str(search)][:3] == [
        None,
        "200",
        "400",
    ]


@pytest.mark.parametrize("same", [True, False], ids=["all at one millisecond", "one after the other"])
async def test_more_than_a_search_gives_are_found_all_the_same(hubspot: FakeHubspot, same: bool) -> None:
    """HubSpot gives 10,000 of a search; the next goes on from the last time, or within one instant by the ids."""
    for number in range(10_450):
        after = 0 if same else number
        hubspot.add("contacts", str(number + 1), modified=f"2026-10-05T10:00:{after // 1_000:02}.{after % 1_000:03}Z")
    cloud = hubspot.cloud()

    def client(_: Rate) -> ApiClient:
        return ApiClient(
            crm="hubspot",
            base_url=cloud.base_url,
            authorization=FixedHeaders({"authorization": f"Bearer {TOKEN}"}),
            rate=Rate(1_000_000, 1.0),
            transport=cloud.transport,
        )

    search = HubspotSearch(client)
    found = [record["id"] async for page in search.modified("contact", SINCE) for record in page]
    await search.close()
    assert {*found} == {str(number + 1) for number in range(10_450)}


async def test_a_deal_brings_its_contacts_with_it(hubspot: FakeHubspot, api_of: Apis) -> None:
    """Stage and amount with their times, and who it is about, page by page."""
    hubspot.page = 2
    hubspot.add("deals", "900", ("dealstage", "closedwon", "2026-10-07T11:00:00Z"), created="2026-10-05T10:00:00Z")
    hubspot.associate("deals", "900", "contacts", "151", "152", "153")
    events = events_of(await api_of(hubspot.cloud(), DEALS).fetch([Reference("deal", "900")]))
    assert [(event["type"], event.get("subject"), event["time"]) for event in events] == [
        ("deal.opened", None, "2026-10-05T10:00:00Z"),
        ("deal.won", None, "2026-10-07T11:00:00Z"),
        *(("deal.opened", f"hubspot:contact:{number}", "2026-10-05T10:00:00Z") for number in (151, 152, 153)),
    ]
    assert {event["data"]["deal"] for event in events} == {"hubspot:deal:900"}


async def test_an_activity_is_a_touch_of_each_contact_that_it_is_about(hubspot: FakeHubspot, api_of: Apis) -> None:
    """What the webhook told by its id alone."""
    call = [
        ("hs_call_status", "COMPLETED"),
        ("hs_call_direction", "OUTBOUND"),
        ("hs_timestamp", "2026-10-05T09:30:00Z"),
    ]
    hubspot.add("calls", "9001", *((name, value, "2026-10-05T09:31:00Z") for name, value in call))
    hubspot.add("calls", "9002", *((name, value, "2026-10-05T09:31:00Z") for name, value in call))
    hubspot.associate("calls", "9001", "contacts", "151", "152")
    cloud = hubspot.cloud()
    fetched = events_of(await api_of(cloud, CALLS).fetch([Reference("call", "9001"), Reference("call", "9002")]))
    assert fetched == events_of(await changed(api_of(cloud, CALLS)))
    assert [(event["subject"], event["time"]) for event in fetched] == [
        (ADA, "2026-10-05T09:30:00Z"),
        ("hubspot:contact:152", "2026-10-05T09:30:00Z"),
    ]
    assert {event["id"] for event in fetched} == {"call:9001:touch:connected"}
    assert fetched[0]["data"] == {"kind": "call", "direction": "outbound", "connected": True}


async def test_the_account_is_the_name_of_the_first_company(hubspot: FakeHubspot, api_of: Apis) -> None:
    """From when the contact has it, under the name that it had then, and under each that it gets later."""
    hubspot.add("contacts", "151", ("associatedcompanyid", "5", "2026-10-05T09:05:00Z"))
    hubspot.add(
        "companies",
        "5",
        ("name", "Ack", "2025-01-01T00:00:00Z"),
        ("name", "Acme", "2026-01-01T00:00:00Z"),
        ("name", "ACME", "2026-10-06T00:00:00Z"),
    )
    hubspot.associate("companies", "5", "contacts", "151")
    api = api_of(hubspot.cloud())
    of_contact = events_of(await api.fetch([Reference("contact", "151")]))[1:]
    assert [(event["data"], event["time"]) for event in of_contact] == [
        ({"attributes": {"account": "Acme"}}, "2026-10-05T09:05:00Z"),
        ({"attributes": {"account": "ACME"}}, "2026-10-06T00:00:00Z"),
    ]
    assert events_of(await api.fetch([Reference("company", "5")])) == of_contact
    # Changed since then are the contact's own record, and the company's name.
    assert events_of(await changed(api, parse_instant("2026-10-05T12:00:00Z"))) == [of_contact[1], of_contact[1]]


async def test_a_contact_without_its_company_has_no_account(hubspot: FakeHubspot, api_of: Apis) -> None:
    """From when it was taken away."""
    hubspot.add(
        "contacts",
        "151",
        ("associatedcompanyid", "5", "2026-10-05T09:05:00Z"),
        ("associatedcompanyid", "", "2026-10-05T09:06:00Z"),
    )
    hubspot.add("companies", "5", ("name", "Acme", "2026-01-01T00:00:00Z"))
    hubspot.associate("companies", "5", "contacts", "151")
    api = api_of(hubspot.cloud())
    events = events_of(await api.fetch([Reference("contact", "151")]))[1:]
    assert [(event["data"], event["time"]) for event in events] == [
        ({"attributes": {"account": None}}, "2026-10-05T09:06:00Z")
    ]
    # It is still associated with it, but not first of all.
    assert await api.fetch([Reference("company", "5")]) == []


async def test_companies_are_left_alone_where_the_mapping_does_not_ask(hubspot: FakeHubspot, api_of: Apis) -> None:
    """No search for them, and nothing of them with a contact."""
    hubspot.add("contacts", "151", ("associatedcompanyid", "5", "2026-10-05T09:05:00Z"))
    without = CrmMapping.model_validate({"mapping": 1, "leads": {"contact": {"created": "lead.captured"}}})
    cloud = hubspot.cloud()
    await changed(api_of(cloud, without))
    assert cloud.calls == ["POST /crm/v3/objects/contacts/search", "POST /crm/v3/objects/contacts/batch/read"]


async def test_what_was_merged_is_told_by_the_one_that_stays(hubspot: FakeHubspot, api_of: Apis) -> None:
    """Each once, at the time of its merge; and though HubSpot lists it as deleted, it is not withdrawn."""
    hubspot.add(
        "contacts",
        "200",
        ("hs_merged_object_ids", "101;102", "2026-10-05T10:00:00Z"),
        ("hs_merged_object_ids", "101;102;103", "2026-10-05T11:00:00Z"),
        created="2026-09-01T09:00:00Z",
    )
    hubspot.add("contacts", "103", archived="2026-10-05T11:00:00Z")
    hubspot.add("contacts", "104", archived="2026-10-05T11:30:00Z")
    hubspot.add("contacts", "105", archived="2026-10-04T11:30:00Z")
    found = await changed(api_of(hubspot.cloud()))
    assert [(event["type"], event["subject"], event["data"], event["time"]) for event in events_of(found)] == [
        ("lead.merged", "hubspot:contact:101", {"into": "hubspot:contact:200"}, "2026-10-05T10:00:00Z"),
        ("lead.merged", "hubspot:contact:102", {"into": "hubspot:contact:200"}, "2026-10-05T10:00:00Z"),
        ("lead.merged", "hubspot:contact:103", {"into": "hubspot:contact:200"}, "2026-10-05T11:00:00Z"),
        ("lead.withdrawn", "hubspot:contact:104", {"reason": "deleted"}, "2026-10-05T11:30:00Z"),
    ]


async def test_the_list_of_what_was_deleted_is_read_to_its_end(hubspot: FakeHubspot, api_of: Apis) -> None:
    """It has 100 in a page."""
    for number in range(1, 251):
        hubspot.add("contacts", str(number), archived="2026-10-05T10:00:00Z")
    assert len(events_of(await changed(api_of(hubspot.cloud())))) == 250


async def test_what_is_gone_is_left_out(hubspot: FakeHubspot, api_of: Apis) -> None:
    """And what went into another is told by that one."""
    hubspot.add("contacts", "200")
    hubspot.merged["101"] = "200"
    hubspot.add("contacts", "151", archived="2026-10-05T10:00:00Z")
    wanted = [Reference("contact", number) for number in ("101", "151", "7", "200")]
    assert told(await api_of(hubspot.cloud()).fetch(wanted)) == [
        ("lead.captured", "hubspot:contact:200", "2026-10-05T09:00:00Z")
    ]


async def test_an_object_of_its_own_is_asked_for_by_its_number(hubspot: FakeHubspot, api_of: Apis) -> None:
    """A mapping may name any type of object by its id, and HubSpot takes that in addresses."""
    hubspot.add("2-3453932", "8", ("stage", "hot", "2026-10-05T10:00:00Z"))
    hubspot.add("leads", "77", ("hs_pipeline_stage", "q", "2026-10-05T10:00:00Z"))
    lead = {"properties": {"stage": {"values": {"hot": "lead.handed_off"}}}}
    of_sales_hub = {"properties": {"hs_pipeline_stage": {"values": {"q": "lead.qualified"}}}}
    mapping = CrmMapping.model_validate({"mapping": 1, "leads": {"2-3453932": lead, "lead": of_sales_hub}})
    events = events_of(await changed(api_of(hubspot.cloud(), mapping)), mapping)
    assert [(event["type"], event["subject"]) for event in events] == [
        ("lead.handed_off", "hubspot:2-3453932:8"),
        ("lead.qualified", "hubspot:lead:77"),
    ]


async def test_a_rule_that_asks_for_the_record_gets_it(hubspot: FakeHubspot, api_of: Apis) -> None:
    """What a webhook lacked, such as the pipeline of a deal whose stage changed."""
    hubspot.add(
        "deals",
        "900",
        ("dealstage", "1", "2026-10-05T10:00:00Z"),
        ("pipeline", "new-business", "2026-10-05T09:00:00Z"),
    )
    rule = {"event": "deal.won", "when": {"pipeline": "new-business"}}
    mapping = CrmMapping.model_validate(
        {"mapping": 1, "deals": {"deal": {"properties": {"dealstage": {"values": {"1": rule}}}}}}
    )
    asked = notification(
        subscriptionType="deal.propertyChange", objectId=900, propertyName="dealstage", propertyValue="1"
    )
    reading = HubSpot(mapping=mapping).read(asked)
    assert (reading.events, reading.lacking) == ((), (Reference("deal", "900"),))
    events = events_of(await api_of(hubspot.cloud(), mapping).fetch(reading.lacking), mapping)
    assert [event["type"] for event in events] == ["deal.won"]


async def test_it_waits_as_long_as_hubspot_says(hubspot: FakeHubspot, api_of: Apis) -> None:
    """429 with Retry-After, and an error in between."""
    hubspot.add("contacts", "151")
    cloud, sleeps = hubspot.cloud(), Sleeps()
    cloud.is_busy("7")
    cloud.is_broken(502)
    assert len(told(await api_of(cloud, sleep=sleeps).fetch([Reference("contact", "151")]))) == 1
    assert sleeps.slept[0] == 7
    assert len(sleeps.slept) == 2


async def test_a_token_that_ends_in_the_middle_is_told_by_its_setting(hubspot: FakeHubspot, api_of: Apis) -> None:
    """A private app's token does not come anew by itself."""
    hubspot.add("contacts", "151")
    cloud = hubspot.cloud()
    pages = api_of(cloud).changed_since(SINCE)
    await anext(pages)
    cloud.ends_the_token()
    with pytest.raises(UsageError, match=r"^BATON_HUBSPOT_API_TOKEN: hubspot refuses"):
        [page async for page in pages]


async def test_with_the_api_last_contacted_says_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The activities tell the same contact; and a call is counted once."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BATON_HUBSPOT_API_TOKEN", raising=False)
    without, with_token = read_settings(), read_settings(hubspot_api_token=TOKEN)
    contacted = notification(propertyName="notes_last_contacted", propertyValue="1462216307945")
    assert [
        len(HubSpot(mapping=mapping_of("hubspot", settings)).read(contacted).events)
        for settings in (without, with_token)
    ] == [1, 0]
    api = hubspot_api(with_token)
    assert api is not None
    await api.close()
    assert hubspot_api(without) is None
