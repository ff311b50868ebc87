"""What Zoho CRM's notifications mean and how they are proved, beyond the samples."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.mapping import CrmMapping
from services.errors import BadEvent, Refused
from services.gateway.crm.zoho import Zoho
from services.gateway.mapping import read_mapping
from services.gateway.request import SHOWN, Incoming
from services.ports import Found
from services.translate import from_json, to_wire
from tests.gateway.anything import JSON, SCALARS, changed, usable
from tests.gateway.conftest import NOW, OTHER_SECRETS, Gateway

MAPPING = read_mapping("zoho")
OLD, NEW = OTHER_SECRETS["zoho"]
LEAD, OTHER, DEAL = "5725767000003000010", "5725767000003000020", "5725767000004000001"


def notification(**fields: Any) -> dict[str, Any]:
    """An update of a lead's status as Zoho tells it, with other fields where they are given."""
    return {
        "server_time": 1718115953625,
        "affected_values": [{"record_id": LEAD, "values": {"Lead_Status": "Contacted"}}],
        "query_params": {},
        "module": "Leads",
        "resource_uri": "https://www.zohoapis.com/crm/v8/Leads",
        "ids": [LEAD],
        "affected_fields": [{LEAD: ["Lead_Status"]}],
        "operation": "update",
        "channel_id": "1000000068001",
        "token": OLD,
        **fields,
    }


def told(values: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A notification with these values."""
    return notification(affected_values=[{"record_id": LEAD, "values": values}], affected_fields=[], **fields)


def mapped(item: object, mapping: CrmMapping = MAPPING) -> list[dict[str, Any]]:
    return [to_wire(event) for event in Zoho(mapping=mapping).read(item).events]


def found(module: str, **record: Any) -> list[dict[str, Any]]:
    """What a record means that the API has."""
    zoho = Zoho(mapping=MAPPING)
    times = {"Created_Time": "2026-10-05T11:00:00+02:00", "Modified_Time": "2026-10-05T12:00:00+02:00"}
    return [to_wire(event) for event in zoho.meant(zoho.found(Found(module, {"id": "10", **times, **record}))).events]


async def posted(gateway: Gateway, document: object, target: str = "/hooks/zoho") -> int:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    async with gateway.client() as client:
        answer = await client.post(target, content=body, headers={"content-type": "application/json"})
    return answer.status_code


@pytest.mark.parametrize("token", [OLD, NEW])
async def test_the_token_of_the_channel_proves_a_notification(gateway: Gateway, token: str) -> None:
    """Both while one replaces the other."""
    assert await posted(gateway, notification(token=token)) == 202


@pytest.mark.parametrize("secret", [OLD, NEW])
async def test_the_end_of_the_address_proves_it_too(gateway: Gateway, secret: str) -> None:
    """For a channel that was made by hand; then the body needs no token, and a wrong one does not matter."""
    assert await posted(gateway, notification(token=None), f"/hooks/zoho/{secret}") == 202
    assert await posted(gateway, b"no JSON", f"/hooks/zoho/{secret}") == 422


@pytest.mark.parametrize("token", [None, "", "wrong", OLD + " ", OLD.upper(), 5, [OLD], {"token": OLD}, True])
async def test_any_other_token_is_refused(gateway: Gateway, token: object) -> None:
    """401, and nothing of it is read."""
    assert await posted(gateway, notification(token=token)) == 401
    assert gateway.log.appended == []


@pytest.mark.parametrize("kind", ["application/json;charset=UTF-8", "text/plain", "application/x-www-form-urlencoded"])
async def test_whatever_zoho_calls_its_json_it_is_read(gateway: Gateway, kind: str) -> None:
    """What is refused with 415 would be lost; its documentation says nothing of it."""
    async with gateway.client() as client:
        body = json.dumps(notification()).encode()
        answer = await client.post("/hooks/zoho", content=body, headers={"content-type": kind})
    assert answer.json()["events"] == 1


async def test_a_wrong_end_of_the_address_is_refused(gateway: Gateway) -> None:
    """It counts before the token."""
    assert await posted(gateway, notification(), "/hooks/zoho/wrong") == 401


async def test_a_token_within_the_values_proves_nothing(gateway: Gateway) -> None:
    """Only that of the notification itself does."""
    document = {"affected_values": [{"record_id": LEAD, "values": {"token": OLD}}], **notification(token="wrong")}
    assert await posted(gateway, document) == 401


async def test_what_is_refused_is_kept_without_its_token(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token may be a secret that Baton does not have yet: its digest is kept, and verified again."""
    late = "a token that is set too late"
    assert await posted(gateway, notification(token=late)) == 401
    (held,) = gateway.quarantine.held()
    assert late.encode() not in held.body
    assert late not in repr(held)
    assert SHOWN in held.headers
    monkeypatch.setitem(OTHER_SECRETS, "zoho", (late,))
    again = await gateway.door().verify_again()
    assert (again.verified, again.counts.events) == (1, 1)
    assert gateway.quarantine.held() == []


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(notification(token='sesame \\ " é')).encode(),
        b'{"token" :\n "sesame", "module": ',
        b'{"module": "Leads", "token": "sesame',
        b'{"module": "Leads", "token": "sesame\\',
    ],
)
async def test_a_body_that_cannot_be_read_is_kept_without_what_looks_like_a_token(
    gateway: Gateway, body: bytes
) -> None:
    """However it is written, or cut."""
    assert await posted(gateway, body) == 401
    assert b"sesame" not in gateway.quarantine.held()[0].body


