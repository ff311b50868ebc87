"""What HubSpot's notifications mean, by samples written from its documentation with the events expected of each."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.mapping import HubSpotMapping
from services.errors import BadEvent
from services.gateway.crm.hubspot import events_of
from services.gateway.mapping import hubspot_mapping
from services.translate import to_wire
from tests.gateway.conftest import Gateway, notification

FOLDER = Path(__file__).parent / "hubspot"
SAMPLES = [
    (path.stem, json.loads(path.read_text()), json.loads(path.with_suffix(".expected.json").read_text()))
    for path in sorted(FOLDER.glob("*.json"))
    if ".expected" not in path.name
]
MAPPING = hubspot_mapping()


def mapped(item: object, mapping: HubSpotMapping = MAPPING) -> list[dict[str, Any]]:
    return [to_wire(event) for event in events_of(item, mapping)]


@pytest.mark.parametrize(("payload", "expected"), [s[1:] for s in SAMPLES], ids=[s[0] for s in SAMPLES])
def test_a_documented_notification_gives_its_canonical_events(payload: list[object], expected: list[object]) -> None:
    """Each sample gives the events beside it, field by field."""
    assert [event for item in payload for event in mapped(item)] == expected


async def test_what_is_mapped_is_what_the_log_gets(gateway: Gateway) -> None:
    """Over HTTP the log gets the same events, and what means nothing is acknowledged all the same."""
    items = [item for _, payload, _ in SAMPLES for item in payload]
    response = await gateway.hubspot(items)
    assert response.status_code == 202
    assert gateway.log.documents() == [event for _, _, expected in SAMPLES for event in expected]


def test_the_three_namings_of_a_type_mean_the_same() -> None:
    """eventType, subscriptionType and the generic object.* name one change, and give one event id."""
    named = mapped(notification())
    assert mapped(notification(subscriptionType=None, eventType="contact.propertyChange")) == named
    assert mapped(notification(subscriptionType="object.propertyChange", objectTypeId="0-1")) == named


def test_a_redelivery_has_the_same_ids() -> None:
    """The number of the attempt is no part of an event's id."""
    assert mapped(notification(attemptNumber=7)) == mapped(notification())


@pytest.mark.parametrize(
    "other", ["portalId", "subscriptionId", "eventId", "objectId", "occurredAt"], ids=lambda name: name
)
def test_each_part_of_the_identity_tells_events_apart(other: str) -> None:
    """HubSpot does not promise that eventId is unique, so it is not trusted alone."""
    value = notification()[other]
    (one,), (two,) = mapped(notification()), mapped(notification(**{other: value + 1}))
    assert (one["source"], one["id"]) != (two["source"], two["id"])


def test_several_events_of_one_notification_have_ids_of_their_own() -> None:
    """The first keeps the plain id, so that a rule added later changes no id already in the log."""
    mapping = HubSpotMapping.model_validate(
        {
            "mapping": 1,
            "contact": {
                "attributes": {"lifecyclestage": "stage"},
                "properties": {"lifecyclestage": {"other": ["lead.accepted", "lead.qualified"]}},
            },
        }
    )
    events = mapped(notification(), mapping)
    assert [event["type"] for event in events] == ["lead.updated", "lead.accepted", "lead.qualified"]
    assert [event["id"].partition("/")[2] for event in events] == ["", "1", "2"]


def test_what_hubspot_says_is_never_a_template() -> None:
    """Braces in a value stay what they are."""
    (event,) = mapped(notification(propertyName="hubspot_owner_id", propertyValue="{slug} {value} {}"))
    assert event["data"] == {"owner": "{slug} {value} {}"}
    (event,) = mapped(notification(propertyName="region", propertyValue="{value}"))
    assert event["data"] == {"attributes": {"region": "{value}"}}


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"subscriptionType": None}, "subscriptionType"),
        ({"subscriptionType": 5}, "subscriptionType"),
        ({"occurredAt": None}, "occurredAt"),
        ({"occurredAt": -11644473600000}, "occurredAt"),
        ({"occurredAt": 253402300799000}, "occurredAt"),
        ({"occurredAt": 1462216307945.5}, "occurredAt"),
        ({"occurredAt": True}, "occurredAt"),
        ({"occurredAt": 10**400}, "occurredAt"),
        ({"portalId": None}, "portalId"),
        ({"portalId": "33/../1"}, "portalId"),
        ({"objectId": None}, "objectId"),
        ({"objectId": -1}, "objectId"),
        ({"objectId": "١٢٣"}, "objectId"),
        ({"objectId": [1]}, "objectId"),
        ({"propertyName": None}, "propertyName"),
        ({"propertyName": {}}, "propertyName"),
        ({"propertyValue": ["a"]}, "propertyValue"),
        ({"propertyName": "hubspotscore", "propertyValue": "high"}, "propertyValue"),
        ({"propertyName": "hubspotscore", "propertyValue": "NaN"}, "propertyValue"),
        ({"propertyName": "notes_last_contacted", "propertyValue": "yesterday"}, "propertyValue"),
        ({"propertyName": "hubspot_owner_id", "propertyValue": "x" * 10_001}, "owner"),
        ({"subscriptionType": "contact.merge", "mergedObjectIds": []}, "mergedObjectIds"),
        ({"subscriptionType": "contact.merge", "mergedObjectIds": [True], "primaryObjectId": 1}, "mergedObjectIds"),
        ({"subscriptionType": "contact.merge", "mergedObjectIds": [1]}, "primaryObjectId"),
        ({"subscriptionType": "contact.associationChange"}, "associationType"),
        ({"subscriptionType": "deal.associationChange", "associationRemoved": "no"}, "associationRemoved"),
        ({"subscriptionType": "deal.associationChange", "associationType": "DEAL_TO_CONTACT"}, "fromObjectId"),
    ],
)
def test_a_notification_that_cannot_be_read_is_told_by_its_field(fields: dict[str, Any], named: str) -> None:
    """The reason names the field that is wrong."""
    with pytest.raises(BadEvent, match=named) as caught:
        events_of(notification(**fields), MAPPING)
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("item", [None, 1, "contact", [], True])
def test_an_item_that_is_no_object_is_told(item: object) -> None:
    """A notification is an object."""
    with pytest.raises(BadEvent, match="object"):
        events_of(item, MAPPING)
