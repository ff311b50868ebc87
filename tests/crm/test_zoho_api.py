"""The client of Zoho CRM's API, against a fake of it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemas.mapping import CrmMapping
from services.adapters.crm.zoho import ZohoApi, sign_in
from services.domain.instants import parse_instant
from services.errors import BadEvent, Unavailable, UsageError
from services.gateway.crm.zoho import Zoho
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.translate import to_wire
from tests.crm.fakes import Sleeps
from tests.crm.zoho_fake import NOW, REFUSED, ZohoFake, change, record

MAPPING = read_mapping("zoho")
SINCE = parse_instant("2026-10-05T10:00:00Z")


@pytest.fixture
def zoho() -> ZohoFake:
    return ZohoFake(NOW)


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
async def api(zoho: ZohoFake, sleeps: Sleeps) -> AsyncIterator[ZohoApi]:
    transport = zoho.cloud.transport
    token = sign_in("https://zoho.test", client_id="baton", client_secret="s", refresh_token="r", transport=transport)
    client = ZohoApi(url="https://zoho.test", authorization=token, mapping=MAPPING, transport=transport, sleep=sleeps)
    yield client
    await client.close()


async def changed(api: ZohoApi) -> list[Found]:
    return [found async for page in api.changed_since(SINCE) for found in page]


def told(found: list[Found]) -> list[tuple[str, str]]:
    """Type and time of the events that they mean, each once, without what says that a field is empty."""
    sender = Zoho(mapping=MAPPING)
    events = [to_wire(event) for each in found for event in sender.meant(sender.found(each)).events]
    said = [event for event in events if "=:" not in event["id"] and event["type"] != "lead.updated"]
    return list(dict.fromkeys((event["type"], event["time"]) for event in said))


async def test_it_signs_in_with_the_refresh_token(zoho: ZohoFake, api: ZohoApi) -> None:
    """Once, for all that it asks."""
    await changed(api)
    assert zoho.cloud.forms == [
        {"grant_type": "refresh_token", "client_id": "baton", "client_secret": "s", "refresh_token": "r"}
    ]


async def test_what_changed_is_asked_of_every_module_that_means_something(zoho: ZohoFake, api: ZohoApi) -> None:
    """Deletions of leads and deals too; where there is nothing, Zoho says 204 or 304."""
    assert await changed(api) == []
    assert [call.partition("?")[0] for call in zoho.cloud.calls] == [
        "GET /crm/v8/Leads/deleted",
        "GET /crm/v8/Deals/deleted",
        "GET /crm/v8/Leads",
        "GET /crm/v8/Deals",
        "GET /crm/v8/Calls",
        "GET /crm/v8/Events",
        "GET /crm/v8/Tasks",
    ]


async def test_records_that_changed_come_page_by_page(zoho: ZohoFake, api: ZohoApi) -> None:
    """By page tokens; those that did not change since then are left out."""
    zoho.page = 2
    times = [f"2026-10-05T1{hour}:00:00+00:00" for hour in (0, 1, 1, 2, 2)]
    zoho.records["Calls"] = [record(str(number), at) for number, at in enumerate(times)]
    zoho.records["Calls"].append(record("9", "2026-10-05T09:30:00+00:00"))
    pages = [[each.content["id"] for each in page] async for page in api.changed_since(SINCE)]
    assert [page for page in pages if page] == [["0", "1"], ["2", "3"], ["4"]]


async def test_the_fields_that_the_mapping_asks_for_are_named(zoho: ZohoFake, api: ZohoApi) -> None:
    """Zoho gives no others; of a lookup its own name."""
    zoho.records["Leads"] = [record("1", "2026-10-05T11:00:00+00:00", Owner={"id": "7"}, Phone="1", Lead_Status="x")]
    (found,) = await api.fetch([Reference("Leads", "1")])
    assert found.content["Owner"] == {"id": "7"}
    assert {"Lead_Status", "Lead_Source", "Baton_Rejection_Reason", "Converted_Deal"} <= found.content.keys()
    assert not {"Phone", "$operation"} & found.content.keys()


async def test_fields_that_zoho_does_not_have_are_left_out(zoho: ZohoFake, api: ZohoApi) -> None:
    """A company need not add those of Baton's own. Which there are is asked once."""
    zoho.unknown = frozenset({"Baton_Rejection_Reason", "Baton_Pause_Reason", "Baton_Lead"})
    zoho.records["Leads"] = [record("1", "2026-10-05T11:00:00+00:00", Lead_Status="Contacted")]
    for _ in range(2):
        (found,) = await api.fetch([Reference("Leads", "1")])
        assert found.content["Lead_Status"] == "Contacted"
    assert len([call for call in zoho.cloud.calls if "settings/fields" in call]) == 1