@pytest.mark.parametrize(
    "bad", [notification(module=None), notification(ids=[str(n) for n in range(1001)])], ids=["part", "whole"]
)
async def test_no_dead_letter_has_the_token(gateway: Gateway, bad: dict[str, Any]) -> None:
    """They can be read by whoever looks into them."""
    await posted(gateway, bad)
    (letter,) = gateway.log.letters
    assert OLD.encode() not in letter.body


async def test_a_bad_record_costs_no_other(gateway: Gateway) -> None:
    """Each of a notification is a part of its own, and a dead letter is about that one alone."""
    ids = [str(number) for number in range(1, 100)]
    values = [{"record_id": each, "values": {"Lead_Status": "Contacted"}} for each in ids]
    values[49]["values"] = {"Lead_Status": "Contacted", "Score": "high"}
    body = json.dumps(notification(ids=ids, affected_values=values, affected_fields=[])).encode()
    answer = await gateway.send("zoho", body)
    assert answer.json() == {"events": 98, "ignored": 0, "dead_letters": 1}
    (letter,) = gateway.log.letters
    assert json.loads(letter.body)["ids"] == ["50"]
    assert json.loads(letter.body)["affected_values"] == [values[49]]


def test_a_number_as_id_is_the_same_record() -> None:
    """Zoho writes ids as texts; some of its services write them as numbers."""
    one = notification(ids=[7], affected_values=[{"record_id": "7", "values": {"Lead_Status": "Contacted"}}])
    other = notification(ids=["7"], affected_values=[{"record_id": 7, "values": {"Lead_Status": "Contacted"}}])
    assert mapped(one) == mapped(other)
    (event,) = mapped(one)
    assert event["subject"] == "zoho:lead:7"


def test_two_channels_that_tell_the_same_count_once() -> None:
    """The channel is no part of an event's id, nor of a dead letter's."""
    assert mapped(notification(channel_id="2")) == mapped(notification())
    zoho = Zoho(mapping=MAPPING)
    assert zoho.identity(notification(channel_id="2")) == zoho.identity(notification())


def test_the_time_of_the_record_counts_before_the_time_of_the_notification() -> None:
    """Where the values tell it."""
    (event,) = mapped(told({"Lead_Status": "Contacted", "Modified_Time": "2026-10-05T09:40:00+02:00"}))
    assert event["time"] == "2026-10-05T07:40:00Z"
    (event,) = mapped(told({"Lead_Status": "Contacted", "Modified_Time": None}))
    assert event["time"] == "2024-06-11T14:25:53.625000Z"


