"""What each CRM's payloads mean: samples written field by field from its documentation, with what is expected of each.

The folder `samples/CRM` has bodies as they come (`NAME.json`, or `.xml`), where one matters the headers beside it
(`NAME.headers.json`), and `NAME.expected.json`: the canonical events, or `{"events", "lacking", "thin"}` where the
CRM's API shall be asked, `lacking` and `thin` being lists of `[object, id]`.
"""

from typing import Any

import pytest

from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming
from services.gateway.sender import Sender
from services.translate import to_wire
from tests.gateway.conftest import NOW
from tests.gateway.payloads import NAMES, SENDERS, Payload, payloads

SAMPLES = payloads("samples")


def read(sender: Sender, request: Incoming) -> dict[str, Any]:
    """What the parts of a request give, together."""
    taken = [sender.read(item) for item in sender.items(request)]
    return {
        "events": [to_wire(event) for each in taken for event in each.events],
        "lacking": [[wanted.object, wanted.id] for each in taken for wanted in each.lacking],
        "thin": [[wanted.object, wanted.id] for each in taken for wanted in each.thin],
    }


def expected(payload: Payload) -> dict[str, Any]:
    """What is expected of a sample."""
    told = payload.expected()
    return {"lacking": [], "thin": [], **(told if isinstance(told, dict) else {"events": told})}


@pytest.mark.parametrize("payload", SAMPLES, ids=str)
def test_a_documented_payload_gives_its_canonical_events(payload: Payload) -> None:
    """Each sample gives what stands beside it, field by field."""
    assert read(SENDERS[payload.crm], payload.incoming) == expected(payload)


@pytest.mark.parametrize("payload", SAMPLES, ids=str)
def test_a_redelivery_gives_the_same_ids(payload: Payload) -> None:
    """Nothing of an event's identity comes from anywhere but the payload."""
    sender = SENDERS[payload.crm]
    once, again = (read(sender, payload.incoming) for _ in range(2))
    assert once == again
    ids = [(event["source"], event["id"], event.get("subject")) for event in once["events"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("payload", SAMPLES, ids=str)
def test_a_part_alone_means_what_it_meant_among_others(payload: Payload) -> None:
    """What becomes a dead letter can return: a request of one part gives the same."""
    sender = SENDERS[payload.crm]
    assert isinstance(sender, CrmSender)
    for item in sender.items(payload.incoming):
        content_type, body = sender.alone(item)
        (again,) = sender.items(Incoming("POST", "", {"content-type": content_type}, body, NOW))
        assert sender.read(again) == sender.read(item)


def test_every_crm_has_samples() -> None:
    """A CRM without samples says nothing of what its payloads mean."""
    assert {payload.crm for payload in SAMPLES} == set(NAMES)