async def test_a_request_that_stays_wrong_is_told(zoho: ZohoFake, api: ZohoApi) -> None:
    """What is wrong with it are not its fields then."""
    zoho.unknown = frozenset({"$se_module"})
    with pytest.raises(BadEvent, match="400 INVALID_DATA"):
        await api.fetch([Reference("Calls", "1")])


async def test_a_record_without_a_history_counts_as_it_is(zoho: ZohoFake, api: ZohoApi) -> None:
    """Where Zoho refuses to tell it."""
    zoho.records["Leads"] = [record("1", "2026-10-05T11:50:00+00:00", Lead_Status="Contacted")]
    zoho.timelines["1"] = REFUSED
    assert ("lead.accepted", "2026-10-05T11:50:00Z") in told(await changed(api))


async def test_a_change_has_the_time_of_the_history(zoho: ZohoFake, api: ZohoApi) -> None:
    """Not that of a later one, which is all that the record says."""
    zoho.records["Leads"] = [record("1", "2026-10-05T11:50:00+00:00", Lead_Status="Contacted", Owner={"id": "7"})]
    zoho.timelines["1"] = [
        change("2026-10-05T11:50:00+00:00", "Owner", "Pat Boyle"),
        change("2026-10-05T11:10:00+00:00", "Lead_Status", "Contacted", Phone="1"),
        change("2026-10-05T13:00:00+02:00", "Lead_Status", "Pre-Qualified"),
        change("2026-10-05T09:00:00+00:00", "Lead_Status", "Not Contacted"),
    ]
    assert told(await changed(api)) == [
        ("lead.handed_off", "2026-10-05T11:00:00Z"),
        ("lead.accepted", "2026-10-05T11:10:00Z"),
        ("lead.captured", "2026-10-05T09:00:00Z"),
        ("lead.assigned", "2026-10-05T11:50:00Z"),
    ]


async def test_a_history_that_does_not_fit_the_record_is_not_believed(zoho: ZohoFake, api: ZohoApi) -> None:
    """It may write values otherwise: then the record alone counts."""
    zoho.records["Deals"] = [record("1", "2026-10-05T11:50:00+00:00", Stage="Closed Won")]
    zoho.timelines["1"] = [change("2026-10-05T11:10:00+00:00", "Stage", "Gewonnen")]
    assert ("deal.won", "2026-10-05T11:50:00Z") in told(await changed(api))


async def test_a_history_of_several_pages_is_read_as_far_as_it_matters(zoho: ZohoFake, api: ZohoApi) -> None:
    """The newest come first, so that a page of which all are older is the last."""
    zoho.page = 1
    zoho.records["Leads"] = [record("1", "2026-10-05T11:50:00+00:00", Lead_Status="Contacted")]
    zoho.timelines["1"] = [
        change("2026-10-05T11:50:00+00:00", "Lead_Status", "Contacted"),
        change("2026-10-05T11:10:00+00:00", "Lead_Status", "Pre-Qualified"),
        change("2026-10-05T08:00:00+00:00", "Lead_Status", "Not Contacted"),
        change("2026-10-05T07:00:00+00:00", "Lead_Status", "Attempted to Contact"),
    ]
    assert ("lead.handed_off", "2026-10-05T11:10:00Z") in told(await changed(api))
    assert len([call for call in zoho.cloud.calls if "__timeline" in call]) == 3


@pytest.mark.parametrize(
    "entry",
    [None, 5, {}, {"audited_time": "then", "field_history": []}, {"field_history": "x", "audited_time": "2026-10-05"},
     {"audited_time": "2026-10-05T11:00:00Z", "field_history": [None, {}, {"api_name": 5, "_value": {"new": 1}}]},
     {"audited_time": "2026-10-05T11:00:00Z", "field_history": [{"api_name": "Lead_Status", "_value": "x"}]},
     {"audited_time": "2026-10-05T11:00:00Z", "field_history": [{"api_name": "Lead_Status", "_value": {"new": []}}]}],
)  # fmt: skip
async def test_an_entry_of_the_history_that_cannot_be_read_costs_nothing(
    zoho: ZohoFake, api: ZohoApi, entry: Any
) -> None:
    """The record itself tells the rest."""
    zoho.records["Leads"] = [record("1", "2026-10-05T11:50:00+00:00", Lead_Status="Contacted")]
    zoho.timelines["1"] = [entry]
    assert ("lead.accepted", "2026-10-05T11:50:00Z") in told(await changed(api))


async def test_a_record_that_never_changed_has_no_history_to_be_asked(zoho: ZohoFake, api: ZohoApi) -> None:
    """It saves a call for each new lead."""
    made = {"Created_Time": "2026-10-05T11:00:00+00:00"}
    zoho.records["Leads"] = [record("1", "2026-10-05T11:00:00+00:00", Lead_Source="webinar") | made]
    assert told(await changed(api)) == [("lead.captured", "2026-10-05T11:00:00Z")]
    assert not [call for call in zoho.cloud.calls if "__timeline" in call]


