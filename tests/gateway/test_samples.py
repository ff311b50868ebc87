"""What each CRM's payloads mean: samples written field by field from its documentation, with what is expected of each.

The folder `samples/CRM` has bodies as they come (`NAME.json`, or `.xml`), where one matters the headers beside it
(`NAME.headers.json`), and `NAME.expected.json`: the canonical events, or `{"events", "lacking", "thin"}` where the
CRM's API shall be asked, `lacking` and `thin` being lists of `[object, id]`.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming
from services.gateway.sender import Sender
from services.translate import to_wire
from tests.gateway.conftest import NOW, Gateway

FOLDER = Path(__file__).parent / "samples"
SAMPLES = sorted(
    path
    for path in FOLDER.glob("*/*")
    if path.suffix in (".json", ".xml") and not path.name.endswith((".expected.json", ".headers.json"))
)
SENDERS = Gateway().senders()
IDS = [f"{path.parent.name}/{path.stem}" for path in SAMPLES]


def incoming(path: Path) -> Incoming:
    """The request of a sample."""
    headers = {"content-type": "text/xml; charset=utf-8" if path.suffix == ".xml" else "application/json"}
    beside = path.with_name(f"{path.stem}.headers.json")
    if beside.exists():
        headers |= json.loads(beside.read_text())
    return Incoming("POST", f"/hooks/{path.parent.name}", headers, path.read_bytes(), NOW)


def read(sender: Sender, request: Incoming) -> dict[str, Any]:
    """What the parts of a request give, together."""
    taken = [sender.read(item) for item in sender.items(request)]
    return {
        "events": [to_wire(event) for each in taken for event in each.events],
        "lacking": [[wanted.object, wanted.id] for each in taken for wanted in each.lacking],
        "thin": [[wanted.object, wanted.id] for each in taken for wanted in each.thin],
    }


def expected(path: Path) -> dict[str, Any]:
    """What is expected of a sample."""
    told = json.loads(path.with_name(f"{path.stem}.expected.json").read_text())
    return {"lacking": [], "thin": [], **(told if isinstance(told, dict) else {"events": told})}


@pytest.mark.parametrize("path", SAMPLES, ids=IDS)
def test_a_documented_payload_gives_its_canonical_events(path: Path) -> None:
    """Each sample gives what stands beside it, field by field."""
    assert read(SENDERS[path.parent.name], incoming(path)) == expected(path)


@pytest.mark.parametrize("path", SAMPLES, ids=IDS)
def test_a_redelivery_gives_the_same_ids(path: Path) -> None:
    """Nothing of an event's identity comes from anywhere but the payload."""
    sender = SENDERS[path.parent.name]
    once, again = (read(sender, incoming(path)) for _ in range(2))
    assert once == again
    ids = [(event["source"], event["id"], event.get("subject")) for event in once["events"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("path", SAMPLES, ids=IDS)
def test_a_part_alone_means_what_it_meant_among_others(path: Path) -> None:
    """What becomes a dead letter can return: a request of one part gives the same."""
    sender = SENDERS[path.parent.name]
    assert isinstance(sender, CrmSender)
    request = incoming(path)
    for item in sender.items(request):
        content_type, body = sender.alone(item)
        (again,) = sender.items(Incoming("POST", "", {"content-type": content_type}, body, NOW))
        assert sender.read(again) == sender.read(item)


def test_every_crm_has_samples() -> None:
    """A CRM without samples says nothing of what its payloads mean."""
    assert {path.parent.name for path in SAMPLES} == SENDERS.keys() - {"cloudevents"}
