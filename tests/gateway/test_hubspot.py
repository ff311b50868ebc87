"""What HubSpot's notifications mean, beyond the samples."""

from typing import Any

import pytest

from schemas.mapping import CrmMapping
from services.errors import BadEvent
from services.gateway.crm.hubspot import HubSpot
from services.gateway.mapping import read_mapping
from services.translate import to_wire
from tests.gateway.conftest import notification

MAPPING = read_mapping("hubspot")


def mapped(item: object, mapping: CrmMapping = MAPPING) -> list[dict[str, Any]]:
    return [to_wire(event) for event in HubSpot(mapping=mapping).read(item).events]


def test_the_three_namings_of_a_type_mean_the_same() -> None:
    """eventType, subscriptionType and the generic object.* name one change, and give one event id."""
    named = mapped(notification())
    assert mapped(notification(subscriptionType=None, eventType="contact.propertyChange")) == named
    assert mapped(notification(subscriptionType="object.propertyChange", objectTypeId="0-1")) == named


def test_a_redelivery_has_the_same_ids() -> None:
    """The number of the attempt is no part of an event's id."""
    assert mapped(notification(attemptNumber=7)) == mapped(notification())


@pytest.mark.parametrize(
    "fields",
    [
        {"objectId": 7},
        {"occurredAt": 1462216367945},
        {"propertyValue": "salesqualifiedlead"},
        {"propertyName": "hs_lead_status", "propertyValue": "OPEN"},
    ],
    ids=str,
)
def test_each_part_of_a_fact_tells_events_apart(fields: dict[str, Any]) -> None:
    """The object, the property, its value and the time."""
    (one,), (two,) = mapped(notification()), mapped(notification(**fields))
    assert (one["source"], one["id"]) != (two["source"], two["id"])


def test_who_told_a_fact_is_no_part_of_it() -> None:
    """HubSpot does not promise that eventId is unique; two subscriptions that tell the same count once."""
    assert mapped(notification(eventId=1, subscriptionId=2, appId=3)) == mapped(notification())


def test_several_events_of_one_notification_have_ids_of_their_own() -> None:
    """The first keeps the plain id, so that a rule added later changes no id already in the log."""
    mapping = CrmMapping.model_validate(
        {
            "mapping": 1,
            "leads": {
                "contact": {
                    "attributes": {"lifecyclestage": "stage"},
                    "properties": {"lifecyclestage": {"other": ["lead.accepted", "lead.qualified"]}},
                }
            },
        }
    )
    events = mapped(notification(), mapping)
    assert [event["type"] for event in events] == ["lead.updated", "lead.accepted", "lead.qualified"]
    assert [event["id"].partition("/")[2] for event in events] == ["", "", "1"]


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
        ({"objectId": None}, "objectId"),
        ({"objectId": -1}, "objectId"),
        ({"objectId": "١٢٣"}, "objectId"),
        ({"objectId": [1]}, "objectId"),
        ({"propertyName": None}, "propertyName"),
        ({"propertyName": {}}, "propertyName"),
        ({"propertyValue": ["a"]}, "propertyValue"),
        ({"propertyName": "hubspotscore", "propertyValue": "high"}, "hubspotscore"),
        ({"propertyName": "hubspotscore", "propertyValue": "NaN"}, "hubspotscore"),
        ({"propertyName": "notes_last_contacted", "propertyValue": "yesterday"}, "the value"),
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
        mapped(notification(**fields))
    assert caught.value.reason == "invalid"


@pytest.mark.parametrize("item", [None, 1, "contact", [], True])
def test_an_item_that_is_no_object_is_told(item: object) -> None:
    """A notification is an object."""
    with pytest.raises(BadEvent, match="object"):
        mapped(item)
