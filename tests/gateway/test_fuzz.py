"""Whatever a sender's items are: valid events, or BadEvent that says why not; over HTTP never a fault.

Samples of every CRM are damaged at random places, and any JSON is tried; HubSpot and CloudEvents have strategies of
their own as well.
"""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.domain.events import TYPES_BY_WIRE_NAME
from services.gateway.crm import cloudevents, hubspot_notifications
from services.gateway.crm.base import CrmSender
from services.ports import Found
from services.translate import from_json
from tests.gateway.anything import HTTP, JSON, PURE, SCALARS, TEXT, changed, check_log, damaged, is_json, usable
from tests.gateway.conftest import MAPPINGS, Gateway, cloud_event, notification
from tests.gateway.payloads import NAMES, SENDERS, alone, parts, payloads, sent

MAPPING = MAPPINGS["hubspot"]
BATCH = "application/cloudevents-batch+json"
BODIES = {crm: [each.body for each in payloads("samples") if each.crm == crm] for crm in NAMES}
CORPUS = [each.body for each in payloads("bad")]
ITEMS = {
    crm: [part for each in payloads("samples") if each.crm == crm for part in parts(each) if is_json(part)]
    for crm in NAMES
}
ANY_ITEM = {crm: st.one_of(JSON, *([damaged(items)] if items else [])) for crm, items in ITEMS.items()}
OBJECTS = {crm: ["", *mapping.leads, *mapping.deals, *mapping.activities, "other"] for crm, mapping in MAPPINGS.items()}

PROPERTIES = [
    *MAPPING.leads["contact"].attributes,
    *MAPPING.leads["contact"].properties,
    *MAPPING.deals["deal"].properties,
    "other",
]
NOTIFICATIONS = JSON | changed(
    notification(),
    [*notification(), "eventType", "mergedObjectIds", "primaryObjectId", "newObjectId", "associationRemoved",
     "fromObjectId", "toObjectId", "fromObjectTypeId", "toObjectTypeId", "associationType", "objectTypeId"],
    {
        "subscriptionType": st.builds(
            "{}.{}".format,
            st.sampled_from(["contact", "deal", "company", "object", ""]),
            st.sampled_from([*hubspot_notifications.LIFE, "propertyChange", "merge", "associationChange", "x"]),
        ),
        "objectTypeId": st.sampled_from(["0-1", "0-2", "0-3", "2-1"]),
        "propertyName": st.sampled_from(PROPERTIES),
        "propertyValue": SCALARS,
        "mergedObjectIds": st.lists(st.integers(0, 3), max_size=3),
        "primaryObjectId": st.integers(0, 3),
        "newObjectId": st.integers(0, 3),
        "associationType": st.sampled_from(["CONTACT_TO_DEAL", "DEAL_TO_CONTACT", "A_TO_B"]),
        "fromObjectId": st.integers(0, 3),
        "toObjectId": st.integers(0, 3),
        "fromObjectTypeId": st.sampled_from(["0-1", "0-3"]),
        "toObjectTypeId": st.sampled_from(["0-1", "0-3"]),
    },
)  # fmt: skip
CLOUD_EVENTS = JSON | changed(
    cloud_event(),
    [*cloud_event(), "data_base64"],
    {
        "type": st.sampled_from([*TYPES_BY_WIRE_NAME, "other"]),
        "data": st.fixed_dictionaries(
            {},
            optional={
                "attributes": st.dictionaries(TEXT, JSON, max_size=3),
                "deal": TEXT,
                "amount": SCALARS,
                "stage": TEXT,
                "reason": TEXT,
                "owner": TEXT,
                "into": TEXT,
                "verdict": st.sampled_from(["good", "poor"]),
            },
        ),
    },
)


@pytest.mark.parametrize("crm", NAMES)
@given(data=st.data())
@PURE
def test_any_item_gives_valid_events_or_says_why_not(crm: str, data: st.DataObject) -> None:
    """Nothing but BadEvent is ever raised, every event can be read back, and a letter of the item can be written."""
    sender = SENDERS[crm]
    item = data.draw(ANY_ITEM[crm])
    for event, record in usable(lambda: sender.read(item).events):
        assert from_json(record.value) == event
    assert alone(sender, item)
    assert json.dumps(sender.identity(item))


@pytest.mark.parametrize("crm", NAMES)
@given(data=st.data())
@PURE
def test_any_answer_of_an_api_gives_valid_events_or_says_why_not(crm: str, data: st.DataObject) -> None:
    """The API of a CRM is trusted no more than its webhooks."""
    sender = SENDERS[crm]
    assert isinstance(sender, CrmSender)
    content = data.draw(ANY_ITEM[crm].filter(lambda item: isinstance(item, dict)))
    found = Found(data.draw(st.sampled_from(OBJECTS[crm])), content)
    for event, record in usable(lambda: sender.meant(sender.found(found)).events):
        assert from_json(record.value) == event