def test_a_first_owner_is_known_and_not_assigned() -> None:
    """Whoever inserts a lead is its owner; that is nobody's assignment."""
    owner = {"Owner": {"name": "Pat", "id": "7"}}
    assert [event["type"] for event in mapped(told(owner, operation="insert"))] == ["lead.captured", "lead.updated"]
    assert [event["type"] for event in mapped(told(owner))] == ["lead.assigned"]


def test_a_field_of_the_deal_names_its_lead() -> None:
    """Which field it is, is data of the mapping."""
    mapping = CrmMapping.model_validate(
        {
            "mapping": 1,
            "leads": {"Leads": {"with_deal": "deal.opened"}},
            "deals": {"Deals": {"lead": "Origin", "created": "deal.opened"}},
        }
    )
    lookup = {"Origin": {"name": "Pat Boyle", "id": LEAD}}
    (event,) = mapped(told(lookup, module="Deals", operation="insert"), mapping)
    assert event["subject"] == f"zoho:lead:{LEAD}"
    (event,) = mapped(told({"Origin": LEAD}, module="Deals"), mapping)
    assert (event["subject"], event["data"]) == (f"zoho:lead:{LEAD}", {"deal": f"zoho:deal:{LEAD}"})


def test_contacts_may_be_leads() -> None:
    """Of a company that has no use for Leads; then calls with contacts are touches."""
    mapping = CrmMapping.model_validate(
        {
            "mapping": 1,
            "leads": {"Contacts": {"created": "lead.captured"}},
            "activities": {"Calls": {"touches": [{"kind": "call", "direction": "outbound", "connected": True}]}},
        }
    )
    (event,) = mapped(told({"Last_Name": "Boyle"}, module="Contacts", operation="insert"), mapping)
    assert event["subject"] == f"zoho:contact:{LEAD}"
    call = told({"Who_Id": {"id": OTHER}, "What_Id": None, "$se_module": "Deals"}, module="Calls", operation="insert")
    assert mapped(call, mapping)[0]["subject"] == f"zoho:contact:{OTHER}"


def test_a_record_of_the_api_tells_its_creation_and_its_state() -> None:
    """The creation with the id that a notification gives, so that it counts once."""
    events = found("Leads", Lead_Status="Contacted", Lead_Source="webinar", Owner={"id": "7", "name": "Pat"})
    assert [(event["type"], event["time"]) for event in events] == [
        ("lead.captured", "2026-10-05T09:00:00Z"),
        ("lead.updated", "2026-10-05T10:00:00Z"),
        ("lead.accepted", "2026-10-05T10:00:00Z"),
        ("lead.assigned", "2026-10-05T10:00:00Z"),
    ]
    (created,) = mapped(notification(ids=["10"], affected_values=None, operation="insert"))
    assert created["id"] == events[0]["id"]


def test_what_the_history_tells_is_not_told_again_by_the_state() -> None:
    """The client names those fields; the rest of the record counts."""
    record = {"Lead_Status": "Contacted", "Lead_Source": "webinar", "$told_apart": ["Lead_Status"]}
    assert [event["type"] for event in found("Leads", **record)] == ["lead.captured", "lead.updated"]


def test_a_change_of_the_history_is_that_of_its_fields_alone() -> None:
    """As of its own time; the rest of the record is as it is now, for rules that ask for it."""
    record = {"Lead_Status": "Not Qualified", "Lead_Source": "webinar", "$history": ["Lead_Status"]}
    (event,) = found("Leads", **record)
    assert (event["type"], event["time"]) == ("lead.rejected", "2026-10-05T10:00:00Z")
    assert found("Leads", **record, Baton_Rejection_Reason="Wrong fit") == []


def test_a_converted_lead_of_the_api_is_joined_to_its_deal() -> None:
    """As of the conversion."""
    record = {"Converted__s": True, "Converted_Deal": {"id": DEAL}, "Converted_Date_Time": "2026-10-05T11:30:00+02:00"}
    *_, joined = found("Leads", **record)
    assert (joined["type"], joined["time"]) == ("deal.opened", "2026-10-05T09:30:00Z")
    assert joined["data"] == {"deal": f"zoho:deal:{DEAL}"}


