"""Records of Odoo as plain fields, and what a state that is told again and again says.

Odoo tells what a record is, not what changed. So a rule of the mapping has the time that the record itself keeps
(`date_open` for the salesperson), and with it the same id however often the state is told.
"""

from collections.abc import Mapping
from typing import Any

from schemas.mapping import DealObject, LeadObject
from services.domain.events import Scalar
from services.domain.instants import SECOND, Instant
from services.gateway.changes import Fields, instant_of, text_of
from services.gateway.crm.labels import LABEL
from services.gateway.meaning import rules_of

OWN = "x_"
"""How the names of all fields begin that a company has added; a record need not have them."""

_BOOLEANS = frozenset({"active", "allday", "automated", "is_internal"})
"""Fields of which False is a value. Of all others it is what Odoo says where there is none."""


def fields_of(row: Mapping[str, Any], booleans: frozenset[str] = frozenset()) -> dict[str, Scalar]:
    """The fields of a record; those of more than one value are their ids in one text, those of other kinds left out.

    A record that is pointed to is its id; webhooks tell that alone, the API `[id, name]`: the name is `FIELD.label`.
    """
    fields: dict[str, Scalar] = {}
    for name, value in row.items():
        if name.startswith("_"):
            continue
        if value is False and name not in _BOOLEANS and name not in booleans:
            fields[name] = None
        elif isinstance(value, float) and value.is_integer():
            # 100.0 and 100 are one probability.
            fields[name] = int(value)
        elif value is None or isinstance(value, str | int | float):
            fields[name] = value
        elif isinstance(value, list) and len(value) == 2 and isinstance(value[0], int) and isinstance(value[1], str):
            fields |= {name: value[0], name + LABEL: value[1]}
        elif isinstance(value, list) and all(isinstance(each, int) for each in value):
            fields[name] = ",".join(text_of(each) for each in value) or None
    return fields


def second_of(fields: Fields, name: str) -> Instant | None:
    """A time that the record keeps, None where it is not told. Webhooks write fractions that the API leaves out."""
    return instant_of(fields[name], name) // SECOND * SECOND if fields.get(name) is not None else None


def told_by(meaning: LeadObject | DealObject, fields: Fields) -> tuple[Fields, bool]:
    """The fields whose rules have all that they ask for, and whether others have not.

    What a rule asks for and nobody chose for the webhook would be taken for empty: a lost lead for a lead.
    """
    told = dict(fields)
    for name, value in fields.items():
        if name in meaning.properties:
            rules, _ = rules_of(meaning.properties[name], text_of(value))
            asked = {field.removesuffix(LABEL) for rule in rules for field in rule.fields()}
            if any(field not in fields and not field.startswith(OWN) for field in asked):
                del told[name]
    return told, len(told) < len(fields)
