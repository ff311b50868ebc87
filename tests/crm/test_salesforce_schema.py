"""Change events of the Pub/Sub API: from bytes of Avro to the JSON that Salesforce documents."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.adapters.salesforce.schema import BITMAPS, HEADER, ChangeSchema
from services.errors import BadEvent
from tests.crm.change_events import COMMITTED, LEAD, LEAD_WITH_SCORE, bitmap, header, payload, update

SCHEMA = ChangeSchema(json.dumps(LEAD))
NAMES = [
    *(field["name"] for field in LEAD["fields"]),
    *("Name.Salutation", "Name.FirstName", "Name.LastName", "Address.City", "Other_Address__c.Street"),
]


def decoded(head: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """An event of leads, there and back."""
    return SCHEMA.change(payload(LEAD, head, **fields))


def test_an_update_has_what_changed_and_no_more() -> None:
    """Avro has null for every field that did not change."""
    event = decoded(
        header(changedFields=bitmap(LEAD, ["Status", "Name.FirstName", "LastModifiedDate"])),
        Status="Working",
        Name={"FirstName": "Ada"},
        LastModifiedDate=COMMITTED,
    )
    assert event == {
        HEADER: header(changedFields=["Status", "LastModifiedDate", "Name.FirstName"]),
        "Status": "Working",
        "Name": {"FirstName": "Ada"},
        "LastModifiedDate": "2026-10-05T09:00:00.000Z",
    }


def test_what_was_emptied_is_null() -> None:
    """A field of the record, one of a compound, and a compound as a whole."""
    names = ["Company", "Name.Salutation", "Address"]
    event = decoded(header(changedFields=bitmap(LEAD, names), nulledFields=bitmap(LEAD, names)), Name={})
    assert event.pop(HEADER)["nulledFields"] == ["Company", "Address", "Name.Salutation"]
    assert event == {"Company": None, "Name": {"Salutation": None}, "Address": None}


def test_the_bitmaps_of_the_documentation() -> None:
    """The lowest bit is the first field; what stands before the dash is where the compound field is."""
    event = decoded(header(changedFields=["0x00000006", "3-0x02"], diffFields=["0x4000"]))
    assert event[HEADER]["changedFields"] == ["Name", "Company", "Address.City"]
    assert event[HEADER]["diffFields"] == ["Description"]


def test_a_compound_that_is_described_elsewhere() -> None:
    """The second address names the type of the first."""
    event = decoded(header(changedFields=["12-0x01"]), Other_Address__c={"Street": "415 Mission Street"})
    assert event[HEADER]["changedFields"] == ["Other_Address__c.Street"]
    assert event["Other_Address__c"] == {"Street": "415 Mission Street"}


def test_a_name_that_is_a_text() -> None:
    """That of a business, where it might have been a person's."""
    assert decoded(header(changeType="CREATE"), Name="Acme")["Name"] == "Acme"


def test_dates_are_as_in_json() -> None:
    """Times of day too; a number that is no date stays one."""
    event = decoded(header(changeType="CREATE"), ConvertedDate=COMMITTED, Call_At__c=9 * 3_600_000)
    assert event["ConvertedDate"] == "2026-10-05"
    assert event["Call_At__c"] == "09:00:00.000Z"
    assert event[HEADER]["commitTimestamp"] == COMMITTED
    assert decoded(header(), CreatedDate=2**62)["CreatedDate"] == 2**62


def test_times_by_a_logical_type() -> None:
    """The library makes datetimes of them."""
    logical = json.loads(json.dumps(LEAD))
    logical["fields"][10]["type"] = ["null", {"type": "long", "logicalType": "timestamp-millis"}]
    event = ChangeSchema(json.dumps(logical)).change(payload(logical, header(), CreatedDate=COMMITTED))
    assert event["CreatedDate"] == "2026-10-05T09:00:00.000Z"


def test_names_that_are_no_bitmaps_stay() -> None:
    """As other APIs have them."""
    assert decoded(header(changedFields=["Status"]))[HEADER]["changedFields"] == ["Status"]


@given(st.lists(st.sampled_from(NAMES), unique=True))
def test_any_fields_are_named(names: list[str]) -> None:
    """What a bitmap is made of is what it is read as."""
    event = decoded(header(**{each: bitmap(LEAD, names) for each in BITMAPS}))
    assert all(set(event[HEADER][each]) == set(names) for each in BITMAPS)


@pytest.mark.parametrize("bits", ["0x8000", "99-0x01", "2-0x01", "x-0x01", "0x", "0xZZ", "-0x01", "0x" + "F" * 100_000])
def test_a_bitmap_of_other_fields(bits: str) -> None:
    """It says which list is wrong."""
    with pytest.raises(BadEvent, match=r"^ChangeEventHeader\.changedFields: "):
        decoded(header(changedFields=[bits]))


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '"string"', '{"type": "record"}', "{" * 100_000])
def test_a_text_that_is_no_schema(text: str) -> None:
    """Whatever the library makes of it."""
    with pytest.raises(BadEvent):
        ChangeSchema(text).change(b"")


def test_an_event_of_another_schema() -> None:
    """It has bytes that this one does not read."""
    head = header()
    for schema, other in ((LEAD, LEAD_WITH_SCORE), (LEAD_WITH_SCORE, LEAD)):
        with pytest.raises(BadEvent, match="not of its schema"):
            ChangeSchema(json.dumps(schema)).change(payload(other, head, Description="x"))


def test_an_event_without_a_header() -> None:
    """That is a platform event."""
    schema = {"type": "record", "name": "Low_Ink__e", "fields": [{"name": "Serial__c", "type": "string"}]}
    with pytest.raises(BadEvent, match="ChangeEventHeader: missing"):
        ChangeSchema(json.dumps(schema)).change(b"\x02a")


@given(st.binary(max_size=300) | st.builds(lambda cut: update()[:cut], st.integers(0, 300)))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """Nothing but BadEvent is raised, and what is read is JSON."""
    try:
        event = SCHEMA.change(content)
    except BadEvent:
        return
    json.dumps(event, allow_nan=False)


def test_numbers_that_json_does_not_have() -> None:
    """They are texts: whoever wants a number says that it is none."""
    event = decoded(header(changeType="CREATE"), Address={"Latitude": float("nan")})
    assert event["Address"] == {"Latitude": "nan"}
