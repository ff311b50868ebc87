"""When an activity of HubSpot's is a contact between sales and a lead, by the built-in mapping."""

from typing import Any

import pytest

from schemas.mapping import CrmMapping
from services.errors import BadEvent
from services.gateway.crm.hubspot import HubSpot
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.translate import to_wire
from tests.gateway.conftest import notification

SENDER = HubSpot(mapping=read_mapping("hubspot"))
AT = "2026-10-05T09:30:00Z"
CONNECTED = "f240bbac-87c9-4f6e-bf70-924b57d47db7"
NO_ANSWER = "73a0d17f-1163-4015-bdd5-ec830791da20"
VOICEMAIL = "b2cf5968-551e-4856-9783-52b3da59a7d0"
OWN = "11111111-2222-3333-4444-555555555555"


def record(properties: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the API says of an activity with one contact."""
    return {
        "id": "9001",
        "properties": properties,
        "createdAt": "2026-10-05T09:31:00Z",
        "updatedAt": "2026-10-05T09:32:00Z",
        "archived": False,
        "associations": {"contact": {"results": [{"id": "151"}]}},
        **fields,
    }


def touches(kind: str, properties: dict[str, Any], **fields: Any) -> list[dict[str, Any]]:
    found = Found(kind, record(properties, **fields))
    return [to_wire(event) for event in SENDER.meant(SENDER.found(found)).events]


def call(**fields: str | None) -> dict[str, Any]:
    return {"hs_timestamp": AT, "hs_call_status": "COMPLETED", "hs_call_direction": "OUTBOUND", **fields}


def email(**fields: str | None) -> dict[str, Any]:
    return {"hs_timestamp": AT, "hs_email_status": "SENT", "hs_email_direction": "EMAIL", **fields}


def meeting(outcome: str | None) -> dict[str, Any]:
    return {"hs_meeting_start_time": AT, "hs_timestamp": "2026-10-01T00:00:00Z", "hs_meeting_outcome": outcome}


def task(kind: str, status: str = "COMPLETED") -> dict[str, Any]:
    due = "2026-12-24T00:00:00Z"
    return {"hs_task_type": kind, "hs_task_status": status, "hs_task_completion_date": AT, "hs_timestamp": due}


@pytest.mark.parametrize(
    ("kind", "properties", "what", "direction", "connected"),
    [
        ("call", call(), "call", "outbound", True),
        ("call", call(hs_call_disposition=CONNECTED), "call", "outbound", True),
        ("call", call(hs_call_disposition=OWN), "call", "outbound", True),
        ("call", call(hs_call_disposition=""), "call", "outbound", True),
        ("call", call(hs_call_direction=None), "call", "outbound", True),
        ("call", call(hs_call_direction="INBOUND"), "call", "inbound", True),
        ("call", call(hs_call_status=None), "call", "outbound", True),
        ("call", call(hs_call_status="", hs_call_direction="INBOUND"), "call", "inbound", True),
        ("call", call(hs_call_disposition=NO_ANSWER), "call", "outbound", False),
        ("call", call(hs_call_disposition=VOICEMAIL), "call", "outbound", False),
        ("call", call(hs_call_disposition=VOICEMAIL, hs_call_direction="INBOUND"), "call", "inbound", False),
        ("call", call(hs_call_status="NO_ANSWER"), "call", "outbound", False),
        ("call", call(hs_call_status="BUSY"), "call", "outbound", False),
        ("call", call(hs_call_status="MISSED", hs_call_direction="INBOUND"), "call", "inbound", False),
        ("email", email(), "email", "outbound", False),
        ("email", email(hs_email_status=None), "email", "outbound", False),
        ("email", email(hs_email_direction="INCOMING_EMAIL"), "email", "inbound", True),
        ("email", email(hs_email_direction="FORWARDED_EMAIL"), "email", "inbound", True),
        ("meeting", meeting("COMPLETED"), "meeting", "outbound", True),
        ("meeting", meeting("NO_SHOW"), "meeting", "outbound", False),
        ("task", task("CALL"), "call", "outbound", False),
        ("task", task("EMAIL"), "email", "outbound", False),
        (
            "communication",
            {"hs_timestamp": AT, "hs_communication_channel_type": "WHATS_APP"},
            "message",
            "outbound",
            False,
        ),
        ("communication", {"hs_timestamp": AT, "hs_communication_channel_type": "SMS"}, "message", "outbound", False),
    ],
)
def test_an_activity_that_people_do_is_a_touch(
    kind: str, properties: dict[str, Any], what: str, direction: str, connected: bool
) -> None:
    """At the time that HubSpot shows it at, whenever it was written down."""
    (event,) = touches(kind, properties)
    assert event["data"] == {"kind": what, "direction": direction, "connected": connected}
    assert (event["type"], event["subject"], event["time"]) == ("lead.touched", "hubspot:contact:151", AT)


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("call", call(hs_call_status="RINGING")),
        ("call", call(hs_call_status="QUEUED")),
        ("call", call(hs_call_status="IN_PROGRESS")),
        ("call", call(hs_call_status="FAILED")),
        ("email", email(hs_sequence_id="12")),
        ("email", email(hs_email_status="BOUNCED")),
        ("email", email(hs_email_status="FAILED")),
        ("email", email(hs_email_status="SCHEDULED")),
        ("email", email(hs_email_direction="INCOMING_EMAIL", hs_incoming_email_is_out_of_office="true")),
        ("meeting", meeting("SCHEDULED")),
        ("meeting", meeting("RESCHEDULED")),
        ("meeting", meeting("CANCELED")),
        ("meeting", meeting(None)),
        ("task", task("CALL", "NOT_STARTED")),
        ("task", task("TODO")),
        ("communication", {"hs_timestamp": AT, "hs_communication_channel_type": "CUSTOM_CHANNEL"}),
        ("note", {"hs_timestamp": AT}),
    ],
)
def test_what_nobody_did_is_no_touch(kind: str, properties: dict[str, Any]) -> None:
    """Plans, failures, sequences, absence notes and statuses of a list."""
    assert touches(kind, properties) == []


def test_an_activity_that_is_edited_stays_one_touch() -> None:
    """Told again, under the same id; and one that succeeded in the end says so under another."""
    (first,) = touches("call", call(hs_call_disposition=NO_ANSWER))
    (again,) = touches("call", call(hs_call_disposition=VOICEMAIL), updatedAt="2026-10-06T00:00:00Z")
    (at_last,) = touches("call", call(hs_call_disposition=CONNECTED))
    assert first["id"] == again["id"] == "call:9001:touch"
    assert at_last["id"] == "call:9001:touch:connected"


def test_an_activity_is_a_touch_of_each_of_its_leads() -> None:
    """Those of other kinds, and activities that are in the bin, say nothing."""
    both = {"contact": {"results": [{"id": "151"}, {"id": 152}]}, "company": {"results": [{"id": "5"}]}}
    assert [event["subject"] for event in touches("call", call(), associations=both)] == [
        "hubspot:contact:151",
        "hubspot:contact:152",
    ]
    assert touches("call", call(), associations={}) == []
    assert touches("call", call(), archived=True) == []


def test_a_state_of_a_lead_or_deal_is_told_as_one() -> None:
    """Where a record comes without the times of its changes, it is what the object is, and when that was modified."""
    reading = SENDER.found(Found("contact", record({"hs_lead_status": "OPEN", "company": ""})))
    created, state = reading.changes
    assert (created.kind, created.is_state, state.is_state) == ("created", False, True)
    assert state.changed == {"hs_lead_status": "OPEN", "company": None}
    assert [event.type.wire for event in SENDER.meant(reading).events] == [
        "lead.captured",
        "lead.updated",
        "lead.accepted",
    ]
    assert SENDER.found(Found("ticket", record({}))).changes == ()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"id": None}, "id"),
        ({"updatedAt": "yesterday"}, "updatedAt"),
        ({"properties": []}, "properties"),
        ({"associations": []}, "associations"),
        ({"associations": {"contact": {"results": 5}}}, "associations.contact.results"),
        ({"associations": {"contact": {"results": [{}]}}}, "id"),
    ],
)
def test_an_answer_that_cannot_be_read_is_told_by_its_field(fields: dict[str, Any], named: str) -> None:
    """The API is trusted no more than webhooks are."""
    with pytest.raises(BadEvent, match=named):
        SENDER.found(Found("call", {**record(call()), **fields}))


def test_a_company_whose_leads_are_those_of_sales_hub_says_so() -> None:
    """Their keys, deals and activities are theirs then; contacts mean nothing."""
    mapping = CrmMapping.model_validate(
        {
            "mapping": 1,
            "leads": {"lead": {"created": "lead.handed_off", "with_deal": "deal.opened"}},
            "deals": {"deal": {"created": "deal.opened"}},
            "activities": {"call": {"touches": [{"kind": "call", "direction": "outbound", "connected": True}]}},
        }
    )
    sender = HubSpot(mapping=mapping)
    created = notification(subscriptionType="object.creation", objectTypeId="0-136", objectId=77, propertyName=None)
    (event,) = sender.read(created).events
    assert (event.type.wire, event.lead) == ("lead.handed_off", "hubspot:lead:77")
    link = notification(
        subscriptionType="object.associationChange",
        fromObjectTypeId="0-136",
        toObjectTypeId="0-3",
        fromObjectId=77,
        toObjectId=900,
    )
    (opened,) = sender.read(link).events
    assert (opened.lead, opened.data) == ("hubspot:lead:77", {"deal": "hubspot:deal:900"})
    of_lead = notification(
        subscriptionType="object.associationChange",
        fromObjectTypeId="0-136",
        toObjectTypeId="0-48",
        fromObjectId=77,
        toObjectId=9001,
    )
    assert sender.read(of_lead).thin == (Reference("call", "9001"),)
    (touch,) = sender.meant(
        sender.found(Found("call", record({}, associations={"lead": {"results": [{"id": "77"}]}})))
    ).events
    assert touch.lead == "hubspot:lead:77"
    assert sender.read(notification()).events == ()
