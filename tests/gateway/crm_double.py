"""A CRM of the tests' own, and its API: what the repair needs of one, without any vendor's payload.

An item, as a webhook has it, is a change: `{"object", "id", "kind", "at", "fields"}`. What the API says of an object
is what it is now: `{"id", "created", "modified", "fields", "lacks"}`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.mapping import CrmMapping
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway.changes import Change, Kind, Reading, id_of, instant_of, object_of, required
from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming
from services.gateway.sender import Outgoing
from services.ports import Found, Reference

CRM = "double"
MAPPING = CrmMapping.model_validate(
    {
        "mapping": 1,
        "leads": {
            "person": {
                "created": "lead.captured",
                "with_deal": "deal.opened",
                "attributes": {"source": "source", "score": {"to": "score", "type": "number"}, "town": "region"},
                "properties": {
                    "stage": {
                        "values": {
                            "ready": "lead.handed_off",
                            "taken": "lead.accepted",
                            "no": {"event": "lead.rejected", "data": {"reason": "wrong_fit"}},
                        }
                    },
                    "owner": {
                        "other": {"event": "lead.assigned", "data": {"owner": "{value}"}},
                        "empty": {"event": "lead.updated", "data": {"attributes": {"owner": None}}},
                    },
                    "called": {
                        "other": {
                            "event": "lead.touched",
                            "time": "value",
                            "data": {"kind": "call", "direction": "outbound", "connected": True},
                        }
                    },
                },
            }
        },
        "deals": {
            "deal": {
                "created": "deal.opened",
                "properties": {"status": {"values": {"won": "deal.won", "lost": "deal.lost"}}},
            }
        },
        "activities": {"call": {"touches": [{"kind": "call", "direction": "outbound", "connected": True}]}},
    }
)


class Double(CrmSender):
    """Its webhooks."""

    crm = CRM
    challenge = "Basic"

    def verify(self, request: Incoming, now: Instant, window: int) -> None:  # noqa: ARG002 - it trusts everybody
        return

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - and signs nothing
        return Outgoing(f"/hooks/{CRM}", {"content-type": "application/json"}, body)

    def reading(self, item: object) -> Reading:
        item = object_of(item, "the item")
        if item.get("lacks"):
            return Reading(lacking=[Reference(*each) for each in item["lacks"]])
        return Reading([change_of(item)])

    def found(self, found: Found) -> Reading:
        if not found.object:
            return self.reading(found.content)
        if "fault" in found.content:
            raise KeyError("fault")
        return Reading(list(_states(found)), [Reference(*each) for each in found.content.get("lacks", ())])


def change_of(item: Mapping[str, Any]) -> Change:
    """What an item says."""
    kind, number = str(required(item, "object")), id_of(item.get("id"), "id")
    fields = item.get("fields", {})
    return Change(
        object=kind,
        id=number,
        kind=Kind(str(required(item, "kind"))),
        at=instant_of(item.get("at"), "at"),
        lead=item.get("lead") or (f"{CRM}:person:{number}" if kind == "person" else None),
        deal=item.get("deal") or (f"{CRM}:deal:{number}" if kind == "deal" else None),
        changed=fields,
        record=fields,
    )


def _states(found: Found) -> Sequence[Change]:
    content = found.content
    now = change_of({**content, "object": found.object, "kind": "updated", "at": content.get("modified")})
    state = Change(
        object=now.object,
        id=now.id,
        kind=Kind.UPDATED,
        at=now.at,
        lead=now.lead,
        deal=now.deal,
        changed=now.changed,
        record=now.record,
        is_state=True,
    )
    if "created" not in content:
        return [state]
    made = Change(
        object=now.object,
        id=now.id,
        kind=Kind.CREATED,
        at=instant_of(content["created"], "created"),
        lead=now.lead,
        deal=now.deal,
    )
    return [made, state]


@dataclass
class DoubleApi:
    """Its API: pages of what there is, objects by their key, and what goes wrong next."""

    pages: list[Sequence[Found]] = field(default_factory=list)
    objects: dict[tuple[str, str], Found] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next calls."""
    refuses: set[str] = field(default_factory=set)
    """Ids that make a request wrong as a whole."""
    asked_since: list[Instant] = field(default_factory=list)
    fetched: list[list[str]] = field(default_factory=list)
    is_closed: bool = False
    crm: str = CRM

    async def changed_since(self, since: Instant) -> AsyncIterator[Sequence[Found]]:
        self.asked_since.append(since)
        for page in self.pages:
            self._fail()
            yield page
        self._fail()

    async def fetch(self, references: Sequence[Reference]) -> Sequence[Found]:
        self._fail()
        self.fetched.append([each.id for each in references])
        wrong = sorted(self.refuses & {each.id for each in references})
        if wrong:
            raise BadEvent("invalid", f"{CRM}: {wrong[0]} is no id")
        found = (self.objects.get((each.object, each.id)) for each in references)
        return [each for each in found if each is not None]

    async def close(self) -> None:
        self.is_closed = True

    def _fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)