async def test_deletions_are_told_as_of_their_time(zoho: ZohoFake, api: ZohoApi) -> None:
    """Over several pages."""
    zoho.page = 1
    zoho.deleted["Leads"] = [
        {"id": "1", "type": "recycle", "deleted_time": "2026-10-05T11:00:00+00:00"},
        {"id": "2", "type": "permanent", "deleted_time": "2026-10-05T11:30:00+00:00"},
        {"id": "3", "type": "recycle", "deleted_time": "2026-10-05T09:30:00+00:00"},
    ]
    assert told(await changed(api)) == [
        ("lead.withdrawn", "2026-10-05T11:00:00Z"),
        ("lead.withdrawn", "2026-10-05T11:30:00Z"),
    ]


async def test_a_converted_lead_is_not_deleted(zoho: ZohoFake, api: ZohoApi) -> None:
    """Whatever the list of deletions says; it is joined to its deal."""
    zoho.deleted["Leads"] = [{"id": "1", "type": "recycle", "deleted_time": "2026-10-05T11:00:00+00:00"}]
    zoho.records["Leads"] = [
        record(
            "1",
            "2026-10-05T11:00:00+00:00",
            Converted__s=True,
            Converted_Deal={"id": "4", "name": "Zylker"},
            Converted_Date_Time="2026-10-05T11:00:00+00:00",
        )
    ]
    types = [kind for kind, _ in told(await changed(api))]
    assert types == ["lead.captured", "lead.accepted", "lead.qualified", "deal.opened"]


async def test_records_are_fetched_by_their_ids(zoho: ZohoFake, api: ZohoApi) -> None:
    """A hundred at a time, each once; those that are gone, and those that mean nothing, are left out."""
    zoho.records["Leads"] = [record(str(number), "2026-10-05T11:00:00+00:00") for number in range(150)]
    zoho.records["Deals"] = [record("7", "2026-10-05T11:00:00+00:00")]
    wanted = [Reference("Leads", str(number)) for number in (*range(150), 3, 999)]
    found = await api.fetch([*wanted, Reference("Deals", "7"), Reference("Vendors", "1")])
    assert len(found) == 151
    assert [each.object for each in found].count("Leads") == 150
    assert found[-1] == Found("Deals", found[-1].content)


async def test_a_converted_lead_is_fetched_too(zoho: ZohoFake, api: ZohoApi) -> None:
    """Zoho gives it only to those who ask for converted ones."""
    zoho.records["Leads"] = [record("1", "2026-10-05T11:00:00+00:00", Converted__s=True)]
    (found,) = await api.fetch([Reference("Leads", "1")])
    assert found.content["Converted__s"] is True


async def test_it_waits_when_zoho_is_busy(zoho: ZohoFake, api: ZohoApi, sleeps: Sleeps) -> None:
    """As long as it is asked to."""
    zoho.records["Deals"] = [record("7", "2026-10-05T11:00:00+00:00")]
    await api.fetch([])
    zoho.cloud.is_busy("7")
    assert len(await api.fetch([Reference("Deals", "7")])) == 1
    assert sleeps.slept == [7.0]


async def test_it_gives_up_when_zoho_stays_busy(zoho: ZohoFake, api: ZohoApi) -> None:
    """The day's credits are used up: later, then."""
    for _ in range(20):
        zoho.cloud.is_busy("")
    with pytest.raises(Unavailable, match="429"):
        await api.fetch([Reference("Deals", "7")])


async def test_a_token_that_ends_in_the_middle_is_replaced(zoho: ZohoFake, api: ZohoApi) -> None:
    """And what was asked is asked again."""
    zoho.records["Deals"] = [record("7", "2026-10-05T11:00:00+00:00")]
    await api.fetch([Reference("Deals", "7")])
    zoho.cloud.ends_the_token()
    assert len(await api.fetch([Reference("Deals", "7")])) == 1
    assert len(zoho.cloud.forms) == 2


async def test_a_mapping_that_asks_for_too_many_fields_is_refused_at_the_start() -> None:
    """Zoho gives fifty of a record at most."""
    many = {f"Field{number}": f"field{number}" for number in range(60)}
    mapping = CrmMapping.model_validate({"mapping": 1, "leads": {"Leads": {"attributes": many}}})
    token = sign_in("https://zoho.test", client_id="a", client_secret="b", refresh_token="c")
    with pytest.raises(UsageError, match="BATON_ZOHO_MAPPING: Leads asks for 66 fields; Zoho gives 50 at most"):
        ZohoApi(url="https://zoho.test", authorization=token, mapping=mapping)
