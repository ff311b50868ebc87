"""`baton crm`, run as a user would."""

import json
import re
import socket
from pathlib import Path

import pytest

from services.domain.instants import parse_instant
from services.errors import UsageError
from services.gateway.crms import CRMS
from services.gateway.request import Incoming
from services.gateway.sample import sample_of
from services.settings import Settings
from services.translate import to_wire
from services.wiring import crm as wiring
from tests.command import baton
from tests.gateway.conftest import NOW, cloud_event, notification
from tests.gateway.payloads import HERE, SENDERS


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A mapping that knows two properties."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "mapping: 1\nleads:\n  contact:\n    attributes:\n      size: segment\n    properties:\n"
        "      lifecyclestage:\n        values:\n          mql:\n            - lead.captured\n"
        "            - lead.handed_off\n"
    )
    return path


def written(folder: Path, payload: object) -> Path:
    file = folder / "body.json"
    file.write_text(json.dumps(payload))
    return file


def test_a_payload_is_told_event_by_event_with_its_lines(tmp_path: Path, own: Path) -> None:
    """What each event is, from which line, and what means nothing; exit 0."""
    items = [
        notification(propertyValue="mql"),
        notification(propertyName="size", propertyValue="big"),
        notification(propertyValue="other"),
        notification(propertyName="colour"),
        notification(subscriptionType="company.creation"),
    ]
    done = baton("crm", "test", "hubspot", written(tmp_path, items), "--mapping", own, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    told = [
        [(each["event"]["type"], [place.rpartition("/")[2] for place in each["from"]]) for each in part["events"]]
        for part in document["parts"]
    ]
    assert told == [
        [("lead.captured", ["own.yaml:10"]), ("lead.handed_off", ["own.yaml:11"])],
        [("lead.updated", ["own.yaml:5"])],
        [],
        [],
        [],
    ]
    why = [[each["why"] for each in part["means_nothing"]] for part in document["parts"]]
    assert why[:2] == [[], []]
    assert why[2] == ["no rule is for this value"]
    assert why[3] == ["the mapping does not know the property colour"]
    assert len(why[4]) == 1


def test_in_words_it_says_the_same(tmp_path: Path, own: Path) -> None:
    """Type, subject, time, id, data and line of each event."""
    file = written(tmp_path, [notification(propertyName="size", propertyValue="big"), notification()])
    said = baton("crm", "test", "hubspot", file, "--mapping", own).stdout
    for text in (
        f"mapping: {own}",
        "part 1 of 2",
        "lead.updated  hubspot:contact:1246965  2016-05-02T19:11:47.945000Z",
        "id    contact:1246965:attributes:segment=big:",
        'data  {"attributes": {"segment": "big"}}',
        "own.yaml:5",
        "means nothing: contact 1246965, lifecyclestage='marketingqualifiedlead': no rule is for this value",
        "own.yaml:7",
    ):
        assert text in said


def test_a_bad_part_ends_it_with_1(tmp_path: Path) -> None:
    """The others are told all the same; a body that is of no use as a whole says why."""
    done = baton("crm", "test", "hubspot", written(tmp_path, [notification(), notification(occurredAt="soon")]))
    assert done.returncode == 1
    assert "lead.handed_off" in done.stdout
    assert "bad: it would be a dead letter, invalid: occurredAt" in done.stdout
    whole = baton("crm", "test", "hubspot", written(tmp_path, {}), "--json")
    assert (whole.returncode, json.loads(whole.stdout)["bad"]["reason"]) == (1, "invalid")


def test_cloudevents_are_told_too(tmp_path: Path) -> None:
    """Structured, in a batch, and in binary mode with its headers; they stand in no mapping."""
    events = [cloud_event(), cloud_event(type="com.example.other")]
    batch = json.loads(baton("crm", "test", "cloudevents", written(tmp_path, events), "--json").stdout)
    assert [len(part["events"]) for part in batch["parts"]] == [1, 0]
    assert batch["parts"][1]["means_nothing"][0]["why"] == "its type is none of Baton's"
    headers = [f"--header=ce-{name}={value}" for name, value in events[0].items() if isinstance(value, str)]
    binary = baton("crm", "test", "cloudevents", written(tmp_path, events[0]["data"]), *headers, "--json")
    assert json.loads(binary.stdout)["parts"] == batch["parts"][:1]


def test_wrong_use_is_one_clear_line(tmp_path: Path) -> None:
    """An unknown CRM, a header that is none: exit 2, and nothing on stdout."""
    file = written(tmp_path, [])
    for arguments, said in (
        (("nocrm", file), "there is no CRM 'nocrm'; there are hubspot"),
        (("hubspot", file, "--header", "a"), "--header a: write NAME=VALUE"),
    ):
        done = baton("crm", "test", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(said)
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("crm", "headers", "mapping", "said"),
    [
        ("hubspot", {}, "none.yaml", "No such file"),
        ("hubspot", {"content-type": "text/csv"}, None, "--header content-type="),
        ("cloudevents", {}, "own.yaml", "--mapping: cloudevents has none"),
    ],
)
def test_what_cannot_be_tried_says_why(
    tmp_path: Path, own: Path, crm: str, headers: dict[str, str], mapping: str | None, said: str
) -> None:
    """A mapping that is not there or has no use, a format that the CRM does not send."""
    assert own.parent == tmp_path
    with pytest.raises(UsageError, match=re.escape(said)):
        wiring.tested(Settings(_env_file=None), crm, b"[]", headers, tmp_path / mapping if mapping else None)


def test_the_list_says_what_is_set_up() -> None:
    """Each CRM with its address, and whether a secret is set; never the secret."""
    settings = {"BATON_HUBSPOT_SECRETS": "top-secret", "BATON_PUBLIC_URL": "https://baton.example.com"}
    done = baton("crm", "list", "--json", **settings)
    rows = {row["crm"]: row for row in json.loads(done.stdout)}
    assert rows.keys() == SENDERS.keys()
    assert rows["hubspot"]["address"] == "https://baton.example.com/hooks/hubspot"
    assert (rows["hubspot"]["secrets"], rows["cloudevents"]["secrets"]) == (True, False)
    table = baton("crm", "list", **settings).stdout
    assert "BATON_CLOUDEVENTS_SECRETS" in table
    assert "top-secret" not in table + done.stdout


def test_sending_says_which_secret_is_missing_and_that_nobody_listens() -> None:
    """One line each; nothing is sent without a signature."""
    unset = baton("crm", "send", "hubspot")
    assert (unset.returncode, unset.stderr.partition(":")[0]) == (2, "BATON_HUBSPOT_SECRETS")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        nobody = baton("crm", "send", "hubspot", "--url", url, BATON_HUBSPOT_SECRETS="s")
    assert nobody.returncode == 1
    assert f"nobody answers at {url}" in nobody.stderr
    with pytest.raises(UsageError, match="--url localhost:8700: write it with its scheme"):
        wiring.sent(Settings(_env_file=None, hubspot_secrets=["s"]), "hubspot", None, "localhost:8700", None)


@pytest.mark.parametrize("crm", sorted(SENDERS))
def test_the_built_in_sample_hands_a_lead_off(crm: str) -> None:
    """At that instant, by the built-in mapping, with nothing left to ask."""
    sender = SENDERS[crm]
    at = parse_instant("2026-11-23T08:30:00Z")
    request = sender.signed(sample_of(crm, at), at=NOW, base_url="https://baton.example.com")
    items = sender.items(Incoming("POST", request.target, request.headers, request.body, NOW))
    taken = [sender.read(item) for item in items]
    assert not any(each.lacking for each in taken)
    handed = [event for each in taken for event in each.events if event.type.wire == "lead.handed_off"]
    assert [to_wire(event)["time"] for event in handed] == ["2026-11-23T08:30:00Z"]


def test_every_crm_has_a_sample_in_the_package() -> None:
    """`baton crm send CRM` works for each."""
    folder = HERE.parents[1] / "services/gateway/crm"
    assert {path.name.partition(".")[0] for path in folder.glob("*.sample.*")} == SENDERS.keys()
    assert SENDERS.keys() == {*(each.crm for each in CRMS), "cloudevents"}
