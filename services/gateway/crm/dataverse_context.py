"""An execution context of Dataverse (`RemoteExecutionContext`), as its webhooks post it: what happened to which row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from services.domain.events import Scalar
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import Fields, instant_of, object_of, required
from services.gateway.crm.dataverse import NO_ID, date_of, fields_of_entity, pairs_of, row_id

_PRIMARY_NAME = "AsynchronousStepPrimaryName"
"""An image that asynchronous steps have without being asked; it has the name of the row alone."""


@dataclass(frozen=True, slots=True)
class Context:
    """What is common to all messages."""

    message: str
    table: str
    given: Mapping[str, Any]
    """InputParameters; none where the payload would have been too large."""
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, item: object) -> Self:
        """The context that a body is. Raises BadEvent."""
        raw = object_of(item, "the body")
        message, table = (required(raw, name) for name in ("MessageName", "PrimaryEntityName"))
        if not isinstance(message, str) or not isinstance(table, str):
            raise BadEvent("invalid", "MessageName, PrimaryEntityName: not texts")
        return cls(message, table, pairs_of(raw, "InputParameters"), raw)

    def entity(self, name: str) -> Mapping[str, Any]:
        """An input parameter that is a row, or names one; empty where it is missing. Raises BadEvent."""
        value = self.given.get(name)
        return {} if value is None else object_of(value, name)

    def choice(self, name: str) -> int | None:
        """An input parameter that is a choice; None for -1 too, which stands for the default."""
        value = self.entity(name).get("Value")
        return value if isinstance(value, int) and value >= 0 else None

    def id(self, *others: object) -> str:
        """The id of the row that it is about: the primary one, or else the first of the others. Raises BadEvent."""
        ids = (self.raw.get("PrimaryEntityId"), *others)
        return row_id(next((one for one in ids if one and one != NO_ID), None), "PrimaryEntityId")

    def images(self, name: str) -> dict[str, Scalar]:
        """The images that somebody registered, as fields of one row. Raises BadEvent."""
        fields: dict[str, Scalar] = {}
        for key, image in pairs_of(self.raw, name).items():
            if key != _PRIMARY_NAME and image is not None:
                fields |= fields_of_entity(object_of(image, name))
        return fields

    def created(self) -> Sequence[Mapping[str, Any]]:
        """References to the rows that the message made: a list, or (not confirmed) an object that has one."""
        told = pairs_of(self.raw, "OutputParameters").get("CreatedEntities")
        if isinstance(told, Mapping):
            told = next((part for part in told.values() if isinstance(part, list)), None)
        return [object_of(each, "CreatedEntities") for each in told] if isinstance(told, list) else []

    def time(self, fields: Fields, *names: str) -> Instant:
        """When it happened: the first of the fields that is told, else when it was handled. Raises BadEvent."""
        for name in names:
            if fields.get(name) is not None:
                return instant_of(fields[name], name)
        handled = required(self.raw, "OperationCreatedOn")
        return instant_of(date_of(handled) if isinstance(handled, str) else handled, "OperationCreatedOn")
