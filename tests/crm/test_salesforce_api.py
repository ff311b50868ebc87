"""Salesforce's API against a fake organization: what is asked, what comes of it, and what may go wrong."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from starlette.responses import JSONResponse

from services.adapters.crm.salesforce import SalesforceApi
from services.adapters.wall_clock import SystemClock
from services.domain.instants import parse_instant
from services.errors import Unavailable, UsageError
from services.gateway.crm.salesforce import Salesforce
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.settings import read_settings
from services.translate import to_wire
from services.wiring.apis import salesforce_api
from tests.crm.fakes import FakeCloud, Sleeps
from tests.crm.salesforce_fake import FakeSalesforce, Row

MAPPING = read_mapping("salesforce")
SINCE = parse_instant("2026-11-23T00:00:00Z")
LEAD, OTHER, GONE = "00Q5f000005bwLFEAY", "00Q5f000005bwLGEAY", "00Q5f000005bwLHEAY"
OPPORTUNITY = "0065f00000UloqVAAR"
CONTACT = "0035f00002EztxDAAR"
OWNER = "0055f000005mc66AAA"


def at(time: str) -> str:
    """A time of 2026-11-23, as Salesforce writes it."""
    return f"2026-11-23T{time}.000+0000"


def lead(number: str = LEAD, **fields: Any) -> Row:
    """A row of a lead."""
    return {
        "Id": number,
        "IsDeleted": False,
        "MasterRecordId": None,
        "Status": "Qualified",
        "LeadSource": "Web",
        "OwnerId": OWNER,
        "IsConverted": False,
        "ConvertedContactId": None,
        "ConvertedOpportunityId": None,
        "ConvertedOpportunity": {},
        "CreatedDate": at("08:00:00"),
        "LastModifiedDate": at("09:30:00"),
        "SystemModstamp": at("09:30:00"),
        **fields,
    }


def opportunity(**fields: Any) -> Row:
    """A row of an opportunity that is won."""
    return {
        "Id": OPPORTUNITY,
        "IsDeleted": False,
        "StageName": "Signed",
        "IsClosed": True,
        "IsWon": True,
        "Amount": 1200.0,
        "LastStageChangeDate": at("11:00:00"),
        "CreatedDate": at("10:00:00"),
        "LastModifiedDate": at("11:30:00"),
        "SystemModstamp": at("11:30:00"),
        **fields,
    }


def activity(number: str, who: str | None, **fields: Any) -> Row:
    """A row of a task or an event."""
    return {
        "Id": number,
        "IsDeleted": False,
        "WhoId": who,
        "CreatedDate": at("09:00:00"),
        "LastModifiedDate": at("09:00:00"),
        "SystemModstamp": at("09:00:00"),
        **fields,
    }


def call(number: str, who: str | None) -> Row:
    """A row of a call that was made."""
    return activity(number, who, TaskSubtype="Call", IsClosed=True, CompletedDateTime=at("09:00:00"))


def changed(number: str, field: str, value: Any, time: str) -> Row:
    """A row of a lead's history."""
    return {"Id": f"017{len(value or '')}", "LeadId": number, "Field": field, "NewValue": value, "CreatedDate": time}


def tables(**more: Sequence[Row]) -> dict[str, Sequence[Row]]:
    """The tables of an organization, of which nothing is tracked; with others where they are given."""
    return {"Lead": [lead()], "OpportunityStage": STAGES, **more}


STAGES = [
    {"ApiName": "Prospecting", "MasterLabel": "Prospecting", "IsClosed": False, "IsWon": False},
    {"ApiName": "Signed", "MasterLabel": "Signed", "IsClosed": True, "IsWon": True},
    {"ApiName": "Dropped", "MasterLabel": "Dropped", "IsClosed": True, "IsWon": False},
]


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


Clients = Callable[[FakeSalesforce], tuple[SalesforceApi, FakeCloud]]


