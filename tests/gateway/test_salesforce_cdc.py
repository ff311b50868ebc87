"""Salesforce's change events beyond the samples: what tells them apart, and what makes them one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import BadEvent
from services.gateway.crm.salesforce import Salesforce
from services.gateway.sender import Taken
from services.ports import Found, Reference
from services.translate import from_json
from tests.gateway.anything import JSON, PURE, damaged, usable
from tests.gateway.conftest import MAPPINGS
from tests.gateway.payloads import HERE
from tests.gateway.test_salesforce import message, request

LEAD = "00Q5f000005bwLFEAY"
OTHER = "00Q5f000005bwLGEAY"
AT = 1763884800000
MAPPING = MAPPINGS["salesforce"]
SENDER = Salesforce(mapping=MAPPING)
FILES = sorted((HERE / "samples" / "salesforce" / "found").glob("*.json"))
CHANGES = [json.loads(path.read_text()) for path in FILES if not path.name.endswith(".expected.json")]
ROWS = [each["content"] for each in CHANGES if each.keys() == {"object", "content"}]
OBJECTS = ["", *MAPPING.leads, *MAPPING.deals, *MAPPING.activities, "Account"]


def change(fields: dict[str, Any] | None = None, **header: Any) -> dict[str, Any]:
    """A change event of a lead's status, with other fields in the header."""
    named = {
        "entityName": "Lead",
        "recordIds": [LEAD],
        "changeType": "UPDATE",
        "transactionKey": "00006948-0ac9-7da3-edb3-ea0e31b2334a",
        "sequenceNumber": 1,
        "commitTimestamp": AT,
        "commitNumber": 1100638524517,
        "changedFields": ["Status", "LastModifiedDate"],
        "nulledFields": [],
        "diffFields": [],
        **header,
    }
    told = {"Status": "Qualified", "LastModifiedDate": AT} if fields is None else fields
    return {"ChangeEventHeader": {name: value for name, value in named.items() if value is not None}, **told}


def taken(item: Any) -> Taken:
    """What a change event gives."""
    return SENDER.meant(SENDER.found(Found("", item)))


def ids(given: Taken) -> list[str]:
    """The ids of the events."""
    return [event.id for event in given.events]


def test_a_redelivery_of_a_transaction_is_the_same_event() -> None:
    """A subscriber that reads on from an older place gets the same again."""
    assert ids(taken(change())) == ids(taken(change())) == [f"Lead:{LEAD}:Status=Qualified:2025-11-23T08:00:00Z"]


def test_what_happens_twice_is_two_events() -> None:
    """Another transaction, at another time."""
    assert ids(taken(change())) != ids(taken(change({"Status": "Qualified", "LastModifiedDate": AT + 60_000})))


def test_one_change_of_many_records_is_an_event_of_each() -> None:
    """And the same one as if it had come for each alone."""
    merged = ids(taken(change(recordIds=[LEAD, OTHER, LEAD])))
    assert merged == [*ids(taken(change())), *ids(taken(change(recordIds=[OTHER])))]


def test_steps_of_one_transaction_are_told_apart_by_what_they_say() -> None:
    """sequenceNumber orders them; the same record may change twice at one time."""
    one = taken(change(sequenceNumber=1))
    two = taken(change({"Status": "Working - Contacted", "LastModifiedDate": AT}, sequenceNumber=2))
    assert not set(ids(one)) & set(ids(two))


def test_a_change_event_and_a_message_of_the_same_change_are_one_event() -> None:
    """Whoever tells it, the record's own time is in the id."""
    body = message({"Id": LEAD, "LastModifiedDate": "2025-11-23T08:00:00.000Z", "Status": "Qualified"})
    reader = Salesforce(mapping=MAPPING, organizations=["00D5f000005mc66"])
    (item,) = reader.items(request(body))
    assert [event.id for event in reader.read(item).events] == ids(taken(change()))


def test_without_a_time_of_the_record_that_of_the_commit_counts() -> None:
    """As for a lead that is converted, in the older forms of its event."""
    assert ids(taken(change({"Status": "Qualified"}, changedFields=None))) == ids(taken(change()))


def test_what_did_not_change_is_not_told() -> None:
    """The Pub/Sub API sends every field; an enriched one has a value though it did not change."""
    fields = {"Status": "Working - Contacted", "OwnerId": "0055f000005mc66AAA", "Rating": None, "LastModifiedDate": AT}
    (event,) = taken(change(fields)).events
    assert event.type.wire == "lead.accepted"


