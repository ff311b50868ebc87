"""What a change means is data: the file that comes with Baton, a company's own, and its mistakes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from schemas.mapping import CrmMapping
from services.domain.events import Event
from services.errors import UsageError
from services.gateway.crm.hubspot import HubSpot
from services.gateway.mapping import read_mapping
from services.translate import to_wire
from tests.gateway.conftest import notification


def events_of(item: object, mapping: CrmMapping) -> Sequence[Event]:
    """What a notification means by a mapping."""
    return HubSpot(mapping=mapping).read(item).events


def told(tmp_path: Path, text: str) -> str:
    """What is said of a file with this text, without its folder."""
    path = tmp_path / "own.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_mapping("hubspot", path)
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_a_company_s_own_file_takes_the_place_of_ours(tmp_path: Path) -> None:
    """Its own properties and values, and none of ours."""
    path = tmp_path / "own.yaml"
    path.write_text(
        """
mapping: 1
leads:
  contact:
    properties:
      last_call_result:
        values:
          "12": [{event: lead.touched, data: {kind: call, direction: outbound, connected: false}}, lead.accepted]
        other: {event: feedback.given, data: {verdict: good, comment: "said: {value}"}}
"""
    )
    mapping = read_mapping("hubspot", path)
    one = notification(propertyName="last_call_result", propertyValue="12")
    assert [event.type.wire for event in events_of(one, mapping)] == ["lead.touched", "lead.accepted"]
    (event,) = events_of({**one, "propertyValue": "maybe"}, mapping)
    assert to_wire(event)["data"] == {"verdict": "good", "comment": "said: maybe"}
    assert events_of(notification(), mapping) == ()


def test_a_typed_value_stays_typed_in_a_template(tmp_path: Path) -> None:
    """A text that is {value} alone is the value itself, of the property's type."""
    path = tmp_path / "own.yaml"
    path.write_text(
        "mapping: 1\nleads: {contact: {properties: {fit: {type: bool, other: "
        '{event: lead.updated, data: {attributes: {fit: "{value}", note: "fit {value}"}}}}}}}\n'
    )
    (event,) = events_of(notification(propertyName="fit", propertyValue="TRUE"), read_mapping("hubspot", path))
    assert event.data == {"attributes": {"fit": True, "note": "fit True"}}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("leads: {}\n", "own.yaml:1: mapping: Field required"),
        ("mapping: 2\n", "own.yaml:1: mapping: Input should be 1"),
        ("mapping: 1\nlead: {}\n", "own.yaml:2: lead: Extra inputs are not permitted"),
        (
            "mapping: 1\nleads:\n contact:\n  created: lead.born\n",
            "own.yaml:4: leads.contact.created.event: Input should be",
        ),
        ("mapping: 1\nleads:\n contact:\n  created: ceremony.held\n", "own.yaml:4: leads.contact.created.event"),
        ("mapping: 1\nleads:\n contact:\n  created:\n    - lead.captured\n    - {event: x}\n", "own.yaml:6: "),
        (
            "mapping: 1\nleads:\n contact:\n  created: lead.rejected\n",
            "own.yaml:4: leads.contact.created: lead.rejected: data.reason",
        ),
        ("mapping: 1\nleads:\n contact:\n  created: deal.opened\n", "deal.opened names a deal"),
        ("mapping: 1\ndeals:\n deal:\n  created: lead.captured\n", "lead.captured names a lead"),
        ("mapping: 1\ndeals: {deal: {created: {event: deal.opened, time: value}}}\n", "no value here"),
        (
            "mapping: 1\nleads:\n contact:\n  properties:\n"
            "    a: {other: {event: lead.paused, data: {reason: '{reason}'}}}\n",
            "own.yaml:5: leads.contact.properties.a: lead.paused: {reason} is no placeholder here; "
            "there is {slug}, {value}, {record.FIELD}",
        ),
        ("mapping: 1\nleads:\n contact:\n  properties:\n    a:\n      values: {1: lead.accepted}\n", "own.yaml:6: "),
        (
            "mapping: 1\nleads: {contact: {attributes: {a: {to: b, type: date}}}}\n",
            "own.yaml:2: leads.contact.attributes.a",
        ),
        ("mapping: 1\nmapping: 1\n", "own.yaml:2: found duplicate key"),
        ("a: &x 1\nb: *x\n", "own.yaml:2: aliases are not read"),
        ("mapping: !!python/name:os.system\n", "own.yaml:1: could not determine a constructor"),
        ("mapping: [\n", "own.yaml:2: "),
        ("[" * 500, "own.yaml:1: "),
        ("", "own.yaml:1: "),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    """File, line, and what to write instead; never a traceback."""
    assert said in told(tmp_path, text)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """In the order of the file."""
    text = "mapping: 1\nleads:\n contact:\n  created: lead.born\n  deleted: lead.dead\nelse: 1\n"
    assert [line.split(": ")[0] for line in told(tmp_path, text).splitlines()] == [
        "own.yaml:4",
        "own.yaml:5",
        "own.yaml:6",
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """The path and the system's reason."""
    with pytest.raises(UsageError, match=r"none\.yaml: No such file"):
        read_mapping("hubspot", tmp_path / "none.yaml")
