"""The fields of Zoho's records, as its notifications and its API tell them. Pure."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from services.domain.events import Scalar
from services.errors import BadEvent
from services.gateway.changes import Fields, flattened, text_of

CONVERTED = "Converted__s"
"""Whether a lead was converted; also where Zoho says so in another form."""
DURATION = "Call_Duration_in_seconds"
OPERATION = "$operation"
"""In records of notifications: `insert` or `update`, so that a mapping can tell a first value from a new one."""
HISTORY = "$history"
"""In records that the API client read: as of `Modified_Time`, these fields alone changed; the others are as now."""
TOLD_APART = "$told_apart"
"""In records that the API client read: the fields whose changes it tells apart, with their own times."""

CONVERSION = frozenset({CONVERTED, "$converted", "$converted_detail", "Converted_Deal", "Converted_Date_Time"})
"""The forms in which a conversion shows. Which of them a notification has is not documented."""
_DEAL = ("Converted_Deal", "$converted_detail.deal", "$converted_detail.deal.id")
_MEETINGS = "Meetings"
"""How the documentation of notifications calls the module whose API name is Events."""
_DURATION = re.compile(r"(?:([0-9]{1,4}):)?([0-9]{1,4}):([0-9]{1,2})")


def read(values: Mapping[str, Any]) -> dict[str, Scalar]:
    """The fields; a lookup, {id, name}, is its id, and its name is under `FIELD.name`. Raises BadEvent."""
    fields = flattened({name: value for name, value in values.items() if name not in (HISTORY, TOLD_APART)})
    for name, value in values.items():
        if isinstance(value, Mapping):
            number = value.get("id")
            if isinstance(number, str | int):
                fields[name] = number
    if "$converted" in fields:
        fields.setdefault(CONVERTED, fields["$converted"])
    if converted_deal(fields) is not None:
        fields.setdefault(CONVERTED, True)
    _add_duration(fields)
    return fields


def module_of(value: object) -> str:
    """The API name of a module. Raises BadEvent."""
    if not isinstance(value, str) or not value:
        raise BadEvent("invalid", "module: of which module the record is, is missing")
    return "Events" if value == _MEETINGS else value


def changed(record: Fields, content: Mapping[str, Any]) -> dict[str, Scalar]:
    """The fields of a state that count: those of its history, or all that are not told apart."""
    history, apart = _listed(content.get(HISTORY)), _listed(content.get(TOLD_APART))
    if history:
        return {name: value for name, value in record.items() if name.partition(".")[0] in history}
    return {name: value for name, value in record.items() if name.partition(".")[0] not in apart}


def _listed(names: object) -> Collection[str]:
    return frozenset(name for name in names if isinstance(name, str)) if isinstance(names, list) else frozenset()


def is_converted(record: Fields) -> bool:
    """Whether a lead is said to be converted."""
    return text_of(record.get(CONVERTED)) == "true"


def converted_deal(record: Fields) -> Scalar:
    """The id of the deal that a lead became; None where none is told."""
    return next((record[name] for name in _DEAL if text_of(record.get(name))), None)


def tells_relation(record: Fields) -> bool:
    """Whether the fields of an activity say what it is about, or that it is about nothing."""
    about = [name for name in ("Who_Id", "What_Id") if name in record]
    return bool(about) and ("$se_module" in record or not any(text_of(record[name]) for name in about))


def related(record: Fields, leads: Collection[str]) -> tuple[str, Scalar] | None:
    """The module and id of the lead that an activity is about, of the modules that are leads; None: about none.

    `$se_module` names the module of What_Id, in which a lead stands. Who_Id is a contact; that it may be a lead where
    `$se_module` is Leads is not documented, and read all the same.
    """
    module = text_of(record.get("$se_module"))
    what, who = record.get("What_Id"), record.get("Who_Id")
    if module in leads:
        number = what if text_of(what) else who
        return (module, number) if text_of(number) else None
    return ("Contacts", who) if "Contacts" in leads and text_of(who) else None


def _add_duration(fields: dict[str, Scalar]) -> None:
    """The seconds of a call that is told as MM:SS or HH:MM:SS."""
    found = _DURATION.fullmatch(text_of(fields.get("Call_Duration")))
    if found and not text_of(fields.get(DURATION)):
        fields[DURATION] = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