@pytest.mark.parametrize("crm", NAMES)
@given(data=st.data())
@HTTP
async def test_any_part_is_safe_over_http(crm: str, data: st.DataObject) -> None:
    """Taken, ignored or kept; and what is kept can return through the same door."""
    gateway = Gateway()
    body = alone(SENDERS[crm], data.draw(ANY_ITEM[crm]))
    response = await sent(gateway, crm, body)
    assert response.status_code < 300 or response.status_code == 422
    check_log(gateway)
    for letter in gateway.log.letters:
        again = await gateway.door().take_again(crm, letter.body) if letter.reason != "unreadable" else None
        assert again is None or again.dead_letters == 1


@pytest.mark.parametrize("crm", NAMES)
@given(data=st.data(), noise=st.binary(max_size=30), cut=st.integers(0, 30))
@HTTP
async def test_any_bytes_are_safe(crm: str, data: st.DataObject, noise: bytes, cut: int) -> None:
    """Noise in a body: taken or kept, never a fault; at the door of CloudEvents too."""
    body = data.draw(st.sampled_from([*BODIES[crm], *CORPUS]))
    place = data.draw(st.integers(0, len(body)))
    body = body[:place] + noise + body[place + cut :]
    gateway = Gateway()
    for response in (await sent(gateway, crm, body), await gateway.cloudevents(body)):
        assert response.status_code < 300 or response.status_code == 422
    check_log(gateway)


@given(NOTIFICATIONS)
@PURE
def test_any_notification_of_hubspot_gives_valid_events_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: SENDERS["hubspot"].read(item).events):
        assert from_json(record.value) == event


@given(CLOUD_EVENTS)
@PURE
def test_any_cloudevent_gives_a_valid_event_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: cloudevents.events_of(item)):
        assert from_json(record.value).order == event.order


@given(st.dictionaries(st.sampled_from([f"ce-{name}" for name in [*cloud_event(), "data_base64"]]), st.text()), JSON)
@PURE
def test_any_headers_give_a_valid_event_or_say_why_not(headers: dict[str, str], data: Any) -> None:
    """Binary mode trusts its headers no more than a body."""
    for event, record in usable(lambda: cloudevents.events_of(cloudevents.item_of_headers(headers, data))):
        assert from_json(record.value).order == event.order


@given(st.lists(NOTIFICATIONS, min_size=1, max_size=10))
@HTTP
async def test_any_list_of_notifications_is_safe(items: list[Any]) -> None:
    """202, and each item is an event, ignored, or a dead letter."""
    gateway = Gateway()
    response = await gateway.hubspot(items)
    counts = response.json()
    assert response.status_code == 202
    assert len(gateway.log.letters) == counts["dead_letters"]
    assert len(gateway.log.documents()) == counts["events"]
    check_log(gateway)


@given(st.lists(CLOUD_EVENTS, max_size=10))
@HTTP
async def test_any_batch_of_cloudevents_is_safe(items: list[Any]) -> None:
    """202, and each item is an event, ignored, or a dead letter."""
    gateway = Gateway()
    response = await gateway.cloudevents(items, BATCH)
    assert response.status_code == 202
    assert sum(response.json().values()) == len(items)
    check_log(gateway)


PROVING = [
    "authorization",
    "content-type",
    "ce-id",
    *sorted({name for each in SENDERS.values() for name in each.proofs}),
]
TARGETS = [
    *(f"/hooks/{crm}" for crm in SENDERS),
    "/hooks/hubspot?a=%zz%3A",
    "/hooks/hubspot?%ff",
    "/hooks/hubspot?code=",
]


@given(
    st.dictionaries(
        st.sampled_from(PROVING),
        st.text(alphabet=st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60)
        | st.from_regex(r"v1a?,[A-Za-z0-9+/=]{0,50}( v1,)?", fullmatch=True)
        | st.from_regex(r"Basic [A-Za-z0-9+/=]{0,20}", fullmatch=True)
        | st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    ),
    st.sampled_from(TARGETS),
)
@HTTP
async def test_any_headers_are_refused_with_401(headers: dict[str, str], target: str) -> None:
    """However odd they are, at every door; and the request is kept."""
    gateway = Gateway()
    raw = [(name.encode(), value.strip().encode("latin-1")) for name, value in headers.items()]
    async with gateway.client() as client:
        response = await client.post(target, content=b"[]", headers=raw)
    assert response.status_code == 401
    assert len(gateway.quarantine.held()) == 1
