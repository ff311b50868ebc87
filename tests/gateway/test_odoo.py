"""What the webhooks of Odoo's server actions mean, beyond the samples, and who may send them."""

import json
from typing import Any

import pytest

from schemas.mapping import CrmMapping
from services.domain.instants import parse_instant
from services.errors import BadEvent, Refused
from services.gateway.changes import Kind
from services.gateway.crm.odoo import RECEIVED, Odoo
from services.gateway.crm.odoo_rows import fields_of
from services.gateway.mapping import read_mapping
from services.gateway.request import Incoming
from services.ports import Found, Reference
from services.translate import to_wire
from tests.gateway.conftest import NOW, OTHER_SECRETS, FakeLog, Gateway

MAPPING = read_mapping("odoo")
ODOO = Odoo(mapping=MAPPING)
SECRETS = OTHER_SECRETS["odoo"]
LATER = parse_instant("2026-11-23T10:00:00Z")


def lead(**fields: Any) -> dict[str, Any]:
    """A payload with all fields that the built-in mapping asks for (None: without), a minute after it was created."""
    document = {
        "_model": "crm.lead",
        "_id": 151,
        "_action": "Send to Baton(#612)",
        "type": "lead",
        "active": True,
        "probability": 12.5,
        "user_id": False,
        "date_open": False,
        "date_conversion": False,
        "lost_reason_id": False,
        "date_closed": False,
        "stage_id": 1,
        "date_last_stage_update": "2026-11-20 09:00:00",
        "expected_revenue": 0.0,
        "create_date": "2026-11-20 09:00:00.417302",
        "write_date": "2026-11-20 09:01:00.417302",
        **fields,
    }
    return {name: value for name, value in document.items() if value is not None}


def incoming(item: object, target: str = "/hooks/odoo/x", at: int = NOW) -> Incoming:
    return Incoming("POST", target, {"content-type": "application/json"}, json.dumps(item).encode(), at)


def mapped(item: object, mapping: CrmMapping = MAPPING, at: int = NOW) -> list[dict[str, Any]]:
    sender = Odoo(mapping=mapping)
    (part,) = sender.items(incoming(item, at=at))
    return [to_wire(event) for event in sender.read(part).events]


def lacking(item: object, mapping: CrmMapping = MAPPING) -> tuple[Any, Any]:
    sender = Odoo(mapping=mapping)
    (part,) = sender.items(incoming(item))
    taken = sender.read(part)
    return tuple(taken.lacking), tuple(taken.thin)