@pytest.fixture
async def client_of(sleeps: Sleeps) -> AsyncIterator[Clients]:
    """Makes clients of fake organizations."""
    made: list[SalesforceApi] = []

    def client(fake: FakeSalesforce) -> tuple[SalesforceApi, FakeCloud]:
        cloud = FakeCloud(fake.routes, base_url="https://company.my.salesforce.com")
        cloud.token_path = "/services/oauth2/token"
        made.append(
            SalesforceApi(
                base_url=cloud.base_url,
                client_id="3MVG9",
                client_secret="s3cr3t",
                mapping=MAPPING,
                clock=SystemClock(),
                transport=cloud.transport,
                sleep=sleeps,
            )
        )
        return made[-1], cloud

    yield client
    for each in made:
        await each.close()


async def all_of(api: SalesforceApi) -> list[Found]:
    """Everything that changed."""
    return [found async for page in api.changed_since(SINCE) for found in page]


def told(found: Sequence[Found]) -> list[tuple[str, str, str]]:
    """Type, time and id of the events that it comes to."""
    sender = Salesforce(mapping=MAPPING)
    events = [to_wire(event) for each in found for event in sender.meant(sender.found(each)).events]
    return [(event["type"], event["time"], event["id"].partition(":")[2]) for event in events]


async def test_it_signs_in_with_client_credentials(client_of: Clients) -> None:
    """At the organization's own domain."""
    api, cloud = client_of(FakeSalesforce(tables()))
    await all_of(api)
    assert cloud.forms == [{"grant_type": "client_credentials", "client_id": "3MVG9", "client_secret": "s3cr3t"}]


async def test_a_record_is_told_as_created_and_as_it_is(client_of: Clients) -> None:
    """Where nothing is tracked there is nothing else to tell."""
    api, _ = client_of(FakeSalesforce(tables()))
    assert told(await all_of(api)) == [
        ("lead.captured", "2026-11-23T08:00:00Z", f"{LEAD}:created"),
        ("lead.updated", "2026-11-23T09:30:00Z", f"{LEAD}:attributes:source=Web:2026-11-23T09:30:00Z"),
        ("lead.assigned", "2026-11-23T09:30:00Z", f"{LEAD}:OwnerId={OWNER}:2026-11-23T09:30:00Z"),
        ("lead.handed_off", "2026-11-23T09:30:00Z", f"{LEAD}:Status=Qualified:2026-11-23T09:30:00Z"),
    ]


async def test_what_did_not_change_since_then_is_not_read(client_of: Clients) -> None:
    """Records are found by SystemModstamp."""
    old = lead(OTHER, SystemModstamp="2026-11-22T23:59:59.000+0000")
    api, _ = client_of(FakeSalesforce(tables(Lead=[old])))
    assert await all_of(api) == []


async def test_tracked_fields_are_told_at_the_times_of_their_changes(client_of: Clients) -> None:
    """Before what the record is, and what was saved together as one change."""
    history = [
        changed(LEAD, "created", None, at("08:00:00")),
        changed(LEAD, "Status", "Qualified", at("08:10:00")),
        changed(LEAD, "Owner", "Brenda Mcclure", at("08:12:00")),
        changed(LEAD, "Owner", OWNER, at("08:12:00")),
        changed(LEAD, "Status", "Closed - Not Converted", at("08:20:00")),
        changed(LEAD, "Rejection_Reason__c", "Wrong fit", at("08:20:00")),
        changed(LEAD, "Status", "Qualified", "2026-11-22T08:10:00.000+0000"),
    ]
    rows = [lead(Rejection_Reason__c="Wrong fit", Status="Closed - Not Converted")]
    api, _ = client_of(FakeSalesforce(tables(Lead=rows, LeadHistory=history)))
    *changes, state = await all_of(api)
    assert state.object == "Lead"
    assert told(changes) == [
        ("lead.handed_off", "2026-11-23T08:10:00Z", f"{LEAD}:Status=Qualified:2026-11-23T08:10:00Z"),
        ("lead.assigned", "2026-11-23T08:12:00Z", f"{LEAD}:OwnerId={OWNER}:2026-11-23T08:12:00Z"),
        ("lead.rejected", "2026-11-23T08:20:00Z", f"{LEAD}:Rejection_Reason__c=Wrong fit:2026-11-23T08:20:00Z"),
    ]


