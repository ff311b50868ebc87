"""What Dataverse's execution contexts mean, beyond the samples, and who may send them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.mapping import CrmMapping
from services.domain.events import Event
from services.errors import BadEvent, Refused
from services.gateway.changes import Kind
from services.gateway.crm.dataverse import date_of, fields_of_entity, fields_of_row
from services.gateway.crm.dynamics import Dynamics
from services.gateway.mapping import read_mapping
from services.gateway.request import Incoming
from services.ports import Found, Reference
from services.translate import from_json, to_wire
from tests.gateway.anything import JSON, TEXT, changed, usable
from tests.gateway.conftest import NOW, OTHER_SECRETS, FakeLog, Gateway

MAPPING = read_mapping("dynamics")
DYNAMICS = Dynamics(mapping=MAPPING)
SAMPLES = Path(__file__).parent / "samples" / "dynamics"
LEAD = "6d81597f-0f9f-e711-8122-000d3aa2331c"
OPPORTUNITY = "80a2c641-4c79-e611-80df-c4346baca9e4"
REP = "7a2b1c3d-0f5f-ee11-8def-000d3adbef77"
AT = "/Date(1795165200000)/"
KEYS = OTHER_SECRETS["dynamics"]


def choice(number: object) -> dict[str, Any]:
    return {"__type": "OptionSetValue:http://schemas.microsoft.com/xrm/2011/Contracts", "Value": number}


def reference(table: str, number: str) -> dict[str, Any]:
    return {
        "__type": "EntityReference:http://schemas.microsoft.com/xrm/2011/Contracts",
        "Id": number,
        "LogicalName": table,
        "Name": None,
    }


def pairs(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value} for key, value in values.items()]


def context(
    attributes: Mapping[str, Any],
    *,
    message: str = "Update",
    table: str = "lead",
    labels: Mapping[str, str] | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    after_labels: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A row that was written, as an asynchronous step after the operation tells it."""
    target = {"Attributes": pairs({"modifiedon": AT, **attributes}), "FormattedValues": pairs(labels or {}), "Id": LEAD}
    image = {"Attributes": pairs(after or {}), "FormattedValues": pairs(after_labels or {})}
    return {
        "MessageName": message,
        "PrimaryEntityName": table,
        "PrimaryEntityId": LEAD,
        "InputParameters": pairs({"Target": target}),
        "OperationCreatedOn": "/Date(1795165201012)/",
        "OutputParameters": [],
        "PreEntityImages": pairs({"Before": {"Attributes": pairs(before)}}) if before else [],
        "PostEntityImages": pairs({"After": image}) if after else [],
        **more,
    }


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_text())


def mapped(item: object, mapping: CrmMapping = MAPPING) -> list[dict[str, Any]]:
    return [to_wire(event) for event in Dynamics(mapping=mapping).read(item).events]


def types_and_data(item: object, mapping: CrmMapping = MAPPING) -> list[tuple[str, dict[str, Any]]]:
    return [(event["type"], event["data"]) for event in mapped(item, mapping)]


def by_labels(**fields: Any) -> CrmMapping:
    """A mapping that asks for what people read."""
    lead = {"properties": {"statuscode.label": {"values": {"Contacted": "lead.accepted"}}}, **fields}
    return CrmMapping.model_validate({"mapping": 1, "leads": {"lead": lead}})


# Who may send


def incoming(target: str = "/hooks/dynamics", **headers: str) -> Incoming:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming("POST", target, {"content-type": "application/json", **named}, b"{}", NOW)


@pytest.mark.parametrize("key", KEYS)
def test_either_key_is_taken_from_the_address_and_from_the_header(key: str) -> None:
    """Authentication `WebhookKey` and `HttpHeader`, while one key replaces the other."""
    sender = Dynamics(mapping=MAPPING, secrets=KEYS)
    sender.verify(incoming(f"/hooks/dynamics?code={key}"), NOW, 0)
    sender.verify(incoming(x_baton_key=key), NOW, 0)


@pytest.mark.parametrize(
    "request_",
    [incoming(), incoming("/hooks/dynamics?code="), incoming("/hooks/dynamics?code=other"), incoming(x_baton_key="ä")],
    ids=["none", "empty", "wrong", "odd"],
)
def test_what_shows_no_key_of_ours_is_refused(request_: Incoming) -> None:
    """401, and nothing is read of it."""
    with pytest.raises(Refused, match="the key") as caught:
        Dynamics(mapping=MAPPING, secrets=KEYS).verify(request_, NOW, 0)
    assert caught.value.status == 401