def test_what_was_cleared_is_told_though_only_the_header_says_so() -> None:
    """CometD leaves nothing else of it."""
    (event,) = taken(change({"LastModifiedDate": AT}, changedFields=["Rating"], nulledFields=["Rating"])).events
    assert event.data == {"attributes": {"priority": None}}


def test_a_difference_of_a_long_text_is_no_value_of_it() -> None:
    """The API has the whole text, where the mapping asks for it."""
    fields = {"Company": "--- \n+++ 1f\n@@ -1 +1 @@", "Description": {"diff": "--- "}, "LastModifiedDate": AT}
    given = taken(change(fields, changedFields=["Company", "Description"], diffFields=["Company", "Description"]))
    assert given.events == ()
    assert given.thin == (Reference("Lead", LEAD),)
    assert taken(change(fields, changedFields=["Description"], diffFields=["Description", "Company"])).events == ()


def test_an_overflow_asks_for_all_that_changed_since_before_its_transaction() -> None:
    """It names no record."""
    (wanted,) = taken(change({}, changeType="GAP_OVERFLOW", recordIds=[])).lacking
    assert (wanted.object, wanted.id) == ("Lead", "")
    assert wanted.since == (AT - 3_600_000) * 1_000


def test_a_task_that_says_with_whom_it_was_needs_no_api() -> None:
    """Enriched with what its rules ask about, the event of an update says all."""
    (touch, *_) = MAPPING.activities["Task"].touches
    assert {name for name, _ in touch.condition.tests} == {"TaskSubtype", "IsClosed", "CallType"}
    fields = {
        "WhoId": LEAD,
        "IsClosed": True,
        "TaskSubtype": "Call",
        "CallType": "Outbound",
        "CallDisposition": "Interested",
        "Type": "Call",
        "LastModifiedDate": AT,
    }
    given = taken(change(fields, entityName="Task", recordIds=["00T5f00001abcDEEAY"], changedFields=["IsClosed"]))
    assert [event.data["kind"] for event in given.events] == ["call"]
    assert not given.lacking


@pytest.mark.parametrize("kind", ["SNAPSHOT", "", "NEW_KIND"])
def test_a_kind_of_change_that_is_not_known_means_nothing(kind: str) -> None:
    """Salesforce keeps some for later use."""
    if kind:
        assert taken(change(changeType=kind)) == Taken()
    else:
        with pytest.raises(BadEvent, match="changeType"):
            taken(change(changeType=kind))


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ({"entityName": None}, "entityName"),
        ({"entityName": ["Lead"]}, "entityName"),
        ({"changeType": 5}, "changeType"),
        ({"commitTimestamp": None}, "commitTimestamp"),
        ({"commitTimestamp": "soon"}, "commitTimestamp"),
        ({"commitTimestamp": 10**400}, "commitTimestamp"),
        ({"recordIds": None}, "recordIds"),
        ({"recordIds": []}, "recordIds"),
        ({"recordIds": LEAD}, "recordIds"),
        ({"recordIds": [5]}, "recordIds"),
        ({"recordIds": ["00Q"]}, "recordIds"),
        ({"recordIds": ["00Q5f00000:bwLFEAY"]}, "recordIds"),
        ({"changedFields": "Status"}, "changedFields"),
        ({"nulledFields": [None]}, "nulledFields"),
        ({"diffFields": {}}, "diffFields"),
    ],
    ids=str,
)
def test_an_event_that_cannot_be_read_is_told_by_its_field(header: dict[str, Any], named: str) -> None:
    """The reason names the field that is wrong."""
    with pytest.raises(BadEvent, match=named) as caught:
        taken(change(**header))
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("item", [{}, {"payload": {}}, {"data": {"payload": []}}, {"ChangeEventHeader": []}], ids=str)
def test_what_has_no_header_is_no_change_event(item: dict[str, Any]) -> None:
    """Wherever it should be."""
    with pytest.raises(BadEvent, match="ChangeEventHeader"):
        taken(item)


@given(JSON.filter(lambda item: isinstance(item, dict)) | damaged(CHANGES).filter(lambda item: isinstance(item, dict)))
@PURE
def test_any_change_event_gives_valid_events_or_says_why_not(item: dict[str, Any]) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: taken(item).events):
        assert from_json(record.value) == event


@given(damaged(ROWS).filter(lambda item: isinstance(item, dict)), st.sampled_from(OBJECTS))
@PURE
def test_any_row_gives_valid_events_or_says_why_not(row: dict[str, Any], name: str) -> None:
    """The same of what the REST API says."""
    for event, record in usable(lambda: SENDER.meant(SENDER.found(Found(name, row))).events):
        assert from_json(record.value) == event