async def test_a_field_that_changes_twice_in_a_second_is_told_twice(client_of: Clients) -> None:
    """As flows do it, one after the other."""
    statuses = ("Qualified", "Working - Contacted")
    history = [{**changed(LEAD, "Status", each, at("08:10:00")), "Id": f"017{n}"} for n, each in enumerate(statuses)]
    api, _ = client_of(FakeSalesforce(tables(LeadHistory=history)))
    changes = [found for found in await all_of(api) if not found.object]
    assert [kind for kind, _, _ in told(changes)] == ["lead.handed_off", "lead.accepted"]


async def test_stages_are_told_at_the_times_of_their_changes(client_of: Clients) -> None:
    """Salesforce keeps them for every company; a change of something else tells no stage again."""
    history: list[Row] = [
        {"Id": "1", "StageName": "Prospecting", "Amount": None, "CreatedDate": "2026-11-20T10:00:00.000+0000"},
        {"Id": "2", "StageName": "Prospecting", "Amount": 1200.0, "CreatedDate": at("10:30:00")},
        {"Id": "3", "StageName": "Signed", "Amount": 1200.0, "CreatedDate": at("11:00:00")},
        {"Id": "4", "StageName": "Signed", "Amount": 1300.0, "CreatedDate": at("11:30:00")},
    ]
    history = [{**row, "OpportunityId": OPPORTUNITY} for row in history]
    api, _ = client_of(FakeSalesforce(tables(Opportunity=[opportunity()], OpportunityHistory=history)))
    changes = [found for found in await all_of(api) if not found.object]
    number = OPPORTUNITY
    assert told(changes) == [
        ("deal.opened", "2026-11-23T10:30:00Z", f"{number}:Amount=1200.0:2026-11-23T10:30:00Z"),
        ("deal.moved", "2026-11-23T11:00:00Z", f"{number}:StageName=Signed:2026-11-23T11:00:00Z"),
        ("deal.won", "2026-11-23T11:00:00Z", f"{number}:IsWon=true:2026-11-23T11:00:00Z"),
        ("deal.opened", "2026-11-23T11:30:00Z", f"{number}:Amount=1300.0:2026-11-23T11:30:00Z"),
    ]


@pytest.mark.parametrize(("stage", "event"), [("Signed", "deal.won"), ("Dropped", "deal.lost")])
async def test_what_a_stage_means_salesforce_says(client_of: Clients, stage: str, event: str) -> None:
    """Whatever a company calls it; and the deal is as large as it was then."""
    history = [
        {"Id": "1", "OpportunityId": OPPORTUNITY, "StageName": stage, "Amount": 5.0, "CreatedDate": at("11:00:00")}
    ]
    api, _ = client_of(FakeSalesforce(tables(Opportunity=[opportunity()], OpportunityHistory=history)))
    found = await api.fetch([Reference("Opportunity", OPPORTUNITY)])
    assert event in [kind for kind, _, _ in told(found[:1])]


async def test_a_converted_lead_names_its_opportunity_at_the_time_it_was_made(client_of: Clients) -> None:
    """ConvertedDate has no time of day."""
    row = lead(ConvertedOpportunityId=OPPORTUNITY, ConvertedOpportunity={"CreatedDate": at("10:00:00")})
    api, _ = client_of(FakeSalesforce(tables(Lead=[row])))
    assert ("deal.opened", "2026-11-23T10:00:00Z", f"{LEAD}:with:salesforce:Opportunity:{OPPORTUNITY}") in told(
        await all_of(api)
    )