async def test_a_refused_request_is_kept_without_its_key(gateway: Gateway) -> None:
    """The quarantine has the digest of the key, and can be tried again when the key is ours."""
    async with gateway.client() as client:
        response = await client.post("/hooks/dynamics?code=key-to-come", json=sample("lead-handed-off"))
    assert response.status_code == 401
    (held,) = gateway.quarantine.held()
    assert "key-to-come" not in repr(held)
    door = gateway.door()
    door.senders["dynamics"].__init__(mapping=MAPPING, secrets=("key-to-come",))  # type: ignore[misc]
    assert (await door.verify_again()).counts.events == 1


async def test_it_is_told_to_try_again_while_the_log_is_away(gateway: Gateway) -> None:
    """503: the one kind of answer after which Dataverse tries once more."""
    gateway.log.away = True
    assert (await gateway.send("dynamics", json.dumps(sample("lead-handed-off")).encode())).status_code == 503


@pytest.mark.parametrize("name", ["lead-create", "lead-qualify", "opportunity-win-message", "lead-delete"])
async def test_a_retry_counts_once(gateway: Gateway, name: str) -> None:
    """Dataverse posts the same context again: its events have the same ids, also where another step told it."""
    again = {**sample(name), "OperationId": "0", "OwningExtension": {"Id": "0"}, "CorrelationId": "0"}
    for body in (sample(name), sample(name), again):
        assert (await gateway.send("dynamics", json.dumps(body).encode())).status_code == 202
    ids = [[(one["source"], one["id"]) for one in FakeLog([batch]).documents()] for batch in gateway.log.appended]
    assert ids[0] == ids[1] == ids[2] != []


# Times


def test_an_offset_is_added_as_the_documented_sample_needs() -> None:
    """Only so is the sample's OperationCreatedOn one second after the change that it tells."""
    assert date_of("/Date(1506409448000-0700)/") == "2017-09-26T00:04:08Z"
    assert date_of("/Date(1506384247000)/") == "2017-09-26T00:04:07Z"
    assert date_of("/Date(1506384247000+0000)/") == "2017-09-26T00:04:07Z"


def test_the_webhook_and_the_api_tell_one_fact_with_one_id() -> None:
    """Both have the row's modifiedon; only the webhook knows when its message was handled."""
    row = {
        "leadid": LEAD.upper(),
        "statuscode": 2,
        "companyname": "Fabrikam",
        "_ownerid_value": REP,
        "createdon": "2026-11-20T08:00:00Z",
        "modifiedon": "2026-11-20T09:00:00Z",
    }
    told = mapped(
        context({"statuscode": choice(2), "companyname": "Fabrikam", "ownerid": reference("systemuser", REP)})
    )
    captured, *found = [to_wire(event) for event in DYNAMICS.meant(DYNAMICS.found(Found("lead", row))).events]
    assert (captured["type"], captured["time"]) == ("lead.captured", "2026-11-20T08:00:00Z")
    assert {event["id"]: event for event in found} == {event["id"]: event for event in told}


def test_a_state_is_marked_as_one() -> None:
    """What the API says of a row is what it is, not that it changed."""
    row = {"leadid": LEAD, "createdon": "2026-11-20T08:00:00Z", "modifiedon": "2026-11-20T09:00:00Z"}
    created, state = DYNAMICS.found(Found("lead", row)).changes
    assert (created.kind, created.is_state, state.kind, state.is_state) == (Kind.CREATED, False, Kind.UPDATED, True)


