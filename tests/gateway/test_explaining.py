"""What a payload would become is told with its reasons: the rule of each event, and why the rest means nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.mapping import CrmMapping
from services.domain.instants import SECOND
from services.errors import BadEvent
from services.gateway.changes import Change, Kind, Reading
from services.gateway.crm.base import CrmSender
from services.gateway.crm.hubspot import HubSpot
from services.gateway.explaining import Part, explained
from services.gateway.mapping import read_mapping_file
from services.gateway.request import Incoming
from services.gateway.sender import written
from tests.gateway.anything import PURE
from tests.gateway.conftest import NOW, notification
from tests.gateway.payloads import SENDERS, Payload, payloads
from tests.gateway.test_fuzz import NOTIFICATIONS

SAMPLES = payloads("samples")
FOREVER = 2**62
FILES = {crm: read_mapping_file(crm) for crm, sender in SENDERS.items() if isinstance(sender, CrmSender)}
MAPPING = CrmMapping.model_validate(
    {
        "mapping": 1,
        "leads": {
            "contact": {
                "created": {"event": "lead.captured", "when": {"kind": "inbound"}},
                "properties": {"stage": {"values": {"mql": {"event": "lead.handed_off", "when": {"kind": "x"}}}}},
            }
        },
        "activities": {"call": {"touches": []}},
    }
)


class Told(HubSpot):
    """A CRM that says these changes."""

    def __init__(self, *changes: Change) -> None:
        super().__init__(mapping=MAPPING)
        self._changes = changes

    def reading(self, item: object) -> Reading:  # noqa: ARG002 - it says the same of anything
        return Reading(self._changes)


def parts_of(sender: CrmSender, *items: object) -> list[Part]:
    """What a request with these items would become."""
    request = Incoming("POST", "", {"content-type": "application/json"}, written(list(items)), NOW)
    return list(explained(sender.crm, sender, request, latest=FOREVER))


def change(**fields: Any) -> Change:
    return Change(**{"object": "contact", "id": "1", "kind": Kind.UPDATED, "at": NOW, "lead": "a:b:1", **fields})


@pytest.mark.parametrize("payload", SAMPLES, ids=str)
def test_it_says_the_events_that_the_door_would_take(payload: Payload) -> None:
    """The same, in the same order; and each comes from a line of the mapping that names it, or an attribute."""
    sender = SENDERS[payload.crm]
    taken = [sender.read(item) for item in sender.items(payload.incoming)]
    parts = explained(payload.crm, sender, payload.incoming, latest=FOREVER)
    assert [[each.event for each in part.meant] for part in parts] == [list(each.events) for each in taken]
    assert [(list(part.lacking), list(part.thin)) for part in parts] == [
        (list(each.lacking), list(each.thin)) for each in taken
    ]
    for part in parts:
        for each in part.meant:
            assert each.places
            for place in each.places:
                node: Any = FILES[payload.crm].mapping.model_dump()
                for step in place:
                    node = node[step]
                assert (
                    node.get("event", "lead.touched" if "touches" in place else "lead.updated") == each.event.type.wire
                )


@pytest.mark.parametrize("payload", [each for each in SAMPLES if not each.expected()], ids=str)
def test_what_means_nothing_has_a_reason(payload: Payload) -> None:
    """Nobody has to guess why a webhook was ignored."""
    for part in explained(payload.crm, SENDERS[payload.crm], payload.incoming, latest=FOREVER):
        assert all(each.what and each.why for each in part.unmeant)
        assert part.unmeant or part.lacking or part.thin


@given(NOTIFICATIONS)
@PURE
def test_each_part_is_bad_or_has_events_or_reasons(item: Any) -> None:
    """Never nothing at all, never an error of another kind."""
    sender = SENDERS["hubspot"]
    assert isinstance(sender, CrmSender)
    (part,) = parts_of(sender, item)
    if part.bad is None:
        assert part.meant or part.unmeant or part.lacking or part.thin
    else:
        assert not part.meant
        with pytest.raises(BadEvent):
            [each for change in sender.reading(item).changes for each in sender.meant(Reading((change,))).events]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (change(object="company"), "does not know the object company"),
        (change(lead=None), "about no lead"),
        (change(changed={"size": 3}), "does not know the property size"),
        (change(changed={"stage": "new"}), "no rule is for this value"),
        (change(changed={"stage": None}), "no rule is for this value"),
        (change(changed={"stage": "mql"}), "`when` of none"),
        (change(kind=Kind.CREATED), "`when` of none"),
        (change(kind=Kind.DELETED), "no rule for it"),
        (change(kind=Kind.LINKED, deal="a:d:1"), "no rule for it"),
        (change(kind=Kind.ERASED), "no rule for it"),
        (change(object="call"), "none of its touches"),
        (change(object="call", lead=None), "about no lead"),
        (change(object="call", kind=Kind.DELETED), "made or edited"),
    ],
)
def test_the_reason_says_what_is_missing(told: Change, why: str) -> None:
    """The object, the lead, the property, the value, or what `when` asks for."""
    (part,) = parts_of(Told(told), {})
    assert [each.why for each in part.unmeant if why in each.why], part.unmeant
    assert not part.meant


def test_a_reason_knows_where_the_mapping_is_silent() -> None:
    """The place of the property or of the rules that do not hold."""
    (part,) = parts_of(Told(change(kind=Kind.CREATED, changed={"stage": "mql"})), {})
    assert [each.place for each in part.unmeant] == [
        ("leads", "contact", "created"),
        ("leads", "contact", "properties", "stage"),
    ]


def test_a_time_to_come_is_bad_here_as_at_the_door() -> None:
    """Five minutes ahead, and no more."""
    sender = SENDERS["hubspot"]
    ahead = [notification(occurredAt=NOW // 1000 + seconds * 1000) for seconds in (300, 301)]
    request = Incoming("POST", "", {"content-type": "application/json"}, written(ahead), NOW)
    parts = explained("hubspot", sender, request, latest=NOW + 300 * SECOND)
    assert [part.bad and part.bad.reason for part in parts] == [None, "too_far_ahead"]


@given(st.integers(0, 10))
@PURE
def test_a_place_that_the_file_has_not_is_told_by_what_it_has(number: int) -> None:
    """The line of the deepest part that is there."""
    file = FILES["hubspot"]
    assert file.where(("leads", "contact", "created", number)) == file.where(("leads", "contact", "created"))