async def test_deleted_and_merged_records_are_told(client_of: Clients) -> None:
    """They are in the recycle bin, and who lost a merge says into which record it went."""
    rows = [lead(GONE, IsDeleted=True), lead(OTHER, IsDeleted=True, MasterRecordId=LEAD)]
    api, _ = client_of(FakeSalesforce(tables(Lead=rows)))
    assert told(await all_of(api)) == [
        ("lead.merged", "2026-11-23T09:30:00Z", f"{OTHER}:into:salesforce:Lead:{LEAD}"),
        ("lead.withdrawn", "2026-11-23T09:30:00Z", f"{GONE}:deleted:2026-11-23T09:30:00Z"),
    ]


async def test_activities_are_told_of_leads_and_of_contacts_that_were_leads(client_of: Clients) -> None:
    """Those of nobody, and of other contacts, are no contact with a lead."""
    rows = [lead(OTHER, ConvertedContactId=CONTACT, SystemModstamp="2026-11-01T00:00:00.000+0000")]
    calls = [
        call("00T5f00001abcDAEAY", LEAD),
        call("00T5f00001abcDBEAY", CONTACT),
        call("00T5f00001abcDCEAY", "0035f00002EztxZAAR"),
        call("00T5f00001abcDDEAY", None),
    ]
    api, _ = client_of(FakeSalesforce(tables(Lead=rows, Task=calls)))
    sender = Salesforce(mapping=MAPPING)
    events = [event for found in await all_of(api) for event in sender.meant(sender.found(found)).events]
    assert [(event.type.wire, event.lead) for event in events] == [
        ("lead.touched", f"salesforce:Lead:{LEAD}"),
        ("lead.touched", f"salesforce:Lead:{OTHER}"),
    ]


async def test_a_meeting_is_told_once_it_was_held(client_of: Clients) -> None:
    """Planned long ago and held since then it counts; one to come does not, whoever asks for it."""
    old = "2026-11-01T08:00:00.000+0000"
    times = {"LastModifiedDate": old, "SystemModstamp": old, "IsChild": False}
    held = {"ActivityDateTime": at("09:00:00"), "EndDateTime": at("10:00:00")}
    coming = {"ActivityDateTime": "2199-01-01T09:00:00.000+0000", "EndDateTime": "2199-01-01T10:00:00.000+0000"}
    meetings = [
        activity("00U5f000000wuBaEAI", LEAD, **times, **held),
        activity("00U5f000000wuBbEAI", LEAD, IsChild=False, **coming),
    ]
    api, _ = client_of(FakeSalesforce(tables(Lead=[lead(SystemModstamp=old)], Event=meetings)))
    wanted = [("lead.touched", "2026-11-23T09:00:00Z", "00U5f000000wuBaEAI:touch:connected")]
    assert told(await all_of(api)) == wanted
    assert told(await api.fetch([Reference("Event", each["Id"]) for each in meetings])) == wanted


async def test_every_page_is_read(client_of: Clients) -> None:
    """Page by page, each with the histories of its records."""
    rows = [lead(f"00Q5f0000000{number:03}") for number in range(10)]
    history = [changed(row["Id"], "Status", "Qualified", at("08:10:00")) for row in rows]
    fake = FakeSalesforce(tables(Lead=rows, LeadHistory=history), page=4)
    api, _ = client_of(fake)
    pages = [page async for page in api.changed_since(SINCE)]
    assert [len(page) for page in pages] == [8, 8, 4]
    assert [found.content["Id"] for page in pages for found in page if found.object] == [row["Id"] for row in rows]


async def test_a_token_that_ends_between_two_pages_is_fetched_anew(client_of: Clients) -> None:
    """And nothing is read twice."""
    fake = FakeSalesforce(tables(Lead=[lead(f"00Q5f0000000{number:03}") for number in range(4)]), page=2)
    api, cloud = client_of(fake)
    fake.on_page = lambda number: cloud.ends_the_token() if number == 0 else None
    found = await all_of(api)
    assert len({each.content["Id"] for each in found}) == len(found) == 4
    assert len(cloud.forms) > 1