def test_the_api_tells_links_merges_labels_and_currencies() -> None:
    """Lookups and their annotations are read as the webhook's are."""
    opportunity = {
        "@odata.etag": 'W/"1"',
        "opportunityid": OPPORTUNITY,
        "_originatingleadid_value": LEAD,
        "_originatingleadid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "lead",
        "statecode": 1,
        "statecode@OData.Community.Display.V1.FormattedValue": "Won",
        "actualvalue": 1200.0,
        "transactioncurrencyid": {"isocurrencycode": "EUR", "@odata.etag": 'W/"2"'},
        "createdon": "2026-11-20T08:00:00Z",
        "modifiedon": "2026-11-20T09:00:00Z",
    }
    reading = DYNAMICS.found(Found("opportunity", opportunity))
    assert [change.kind for change in reading.changes] == [Kind.CREATED, Kind.UPDATED, Kind.LINKED]
    assert reading.changes[1].record["statecode.label"] == "Won"
    won = next(event for event in DYNAMICS.meant(reading).events if event.type.wire == "deal.won")
    assert won.lead == f"dynamics:lead:{LEAD}"
    assert won.data == {"deal": f"dynamics:opportunity:{OPPORTUNITY}", "amount": 1200.0, "currency": "EUR"}
    lead = {"leadid": OPPORTUNITY, "_masterid_value": LEAD, "createdon": AT, "modifiedon": AT}
    merged = DYNAMICS.found(Found("lead", lead)).changes[-1]
    assert (merged.kind, merged.into) == (Kind.MERGED, f"dynamics:lead:{LEAD}")


def test_the_api_tells_an_activity_once() -> None:
    """A call that the API finds is one contact, with the id that the webhook gives it."""
    row = {
        "activityid": "1ecf6213-9296-4772-b37c-c09138dd0d59",
        "_regardingobjectid_value": LEAD,
        "_regardingobjectid_value@Microsoft.Dynamics.CRM.lookuplogicalname": "lead",
        "statecode": 1,
        "statuscode": 2,
        "directioncode": True,
        "actualend": "2026-11-20T08:58:00Z",
        "createdon": "2026-11-20T08:00:00Z",
        "modifiedon": "2026-11-20T09:30:00Z",
    }
    (found,) = DYNAMICS.meant(DYNAMICS.found(Found("phonecall", row))).events
    assert to_wire(found) == mapped(sample("phonecall-completed"))[0]


# What changed


def test_values_that_were_there_before_are_no_changes() -> None:
    """Where a pre image says so; a form that is saved may write everything anew."""
    owner = {"ownerid": reference("systemuser", REP)}
    assert mapped(context(owner, before=owner)) == []
    assert [event["type"] for event in mapped(context(owner, before={"ownerid": reference("systemuser", LEAD)}))] == [
        "lead.assigned"
    ]


def test_the_owner_from_the_start_assigns_nothing() -> None:
    """Every row has an owner; only a lead that is handed off by the same step has been given to somebody."""
    owner = {"ownerid": reference("systemuser", REP)}
    assert types_and_data(context(owner, message="Create"))[1:] == [("lead.updated", {"attributes": {"owner": REP}})]
    handed = types_and_data(context({**owner, "baton_handoff": True}, message="Create"))
    assert [name for name, _ in handed] == ["lead.captured", "lead.assigned", "lead.handed_off"]


def test_assign_and_update_tell_one_assignment() -> None:
    """Both may be registered; the one has no modifiedon, and comes a second later."""
    by_update = mapped(sample("lead-owner"))
    assert [event["id"] for event in mapped(sample("lead-assign"))] == [event["id"] for event in by_update]


def test_conditions_may_be_about_what_did_not_change() -> None:
    """Images say it; what the target says anew counts more than they do."""
    meaning = {"statuscode": {"values": {"2": {"event": "lead.accepted", "when": {"industrycode": 7}}}}}
    mapping = by_labels(properties=meaning)
    assert types_and_data(context({"statuscode": choice(2)}, after={"industrycode": choice(7)}), mapping)
    assert not types_and_data(context({"statuscode": choice(2)}), mapping)
    newer = context({"statuscode": choice(2), "industrycode": choice(8)}, before={"industrycode": choice(7)})
    assert not types_and_data(newer, mapping)


# Labels


def test_a_mapping_may_ask_for_what_people_read() -> None:
    """`statuscode.label`, from the target or from an image that has the same value."""
    status = {"statuscode": choice(2)}
    accepted: list[tuple[str, dict[str, Any]]] = [("lead.accepted", {})]
    assert types_and_data(context(status, labels={"statuscode": "Contacted"}), by_labels()) == accepted
    assert (
        types_and_data(context(status, after=status, after_labels={"statuscode": "Contacted"}), by_labels()) == accepted
    )


def test_a_label_of_the_old_value_is_not_taken_for_the_new_one() -> None:
    """It goes with its value."""
    item = context({"statuscode": choice(2)}, after={"statuscode": choice(1)}, after_labels={"statuscode": "New"})
    reading = Dynamics(mapping=by_labels()).reading(item)
    assert "statuscode.label" not in reading.changes[0].record