def types(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"] for event in events]


# Who may send


@pytest.mark.parametrize(
    "target",
    ["/hooks/odoo/a-secret-that-goes", "/hooks/odoo/a%2Fsecret%20that%2Bcomes", "/hooks/odoo/a/secret%20that+comes"],
)
async def test_either_secret_is_taken_from_the_address(gateway: Gateway, target: str) -> None:
    """While one replaces the other; what has a meaning in an address may be escaped or not."""
    async with gateway.client() as client:
        assert (await client.post(target, json=lead())).status_code == 202


@pytest.mark.parametrize("target", ["/hooks/odoo", "/hooks/odoo/wrong", "/hooks/odoo/wrong?a=a-secret-that-goes"])
async def test_an_address_without_a_secret_of_ours_is_refused(gateway: Gateway, target: str) -> None:
    """401; the request is kept, and of a secret its digest alone."""
    async with gateway.client() as client:
        assert (await client.post(target, json=lead())).status_code == 401
    (held,) = gateway.quarantine.held()
    assert "wrong" not in repr(held)


def test_a_secret_that_comes_later_lets_a_kept_request_pass() -> None:
    """The digest is enough."""
    sender = Odoo(mapping=MAPPING, secrets=SECRETS)
    request = incoming(lead(), "/hooks/odoo/a-secret-that-goes")
    kept = Incoming("POST", "/hooks/odoo", {":shown-sha256": sender.shown(request) or ""}, request.body, NOW)
    sender.verify(kept, LATER, 0)
    with pytest.raises(Refused, match="the secret"):
        Odoo(mapping=MAPPING, secrets=("other",)).verify(kept, LATER, 0)


def test_an_answer_is_due_within_a_second() -> None:
    """Odoo waits no longer, and does not try again."""
    assert Odoo(mapping=MAPPING).answer_within == 1.0


# A state that is told again and again


def test_a_state_that_is_told_again_is_the_same_events() -> None:
    """All but the attributes: what a rule says has the time that the record keeps, not that of the last save."""
    state = lead(
        type="opportunity",
        user_id=7,
        date_open="2026-11-20 09:12:00",
        date_conversion="2026-11-20 10:00:00",
        probability=100.0,
        date_closed="2026-11-20 12:00:00",
        x_baton_handed_off="2026-11-20 09:10:00",
    )
    once = mapped(state)
    again = mapped({**state, "write_date": "2026-11-21 08:00:00", "partner_name": "Fabrikam"}, at=LATER)
    assert {event["id"] for event in once} < {event["id"] for event in again}
    assert types([event for event in again if event["id"] not in {one["id"] for one in once}]) == ["lead.updated"]


def test_the_webhook_and_the_api_tell_one_fact_with_one_id() -> None:
    """Webhooks write fractions of a second that the API leaves out, and the API names that webhooks leave out."""
    state = lead(user_id=7, date_open="2026-11-20 09:12:00", partner_name="Fabrikam")
    row = {
        **state,
        "id": 151,
        "user_id": [7, "Mitchell Admin"],
        "stage_id": [1, "New"],
        "create_date": "2026-11-20 09:00:00",
        "write_date": "2026-11-20 09:01:00",
    }
    reading = ODOO.found(Found("lead", row))
    assert [to_wire(event) for event in ODOO.meant(reading).events] == mapped(state)
    assert [(change.kind, change.is_state) for change in reading.changes] == [
        (Kind.CREATED, False),
        (Kind.UPDATED, True),
    ]


def test_what_the_api_does_not_tell_is_not_there() -> None:
    """A field that this Odoo does not have is asked for once, not for ever."""
    row = {"id": 151, "user_id": [7, "Mitchell Admin"], "write_date": "2026-11-20 09:01:00"}
    reading = ODOO.found(Found("lead", row))
    assert (reading.lacking, reading.thin) == ((), ())
    assert [event.type.wire for event in ODOO.meant(reading).events] == ["lead.assigned"]
    assert ODOO.found(Found("mail.activity", {"id": 5, "write_date": "2026-11-20 09:01:00"})).lacking == ()


def test_a_salesperson_who_comes_back_is_another_assignment() -> None:
    """The same value at another time."""
    one, two = (mapped(lead(user_id=7, date_open=f"2026-11-20 {at}"))[-1]["id"] for at in ("09:12:00", "11:00:00"))
    assert one != two


# What a webhook leaves out


@pytest.mark.parametrize(
    "fields",
    [
        {"type": None},
        {"user_id": 7, "date_open": None},
        {"active": False, "probability": None},
        {"active": False, "lost_reason_id": 4, "date_closed": None},
        {"type": "opportunity", "probability": 100.0, "expected_revenue": None},
        {"type": "opportunity", "date_last_stage_update": None},
    ],
    ids=str,
)
def test_what_a_rule_asks_for_and_nobody_chose_is_fetched(fields: dict[str, Any]) -> None:
    """It is not taken for empty: the lead is read, or without the API is a dead letter."""
    assert lacking(lead(**fields)) == ((Reference("lead", "151"),), ())


def test_fields_of_a_companys_own_need_not_be_there() -> None:
    """The built-in mapping knows some that a company may add; and what says nothing asks for nothing."""
    assert lacking(lead()) == ((), ())
    assert lacking(lead(date_open=None, date_closed=None, expected_revenue=None)) == ((), ())


def test_names_are_fetched_where_the_mapping_asks_for_them() -> None:
    """As lacking where events hang on them, as thin where attributes alone do."""
    useful = CrmMapping.model_validate(
        {"mapping": 1, "leads": {"lead": {"attributes": {"source_id.label": "source"}}}, "deals": {}}
    )
    assert lacking(lead(source_id=3), useful) == ((), (Reference("lead", "151"),))
    assert lacking(lead(source_id=[3, "Webinar"]), useful) == ((), ())
    assert mapped(lead(source_id=[3, "Webinar"]), useful)[0]["data"] == {"attributes": {"source": "Webinar"}}
    rule = {"lost_reason_id.label": {"other": {"event": "lead.rejected", "data": {"reason": "{slug}"}}}}
    decisive = CrmMapping.model_validate({"mapping": 1, "leads": {"lead": {"properties": rule}}})
    assert lacking(lead(lost_reason_id=4), decisive) == ((Reference("lead", "151"),), ())


def test_an_activity_that_does_not_say_what_it_is_about_is_fetched() -> None:
    """And one that says it is about nothing is not."""
    activity = {"_model": "mail.activity", "_id": 5, "active": False, "activity_category": "phonecall", "res_id": 151}
    assert lacking(activity) == ((Reference("mail.activity", "5"),), ())
    assert mapped({**activity, "res_model": "crm.lead", "res_id": False}) == []


# When


def test_without_write_date_it_happened_when_it_came() -> None:
    """A dead letter that returns keeps that time, and so its events keep their ids."""
    item = lead(write_date=None, partner_name="Fabrikam")
    first = mapped(item)
    (part,) = ODOO.items(incoming(item))
    content_type, body = ODOO.alone(part)
    (returned,) = ODOO.items(Incoming("POST", "", {"content-type": content_type}, body, LATER))
    assert [to_wire(event) for event in ODOO.read(returned).events] == first
    assert first[1]["time"] == "2026-11-23T09:00:00Z"
    assert mapped(item, at=LATER)[1]["id"] != first[1]["id"]


async def test_a_payload_that_comes_twice_is_one_dead_letter(gateway: Gateway) -> None:
    """The time at which it came is no part of it."""
    body = json.dumps(lead(type=None)).encode()
    await gateway.send("odoo", body)
    gateway.clock.at = LATER
    await gateway.send("odoo", body)
    one, two = gateway.log.letters
    assert one.id == two.id
    assert RECEIVED.encode() in one.body


async def test_a_delivery_that_is_repeated_counts_once(gateway: Gateway) -> None:
    """Where write_date is chosen, whenever it comes."""
    body = json.dumps(lead(user_id=7, date_open="2026-11-20 09:12:00", partner_name="Fabrikam")).encode()
    for at in (NOW, LATER):
        gateway.clock.at = at
        assert (await gateway.send("odoo", body)).json()["events"] == 3
    one, two = (FakeLog([batch]).documents() for batch in gateway.log.appended)
    assert one == two


# Two roles


def test_an_opportunity_is_a_lead_and_a_deal() -> None:
    """Its own lead; the deal is opened when it was converted, or made."""
    events = mapped(lead(type="opportunity", date_conversion="2026-11-20 10:00:00"))
    opened = [event for event in events if event["type"] == "deal.opened"]
    assert {event["subject"] for event in events} == {"odoo:lead:151"}
    assert {(event["time"], event["data"]["deal"]) for event in opened} == {("2026-11-20T10:00:00Z", "odoo:deal:151")}
    assert mapped(lead(type="opportunity"))[2]["time"] == "2026-11-20T09:00:00Z"


def test_what_is_lost_is_rejected_as_a_lead_and_lost_as_a_deal() -> None:
    """By the type of the record."""
    lost = {"active": False, "probability": 0.0, "lost_reason_id": 4, "date_closed": "2026-11-20 12:00:00"}
    assert "lead.rejected" in types(mapped(lead(**lost)))
    events = types(mapped(lead(type="opportunity", **lost)))
    assert ("deal.lost" in events, "lead.rejected" in events) == (True, False)


def test_a_record_that_is_deleted_is_told_by_the_name_of_the_action() -> None:
    """Nothing else shows it; whatever the company calls its other actions means nothing."""
    assert types(mapped(lead(_action="Baton deleted leads(#3)"))) == ["lead.withdrawn"]
    assert "lead.withdrawn" not in types(mapped(lead(_action="Deleted?(#3)")))


# Values


def test_false_is_nothing_but_where_it_is_a_value() -> None:
    """Odoo says False of every field that is empty; the mapping may name more fields of yes and no."""
    row = {"_id": 1, "active": False, "user_id": False, "x_is_hot": False, "x_text": ""}
    assert fields_of(row) == {"active": False, "user_id": None, "x_is_hot": None, "x_text": ""}
    assert fields_of(row, frozenset({"x_is_hot"}))["x_is_hot"] is False
    asked = {"types": {"x_is_hot": "bool"}, "properties": {"x_is_hot": {"values": {"false": "lead.recycled"}}}}
    mapping = CrmMapping.model_validate({"mapping": 1, "leads": {"lead": asked}})
    assert types(mapped(lead(x_is_hot=False), mapping)) == ["lead.recycled"]


def test_each_kind_of_value_is_read_as_a_plain_one() -> None:
    """Numbers without a fraction, pointers by id and name, lists of pointers by their ids; the rest not at all."""
    row = {"a": 100.0, "b": 0.5, "c": [7, "Mitchell"], "d": [1, 2], "e": [], "f": {"g": 1}, "h": [["i", 1]], "j": None}
    expected = {"a": 100, "b": 0.5, "c": 7, "c.label": "Mitchell", "d": "1,2", "e": None, "j": None}
    assert fields_of(row) == expected


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"_model": None}, "_model"),
        ({"_model": 7}, "_model"),
        ({"_id": None}, "_id"),
        ({"_id": False}, "_id"),
        ({"_id": [1]}, "_id"),
        ({"write_date": "soon"}, "write_date"),
        ({"create_date": "1601-01-01 00:00:00"}, "create_date"),
        ({"user_id": 7, "date_open": "2026-11-20"}, "date_open"),
        ({"x_baton_score": "high"}, "x_baton_score"),
        ({"x_baton_handed_off": True}, "the value"),
    ],
    ids=str,
)
def test_a_payload_that_cannot_be_read_is_told_by_its_field(fields: dict[str, Any], named: str) -> None:
    """The reason names the field that is wrong."""
    with pytest.raises(BadEvent, match=named) as caught:
        mapped(lead(**fields))
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("item", [None, 1, "crm.lead", [], True])
def test_a_body_that_is_no_object_is_told(item: object) -> None:
    """A payload is an object."""
    with pytest.raises(BadEvent, match="object"):
        mapped(item)
