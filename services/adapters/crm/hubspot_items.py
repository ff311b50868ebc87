"""From records of HubSpot's API with the histories of their properties to changes as its webhooks tell them. Pure.

Each change has its own time, so that its event is the one that the webhook made, or would have made. All have the whole
record under `properties`, by which the gateway knows that there is no more to be asked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from services.domain.instants import Instant, parse_instant
from services.errors import Unavailable
from services.ports import Found

MERGED = "hs_merged_object_ids"
"""Of a record, those that went into it, parted by semicolons.

Contacts alone have hs_calculated_merged_vids too, with times, but without those of earlier merges."""
COMPANY = "associatedcompanyid"
"""Of a contact, its primary company."""
OF_COMPANY = "company."

Record = Mapping[str, Any]


def changes_of(kind: str, record: Record, names: Iterable[str], since: Instant | None) -> Iterator[Found]:
    """Its creation, its merges, and each change of these properties, from that time on."""
    created = at_of(record, "createdAt")
    if _is_since(created, since):
        yield _item(kind, "creation", record, created)
    for name in sorted(names):
        for version in versions_of(record, name):
            if _is_since(version["timestamp"], since):
                yield _change(kind, record, name, version)
    known: set[str] = set()
    for version in versions_of(record, MERGED):
        gone = [number for number in _merged(version) if number not in known]
        known.update(gone)
        if gone and _is_since(version["timestamp"], since):
            more = {"primaryObjectId": record["id"], "mergedObjectIds": gone}
            yield _item(kind, "merge", record, version["timestamp"], **more)


def merged_into(record: Record) -> Sequence[str]:
    """The ids of those that went into it."""
    versions = versions_of(record, MERGED)
    return [*_merged(versions[-1])] if versions else []


def deletion_of(kind: str, record: Record, since: Instant) -> Iterator[Found]:
    """That it was deleted, since then."""
    archived = at_of(record, "archivedAt")
    if _is_since(archived, since):
        yield _item(kind, "deletion", record, archived)


def link_of(lead_kind: str, lead: str, deal_kind: str, deal: Record) -> Found:
    """That a lead has to do with a deal. When they were associated the API does not say: not before the deal was."""
    more = {
        "associationType": f"{lead_kind}_TO_{deal_kind}".upper(),
        "fromObjectId": lead,
        "toObjectId": deal["id"],
        "associationRemoved": False,
    }
    return _item(lead_kind, "associationChange", deal, at_of(deal, "createdAt"), **more)


def company_of(contact: Record) -> str | None:
    """The id of a contact's primary company."""
    value = contact.get("properties", {}).get(COMPANY)
    return str(value) if value else None


def company_changes(
    contact: Record, company: Record | None, names: Iterable[str], since: Instant | None
) -> Iterator[Found]:
    """What these properties of its company are to a contact: from when it has that company, and as they change then.

    Without a company they are empty, from when it had one no more.
    """
    joined = versions_of(contact, COMPANY)
    if company is None and len(joined) < 2:
        return
    start = joined[-1]["timestamp"] if joined else at_of(contact, "createdAt")
    for name in sorted(names):
        versions = versions_of(company, name) if company is not None else [{"value": "", "timestamp": start}]
        before = [one for one in versions if parse_instant(one["timestamp"]) <= parse_instant(start)]
        later = versions[len(before) :]
        for version in [*({**one, "timestamp": start} for one in before[-1:]), *later]:
            if _is_since(version["timestamp"], since):
                yield _change("contact", contact, f"{OF_COMPANY}{name}", version)


def versions_of(record: Record, name: str) -> list[Mapping[str, Any]]:
    """The values that a property had, the oldest first."""
    found = record.get("propertiesWithHistory", {}).get(name) or []
    return sorted((one for one in found if one.get("timestamp")), key=lambda one: parse_instant(one["timestamp"]))


def at_of(record: Record, name: str) -> str:
    """A time of the record. Raises Unavailable where the answer lacks it."""
    value = record.get(name)
    if not isinstance(value, str):
        raise Unavailable(f"hubspot: an answer lacks {name}")
    return value


def _is_since(at: str, since: Instant | None) -> bool:
    return since is None or parse_instant(at) >= since


def _merged(version: Mapping[str, Any]) -> Iterator[str]:
    return (number.strip() for number in str(version.get("value") or "").split(";") if number.strip())


def _change(kind: str, record: Record, name: str, version: Mapping[str, Any]) -> Found:
    more = {"propertyName": name, "propertyValue": version.get("value")}
    return _item(kind, "propertyChange", record, version["timestamp"], **more)


def _item(kind: str, change: str, record: Record, at: str, **more: Any) -> Found:
    item = {
        "subscriptionType": f"{kind}.{change}",
        "objectId": record["id"],
        "occurredAt": at,
        "properties": record.get("properties", {}),
        **more,
    }
    return Found("", item)