def test_a_label_that_decides_is_fetched_where_it_is_missing() -> None:
    """As lacking where events hang on it, as thin where attributes alone do; not at all where nobody asks."""
    status = context({"statuscode": choice(2)})
    assert Dynamics(mapping=by_labels()).reading(status).lacking == (Reference("lead", LEAD),)
    useful = Dynamics(mapping=by_labels(properties={}, attributes={"statuscode.label": "status"})).reading(status)
    assert (useful.lacking, useful.thin) == ((), (Reference("lead", LEAD),))
    assert DYNAMICS.reading(status).lacking == ()
    when = {"baton_x": {"other": {"event": "lead.accepted", "when": {"statuscode.label": "Contacted"}}}}
    assert Dynamics(mapping=by_labels(properties=when)).reading(status).lacking == (Reference("lead", LEAD),)


# What is missing


def test_a_dead_letter_of_a_payload_that_was_too_large_is_fetched_when_it_returns() -> None:
    """Nothing of the header is needed: the letter's body shows that its parameters were removed."""
    item = sample("lead-too-large")
    content_type, body = DYNAMICS.alone(item)
    (again,) = DYNAMICS.items(Incoming("POST", "", {"content-type": content_type}, body, NOW))
    assert DYNAMICS.reading(again).lacking == (Reference("lead", LEAD),)


async def test_without_the_api_it_is_a_dead_letter_that_says_so(gateway: Gateway) -> None:
    """Incomplete, with what would have to be fetched."""
    response = await gateway.send("dynamics", (SAMPLES / "lead-too-large.json").read_bytes())
    assert response.json() == {"events": 0, "ignored": 0, "dead_letters": 1}
    (letter,) = gateway.log.letters
    assert letter.reason == "incomplete"
    assert LEAD in letter.detail


async def test_a_payload_as_large_as_any_is_read() -> None:
    """256 KB of short columns, each with its label, in the row and in both images: that is many values."""
    columns = {f"new_{number}": number for number in range(1_400)}
    item = context({**columns, "baton_handoff": True}, before=columns, after=columns)
    row = item["InputParameters"][0]["value"]
    row["FormattedValues"] = pairs({name: str(value) for name, value in columns.items()})
    body = json.dumps(item, separators=(",", ":")).encode()
    assert 150 * 1024 < len(body) <= 256 * 1024
    gateway = Gateway(most_bytes=1024 * 1024)
    assert (await gateway.send("dynamics", body)).json() == {"events": 1, "ignored": 0, "dead_letters": 0}


def test_an_activity_with_an_image_that_names_no_lead_is_about_none() -> None:
    """Images leave out what is empty, so that there is nothing to fetch."""
    item = context({"statecode": choice(1)}, table="phonecall", after={"subject": "Hello"})
    assert DYNAMICS.reading(item) == DYNAMICS.reading(context({}, table="incident"))


# Types of values


def test_each_type_of_value_is_read_as_its_plain_one() -> None:
    """Choices and money as numbers, lookups as ids with their table, dates as RFC 3339; lists of rows not at all."""
    row = {
        "Attributes": pairs(
            {
                "a_text": "x",
                "a_bool": True,
                "a_choice": choice(3),
                "many": [choice(1), choice(2)],
                "none": [],
                "empty": None,
                "parties": {"Entities": []},
                "who": {**reference("team", REP.upper()), "Name": "Sales"},
                "when": "/Date(1506384247000)/",
                "ancient": "/Date(-62135596800000)/",
            }
        ),
        "FormattedValues": pairs({"a_choice": "Three", "unknown": "x", "a_bool": 1}),
    }
    assert fields_of_entity(row) == {
        "a_text": "x",
        "a_bool": True,
        "a_choice": 3,
        "a_choice.label": "Three",
        "many": "1,2",
        "none": None,
        "empty": None,
        "who": REP,
        "who.type": "team",
        "who.label": "Sales",
        "when": "2017-09-26T00:04:07Z",
        "ancient": "/Date(-62135596800000)/",
    }


def test_a_row_of_the_api_leaves_out_what_is_no_field() -> None:
    """ETags, unknown annotations, and lists."""
    row = {"@odata.etag": "W/1", "a": 1, "a@x.y": 2, "_b_value": None, "c": [1], "d": {"e": "f", "e@x.y": "g"}}
    assert fields_of_row(row) == {"a": 1, "b": None, "d.e": "f"}


