"""Change events as Salesforce writes them for the Pub/Sub API: schemas of Avro, payloads, bitmaps of fields.

From the Pub/Sub API's pages on the serialization and deserialization of events, and the fields of ChangeEventHeader.
"""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import fastavro

ORGANIZATION = "00D5f000005VjBOEA0"
CHANNEL = "/data/ChangeEvents"
COMMITTED = 1_791_190_800_000
"""2026-10-05T09:00:00Z, in milliseconds."""

_TEXT = ["null", "string"]
_NAME = {
    "type": "record",
    "name": "PersonName",
    "fields": [{"name": each, "type": _TEXT, "default": None} for each in ("Salutation", "FirstName", "LastName")],
}
_ADDRESS = {
    "type": "record",
    "name": "Address",
    "fields": [
        {"name": "Street", "type": _TEXT, "default": None},
        {"name": "City", "type": _TEXT, "default": None},
        {"name": "Latitude", "type": ["null", "double"], "default": None},
    ],
}
_HEADER = {
    "type": "record",
    "name": "ChangeEventHeader",
    "fields": [
        {"name": "entityName", "type": "string"},
        {"name": "recordIds", "type": {"type": "array", "items": "string"}},
        {
            "name": "changeType",
            "type": {
                "type": "enum",
                "name": "ChangeType",
                "symbols": [
                    *("CREATE", "UPDATE", "DELETE", "UNDELETE"),
                    *("GAP_CREATE", "GAP_UPDATE", "GAP_DELETE", "GAP_UNDELETE", "GAP_OVERFLOW", "SNAPSHOT"),
                ],
            },
        },
        {"name": "changeOrigin", "type": "string"},
        {"name": "transactionKey", "type": "string"},
        {"name": "sequenceNumber", "type": "int"},
        {"name": "commitTimestamp", "type": "long"},
        {"name": "commitNumber", "type": "long"},
        {"name": "commitUser", "type": "string"},
        {"name": "nulledFields", "type": {"type": "array", "items": "string"}},
        {"name": "diffFields", "type": {"type": "array", "items": "string"}},
        {"name": "changedFields", "type": {"type": "array", "items": "string"}},
    ],
}


def _field(name: str, kind: str = "string", doc: str = "Data:Text") -> dict[str, Any]:
    return {"name": name, "type": ["null", kind], "doc": doc, "default": None}


def _schema(entity: str, *fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "record",
        "name": f"{entity}ChangeEvent",
        "namespace": "com.sforce.eventbus",
        "fields": [{"name": "ChangeEventHeader", "type": _HEADER}, *fields],
    }


LEAD = _schema(
    "Lead",
    {"name": "Name", "type": ["null", "string", _NAME], "doc": "Data:PersonName", "default": None},
    _field("Company"),
    {"name": "Address", "type": ["null", _ADDRESS], "doc": "Data:Address", "default": None},
    _field("Status", doc="Data:DynamicEnum"),
    _field("LeadSource", doc="Data:DynamicEnum"),
    _field("OwnerId", doc="Data:EntityId"),
    _field("IsConverted", "boolean", "Data:Boolean"),
    _field("ConvertedDate", "long", "Data:DateOnly"),
    _field("ConvertedOpportunityId", doc="Data:EntityId"),
    _field("CreatedDate", "long", "CreatedDate:DateTime"),
    _field("LastModifiedDate", "long", "LastModifiedDate:DateTime"),
    {"name": "Other_Address__c", "type": ["null", "Address"], "doc": "Data:Address", "default": None},
    _field("Call_At__c", "long", "Data:TimeOnly:00N5f000000abcd"),
    _field("Description"),
)
"""The second address is of a type that the first one describes."""
LEAD_WITH_SCORE = _schema("Lead", *LEAD["fields"][1:], _field("Score__c", "double", "Data:Double"))
"""After somebody made another field."""


def header(**fields: Any) -> dict[str, Any]:
    """The header of an update, with other fields where they are given."""
    return {
        "entityName": "Lead",
        "recordIds": ["00Q5f00000AbCdEEAV"],
        "changeType": "UPDATE",
        "changeOrigin": "com/salesforce/api/soap/60.0;client=SfdcInternalAPI/",
        "transactionKey": "00006bec-ce66-0611-9018-30a98446c9f2",
        "sequenceNumber": 1,
        "commitTimestamp": COMMITTED,
        "commitNumber": 1_100_670_838_951,
        "commitUser": "0055f000005mc66AAA",
        "nulledFields": [],
        "diffFields": [],
        "changedFields": [],
        **fields,
    }


def payload(schema: Mapping[str, Any], head: Mapping[str, Any], **fields: Any) -> bytes:
    """The bytes of an event."""
    written = io.BytesIO()
    fastavro.schemaless_writer(
        written, fastavro.parse_schema(json.loads(json.dumps(schema))), {**fields, "ChangeEventHeader": head}
    )
    return written.getvalue()


def bitmap(schema: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Names of fields as Salesforce sends them: one number for the record, one more for each compound field."""
    fields = [field["name"] for field in schema["fields"]]
    whole, parts = 0, dict[int, int]()
    for name in names:
        parent, _, child = name.partition(".")
        at = fields.index(parent)
        if child:
            inner = {"Name": _NAME}.get(parent, _ADDRESS)["fields"]
            place = [field["name"] for field in inner].index(child)  # type: ignore[index]
            parts[at] = parts.get(at, 0) | 1 << place
        else:
            whole |= 1 << at
    return [f"0x{whole:08X}"] * bool(whole) + [f"{at}-0x{bits:02X}" for at, bits in parts.items()]


def update(number: int = 1, **fields: Any) -> bytes:
    """An update of a lead's status, one of many."""
    head = header(
        recordIds=[f"00Q5f00000{number:05d}EAV"],
        transactionKey=f"00006bec-ce66-0611-9018-{number:012d}",
        commitTimestamp=COMMITTED + 1_000 * number,
        changedFields=bitmap(LEAD, ["Status", "LastModifiedDate"]),
    )
    return payload(LEAD, head, **{"Status": "Working", "LastModifiedDate": COMMITTED + 1_000 * number, **fields})
