"""What each CRM's payloads mean: samples written field by field from its documentation, with what is expected of each.

The folder `samples/CRM` has bodies as they come (`NAME.json`, or `.xml`), where one matters the headers beside it
(`NAME.headers.json`), and `NAME.expected.json`: the canonical events, or `{"events", "lacking", "thin"}` where the
CRM's API shall be asked, `lacking` and `thin` being lists of `[object, id]`. `samples/CRM/found` has what its API says
in the same way: changes as the API tells them, or `{"object", "content"}` for what an object is.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming
from services.gateway.sender import Sender, Taken
from services.ports import Found
from services.translate import to_wire
from tests.gateway.conftest import NOW
from tests.gateway.payloads import HERE, NAMES, SENDERS, Payload, payloads

SAMPLES = payloads("samples")
FOUND = sorted(each for each in HERE.glob("samples/*/found/*.json") if not each.name.endswith(".expected.json"))
FOUND_IDS = [f"{each.parent.parent.name}/found/{each.stem}" for each in FOUND]


def read(sender: Sender, request: Incoming) -> dict[str, Any]:
    """What the parts of a request give, together."""
    return shown([sender.read(item) for item in sender.items(request)])


def shown(taken: list[Taken]) -> dict[str, Any]:
    """What is taken, as it stands in files."""
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


@pytest.mark.parametrize("path", FOUND, ids=FOUND_IDS)
def test_what_an_api_says_gives_its_canonical_events(path: Path) -> None:
    """The same of the answers of APIs and of events that are pulled."""
    sender = SENDERS[path.parent.parent.name]
    assert isinstance(sender, CrmSender)
    told = json.loads(path.read_text())
    found = Found(told["object"], told["content"]) if told.keys() == {"object", "content"} else Found("", told)
    wanted = json.loads(path.with_name(f"{path.stem}.expected.json").read_text())
    assert shown([sender.meant(sender.found(found))]) == {"lacking": [], "thin": [], **wanted}


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
