"""Rows of Salesforce's history tables as the change events that they were. Pure.

What a record was at which time stands in `LeadHistory` and the like, for the fields that a company has tracked, and in
`OpportunityHistory` for stages and amounts of every company.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from services.ports import Found

Row = Mapping[str, Any]

_OWNER = "Owner"
"""What the tables call `OwnerId`; a change of it has a row with the names, and one with the ids."""
_USER_OR_QUEUE = re.compile(r"(?:005|00G)[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")


@dataclass(frozen=True, slots=True)
class History:
    """A history table, and which of its columns names the record."""

    table: str
    parent: str


def history_of(kind: str) -> History:
    """The table of an object's tracked fields."""
    if kind.endswith("__c"):
        return History(f"{kind.removesuffix('__c')}__History", "ParentId")
    return History(f"{kind}History", f"{kind}Id")


def field_changes(kind: str, parent: str, rows: Iterable[Row], names: Collection[str]) -> Iterator[Found]:
    """What rows of a history table say of these fields; what was saved together is one change.

    A field that changes twice in a second, as flows do it, has two.
    """
    saved: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        name, value = row["Field"], row["NewValue"]
        if name == _OWNER:
            name = "OwnerId"
            if value is not None and not (isinstance(value, str) and _USER_OR_QUEUE.fullmatch(value)):
                continue
        if name in names:
            changes = saved.setdefault((row[parent], row["CreatedDate"]), [{}])
            if name in changes[-1]:
                changes.append({})
            changes[-1][name] = value
    for (number, at), changes in saved.items():
        for values in changes:
            yield _change(kind, number, at, values)


def stage_changes(
    kind: str, rows: Iterable[Row], stages: Mapping[str, Row], since: str | None, names: Collection[str]
) -> Iterator[Found]:
    """What rows of `OpportunityHistory` say, all of a deal's in order; those before `since` are only compared with.

    A row has the stage and the amount as they were then, whichever of them changed. `stages` says of each stage
    whether it is won or closed.
    """
    before: dict[str, Row] = {}
    for row in rows:
        number = row["OpportunityId"]
        last = before.get(number, {})
        before[number] = row
        values = {
            name: row.get(name) for name in ("StageName", "Amount") if name in names and row.get(name) != last.get(name)
        }
        if "StageName" in values or ("StageName" not in names and row.get("StageName") != last.get("StageName")):
            stage = stages.get(row.get("StageName") or "", {})
            values |= {name: stage[name] for name in ("IsClosed", "IsWon") if name in names and name in stage}
        if values and (since is None or row["CreatedDate"] >= since):
            yield _change(kind, number, row["CreatedDate"], values, _beside(row, values))


def _beside(row: Row, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the row says of the deal that has not changed, such as the amount of one that is won."""
    told = {name: row.get(name) for name in ("StageName", "Amount", "CurrencyIsoCode") if name not in values}
    return {name: value for name, value in told.items() if value is not None}


def _change(
    kind: str, number: str, at: str, values: Mapping[str, Any], beside: Mapping[str, Any] | None = None
) -> Found:
    header = {
        "entityName": kind,
        "recordIds": [number],
        "changeType": "UPDATE",
        "commitTimestamp": at,
        "changedFields": list(values),
        "nulledFields": [name for name, value in values.items() if value is None],
    }
    return Found("", {"ChangeEventHeader": header, **(beside or {}), **values})