# Whatever comes


GOOD = context(
    {"statuscode": choice(2), "ownerid": reference("systemuser", REP), "baton_handoff": True},
    after={"originatingleadid": reference("lead", LEAD), "regardingobjectid": reference("lead", LEAD)},
    before={"statuscode": choice(1)},
)
CLOSING = ("WinOpportunity", "LoseOpportunity", "Other")
COLUMNS = [
    *MAPPING.leads["lead"].properties,
    *MAPPING.leads["lead"].attributes,
    *MAPPING.deals["opportunity"].properties,
    "modifiedon",
    "createdon",
    "originatingleadid",
    "qualifyingopportunityid",
    "masterid",
    "regardingobjectid",
    "directioncode",
]
VALUES = (
    JSON
    | st.builds(choice, st.integers(-2, 9) | JSON)
    | st.builds(reference, st.sampled_from(["lead", "opportunity", "team", ""]), st.sampled_from([LEAD, "", "a:b"]))
    | st.sampled_from([AT, "/Date(0)/", "/Date(-99999999999999)/", "/Date(1-9999)/", "2026-01-01T00:00:00Z"])
)
ROWS = JSON | st.fixed_dictionaries(
    {},
    optional={
        "Attributes": st.lists(st.fixed_dictionaries({"key": st.sampled_from(COLUMNS) | TEXT, "value": VALUES})) | JSON,
        "FormattedValues": st.lists(st.fixed_dictionaries({"key": st.sampled_from(COLUMNS), "value": TEXT})) | JSON,
        "Id": st.sampled_from([LEAD, "", None]) | JSON,
        "LogicalName": TEXT,
    },
)
NAMED = [
    "Target",
    "Targets",
    "Assignee",
    "EntityMoniker",
    "State",
    "Status",
    "LeadId",
    "OpportunityClose",
    "SubordinateId",
]
PARAMETERS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from([*NAMED, "CreatedEntities"]),
            "value": ROWS | VALUES | st.fixed_dictionaries({"Entities": st.lists(ROWS, max_size=2)}) | st.lists(VALUES),
        }
    ),
    max_size=4,
)
CONTEXTS = JSON | changed(
    GOOD,
    list(GOOD),
    {
        "MessageName": st.sampled_from(
            ["Create", "Update", "CreateMultiple", "Assign", "SetState", "QualifyLead", "Merge", "Delete", *CLOSING]
        ),
        "PrimaryEntityName": st.sampled_from([*MAPPING.leads, *MAPPING.deals, *MAPPING.activities, "contact"]),
        "InputParameters": PARAMETERS,
        "OutputParameters": PARAMETERS,
        "PreEntityImages": PARAMETERS,
        "PostEntityImages": PARAMETERS,
    },
)


@given(CONTEXTS)
@settings(max_examples=500, deadline=None)
def test_any_context_gives_valid_events_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: DYNAMICS.read(item).events):
        assert from_json(record.value) == event


@given(
    st.sampled_from([*MAPPING.leads, *MAPPING.deals, *MAPPING.activities, "contact"]),
    st.dictionaries(
        st.sampled_from([*COLUMNS, "leadid", "activityid", "opportunityid", *(f"_{name}_value" for name in COLUMNS)])
        | st.sampled_from([f"_{name}_value@Microsoft.Dynamics.CRM.lookuplogicalname" for name in COLUMNS])
        | TEXT,
        JSON | st.sampled_from([LEAD, "2026-01-01T00:00:00Z", "lead"]),
    ),
)
@settings(max_examples=300, deadline=None)
def test_any_row_of_the_api_gives_valid_events_or_says_why_not(table: str, row: dict[str, Any]) -> None:
    """As for webhooks."""

    def events() -> tuple[Event, ...]:
        return tuple(DYNAMICS.meant(DYNAMICS.found(Found(table, row))).events)

    for event, record in usable(events):
        assert from_json(record.value) == event


@pytest.mark.parametrize("item", [None, 1, "lead", [], True])
def test_a_body_that_is_no_object_is_told(item: object) -> None:
    """An execution context is an object."""
    with pytest.raises(BadEvent, match="object"):
        DYNAMICS.read(item)