def test_an_activity_of_the_api_is_a_touch_of_its_lead() -> None:
    """Under the id that a notification gives."""
    call = {"Call_Type": "Inbound", "What_Id": {"id": LEAD}, "$se_module": "Leads"}
    (event,) = found("Calls", **call)
    assert (event["subject"], event["id"]) == (f"zoho:lead:{LEAD}", "Calls:10:touch:connected")
    assert found("Calls", **{**call, "$se_module": "Deals"}) == []


def test_modules_that_are_not_mapped_are_not_found() -> None:
    """Whatever the client reads."""
    assert found("Vendors") == []


def test_what_the_api_found_in_the_form_of_a_notification_is_read_as_one() -> None:
    """A change with its own time."""
    zoho = Zoho(mapping=MAPPING)
    taken = zoho.meant(zoho.found(Found("", notification())))
    assert [to_wire(event) for event in taken.events] == mapped(notification())


@pytest.mark.parametrize("window", [0, 10**12])
def test_nothing_says_when_a_notification_was_sent(window: int) -> None:
    """The time in it is when something happened, which may be long ago."""
    request = Incoming("POST", "/hooks/zoho", {}, json.dumps(notification()).encode(), NOW)
    Zoho(mapping=MAPPING, secrets=[OLD]).verify(request, NOW, window)
    with pytest.raises(Refused):
        Zoho(mapping=MAPPING, secrets=["x"]).verify(request, NOW, window)


VALUES = st.dictionaries(
    st.sampled_from(
        [
            *MAPPING.leads["Leads"].fields(),
            *MAPPING.deals["Deals"].fields(),
            *(name for one in MAPPING.activities.values() for name in one.fields()),
            *("$converted", "$converted_detail", "Converted_Deal", "Converted_Date_Time", "Call_Duration"),
            *("Who_Id", "What_Id", "$se_module", "Created_Time", "Modified_Time", "Phone"),
        ]
    ),
    SCALARS
    | st.sampled_from(["Leads", "Closed Won", "Outbound", "00:10", LEAD])
    | st.builds(lambda number: {"id": number}, SCALARS)
    | JSON,
    max_size=6,
)
NOTIFICATIONS = JSON | changed(
    notification(),
    [*notification()],
    {
        "module": st.sampled_from(["Leads", "Deals", "Calls", "Events", "Meetings", "Tasks", "Contacts", "x"]),
        "operation": st.sampled_from(["insert", "update", "delete", "create", "edit", "x"]),
        "ids": st.lists(st.sampled_from([LEAD, OTHER, 7]) | SCALARS, max_size=3),
        "affected_values": st.none()
        | st.lists(
            st.fixed_dictionaries({"record_id": st.sampled_from([LEAD, OTHER, 7]), "values": VALUES}), max_size=3
        ),
        "affected_fields": st.lists(st.dictionaries(st.sampled_from([LEAD, OTHER]), JSON)) | JSON,
    },
)


@given(NOTIFICATIONS)
@settings(max_examples=1_000, deadline=None)
def test_any_notification_gives_valid_events_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    zoho = Zoho(mapping=MAPPING)
    for event, record in usable(lambda: zoho.read(item).events):
        assert from_json(record.value) == event


@given(VALUES, st.sampled_from(["Leads", "Deals", "Calls", "Events", "Tasks", "Contacts"]))
@settings(max_examples=500, deadline=None)
def test_any_record_of_the_api_gives_valid_events_or_says_why_not(record: dict[str, Any], module: str) -> None:
    """The API is trusted no more than a notification."""
    zoho = Zoho(mapping=MAPPING)
    whole = {"id": LEAD, "Created_Time": "2026-10-05T11:00:00Z", "Modified_Time": "2026-10-05T11:00:00Z", **record}
    for event, written in usable(lambda: zoho.meant(zoho.found(Found(module, whole))).events):
        assert from_json(written.value) == event


@pytest.mark.parametrize("item", [None, 1, "Leads", [], True])
def test_an_item_that_is_no_object_is_told(item: object) -> None:
    """A notification is an object."""
    with pytest.raises(BadEvent, match="object"):
        mapped(item)
