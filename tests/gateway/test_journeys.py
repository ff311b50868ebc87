"""The whole journey of one lead, told by each CRM in its own way, comes to the same clocks.

`journeys/CRM/won` and `journeys/CRM/rejected` have the bodies of the webhooks in the order of their names, as the CRM
sends them: captured from a webinar, handed off, assigned, called, accepted, then won with a deal, or rejected.
"""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.charters.files import load_charters
from services.domain.events import Event
from services.domain.instants import parse_instant
from services.gateway.crms import CRMS
from services.gateway.request import Incoming
from services.replay.history import History
from services.replay.judge import judge
from services.replay.report import clocks_writer
from tests.gateway.conftest import NOW, Gateway

FOLDER = Path(__file__).parent / "journeys"
CHARTERS = load_charters(FOLDER / "charter.yaml", whole_history_if_single=True)
AS_OF = parse_instant("2026-10-09T17:00:00Z")
SENDERS = Gateway().senders()


def events_of(crm: str, folder: Path) -> Iterator[Event]:
    """What the webhooks of a journey mean."""
    bodies = sorted(path for path in folder.iterdir() if not path.name.endswith(".headers.json"))
    for path in bodies:
        headers = {"content-type": "text/xml" if path.suffix == ".xml" else "application/json"}
        beside = path.with_name(f"{path.stem}.headers.json")
        target = f"/hooks/{crm}"
        if beside.exists():
            headers |= json.loads(beside.read_text())
            # Where the address says something of the payload, it stands among them.
            target = headers.pop(":target", target)
        for item in SENDERS[crm].items(Incoming("POST", target, headers, path.read_bytes(), NOW)):
            taken = SENDERS[crm].read(item)
            assert not taken.lacking, path
            yield from taken.events


def clocks_of(events: list[Event]) -> str:
    """The clocks file of a journey; the lead's key, in which the CRMs differ, is left out."""
    history = History()
    for event in events:
        history.add(event, None)
    history.join_deals()
    (lead,) = history.leads
    out = io.StringIO()
    judge(history, CHARTERS, as_of=AS_OF, each=clocks_writer(out, AS_OF))
    return out.getvalue().replace(lead, "LEAD").replace("\r\n", "\n")


@pytest.mark.parametrize("end", ["won", "rejected"])
@pytest.mark.parametrize("crm", [each.crm for each in CRMS])
def test_the_whole_journey_of_one_lead_ends_in_the_same_clocks_file(crm: str, end: str) -> None:
    """Captured, handed off, assigned, called, accepted, and won or rejected."""
    events = list(events_of(crm, FOLDER / crm / end))
    assert clocks_of(events) == (FOLDER / f"{end}.csv").read_text()


@pytest.mark.parametrize("end", ["won", "rejected"])
@pytest.mark.parametrize("crm", [each.crm for each in CRMS])
def test_a_journey_that_is_told_twice_and_backwards_ends_the_same(crm: str, end: str) -> None:
    """Redeliveries count once, and the order of arrival changes nothing."""
    events = list(events_of(crm, FOLDER / crm / end))
    assert clocks_of([*reversed(events), *events]) == (FOLDER / f"{end}.csv").read_text()