async def test_pages_that_are_gone_are_no_end(client_of: Clients) -> None:
    """Salesforce keeps a query for two days; what is left of it must not pass for read."""
    fake = FakeSalesforce(tables(Lead=[lead(f"00Q5f0000000{number:03}") for number in range(4)]), page=2)
    api, _ = client_of(fake)
    fake.on_page = lambda _: fake.forgets_queries()
    with pytest.raises(Unavailable, match="does not answer with records"):
        await all_of(api)


async def test_what_is_too_much_now_is_asked_later(client_of: Clients, sleeps: Sleeps) -> None:
    """429 with Retry-After."""
    api, cloud = client_of(FakeSalesforce(tables()))
    cloud.is_busy("7")
    assert len(await all_of(api)) == 1
    assert sleeps.slept == [7.0]


async def test_the_calls_of_a_day_being_spent_is_no_fault_of_the_credentials(client_of: Clients) -> None:
    """Salesforce says it with 403; tomorrow there are others."""
    api, cloud = client_of(FakeSalesforce(tables()))
    cloud.troubles.append(JSONResponse([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests"}], 403))
    with pytest.raises(Unavailable, match="REQUEST_LIMIT_EXCEEDED"):
        await all_of(api)


async def test_a_user_who_may_see_no_lead_is_told_at_once(client_of: Clients) -> None:
    """Else all would seem well, and nothing ever come."""
    api, _ = client_of(FakeSalesforce({"OpportunityStage": STAGES}))
    with pytest.raises(UsageError, match="Lead"):
        await all_of(api)


async def test_fields_that_the_user_may_not_see_are_not_asked_for(client_of: Clients) -> None:
    """The rest is told all the same."""
    fake = FakeSalesforce(tables(), hidden={"Lead": ["OwnerId", "LeadSource"]})
    api, _ = client_of(fake)
    assert [kind for kind, _, _ in told(await all_of(api))] == ["lead.captured", "lead.handed_off"]


async def test_records_are_fetched_by_their_ids(client_of: Clients) -> None:
    """With the whole history; what is gone, means nothing or is no id is left out."""
    history = [changed(LEAD, "Status", "Qualified", "2020-01-01T08:10:00.000+0000")]
    fake = FakeSalesforce(tables(LeadHistory=history, Task=[call("00T5f00001abcDAEAY", LEAD)]))
    api, _ = client_of(fake)
    wanted = [("Lead", LEAD), ("Lead", GONE), ("Task", "00T5f00001abcDAEAY"), ("Account", "0015f00002JUX1JAAX")]
    found = await api.fetch([Reference(*each) for each in (*wanted, ("Lead", "x' OR Id != null"), ("Lead", ""))])
    assert [each.object for each in found] == ["", "Lead", "Task"]
    assert not any("x'" in soql for soql in fake.queries)


async def test_many_records_are_fetched_in_several_queries(client_of: Clients) -> None:
    """An address has at most 16,384 characters."""
    rows = [lead(f"00Q5f0000000{number:03}") for number in range(450)]
    fake = FakeSalesforce(tables(Lead=rows))
    api, cloud = client_of(fake)
    assert len(await api.fetch([Reference("Lead", row["Id"]) for row in rows])) == 450
    assert max(map(len, cloud.calls)) < 16_384
    assert len([soql for soql in fake.queries if "FROM Lead " in soql]) == 3


def test_without_its_settings_there_is_no_client() -> None:
    """And with some of them it is said which are missing."""
    assert salesforce_api(read_settings()) is None
    with pytest.raises(UsageError, match="BATON_SALESFORCE_CLIENT_SECRET"):
        salesforce_api(read_settings(salesforce_api_url="https://company.my.salesforce.com", salesforce_client_id="x"))


async def test_with_its_settings_there_is_one() -> None:
    """With the company's mapping."""
    api = salesforce_api(
        read_settings(
            salesforce_api_url="https://company.my.salesforce.com",
            salesforce_client_id="3MVG9",
            salesforce_client_secret="s3cr3t",
        )
    )
    assert api is not None
    assert api.crm == "salesforce"
    await api.close()
