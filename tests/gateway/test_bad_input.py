"""Whatever comes in, signed or not: never a fault, never lost, and no bad item costs another.

The folder `bad/CRM` holds bodies for its door, named by what becomes of them: `422-` unusable as a whole,
`letter-` each item a dead letter, `ignored-` nothing to be done. The bodies of HubSpot's that are no JSON are tried
at every door.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.dead_letters import DEAD_LETTER_REASONS
from services.domain.events import TYPES_BY_WIRE_NAME, Event
from services.errors import BadEvent
from services.gateway.crm import cloudevents, hubspot
from services.gateway.mapping import read_mapping
from services.gateway.records import event_record
from services.ports import Record
from services.translate import from_json
from tests.gateway.conftest import Gateway, cloud_event, notification

BAD = Path(__file__).parent / "bad"
CORPUS = {path.stem: path.read_bytes() for path in sorted((BAD / "hubspot").glob("*.json"))}
MAPPING = read_mapping("hubspot")
BATCH = "application/cloudevents-batch+json"

HUBSPOT = hubspot.HubSpot(mapping=MAPPING)

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(
        ["", "0", "1462216307945", "2026-11-23T08:00:00Z", "marketingqualifiedlead", "closedwon", "{value}"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)


def damaged(good: dict[str, Any], names: list[str], values: dict[str, st.SearchStrategy[Any]]) -> Any:
    """Items like `good`, with some fields changed to anything, or to something of their own kind, or left out."""
    changes = st.dictionaries(st.sampled_from(names), JSON, max_size=4)
    likely = st.fixed_dictionaries({}, optional=values)
    left_out = st.sets(st.sampled_from(names), max_size=2)
    return st.builds(
        lambda one, two, three: {k: v for k, v in {**good, **one, **two}.items() if k not in three},
        likely,
        changes,
        left_out,
    )


PROPERTIES = [
    *MAPPING.leads["contact"].attributes,
    *MAPPING.leads["contact"].properties,
    *MAPPING.deals["deal"].properties,
    "other",
]
NOTIFICATIONS = JSON | damaged(
    notification(),
    [*notification(), "eventType", "mergedObjectIds", "primaryObjectId", "newObjectId", "associationRemoved",
     "fromObjectId", "toObjectId", "fromObjectTypeId", "toObjectTypeId", "associationType", "objectTypeId"],
    {
        "subscriptionType": st.builds(
            "{}.{}".format,
            st.sampled_from(["contact", "deal", "company", "object", ""]),
            st.sampled_from([*hubspot._LIFE, "propertyChange", "merge", "associationChange", "x"]),
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
CLOUD_EVENTS = JSON | damaged(
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
HTTP = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def check_log(gateway: Gateway) -> None:
    """The log has nothing but valid events and dead letters of known reasons, none of them a fault of ours."""
    for document in gateway.log.documents():
        from_json(json.dumps(document))
    for letter in gateway.log.letters:
        assert letter.reason in DEAD_LETTER_REASONS
        assert letter.reason != "fault"


def usable(read: Callable[[], Sequence[Event]]) -> list[tuple[Event, Record]]:
    """The events that are read, with their records; none where it is said why not."""
    try:
        return [(event, event_record("any", event)) for event in read()]
    except BadEvent as bad:
        if bad.reason in DEAD_LETTER_REASONS and str(bad):
            return []
        raise


@pytest.mark.parametrize("name", CORPUS)
async def test_each_body_of_the_corpus_has_its_fate(gateway: Gateway, name: str) -> None:
    """By its name: 422 and kept as it came, kept item by item, or ignored."""
    response = await gateway.hubspot(CORPUS[name])
    check_log(gateway)
    fate = name.partition("-")[0]
    if fate == "422":
        assert response.status_code == 422
        assert [letter.body for letter in gateway.log.letters] == [CORPUS[name]]
        return
    count = len(json.loads(CORPUS[name]))
    assert response.status_code == 202
    assert response.json()["dead_letters" if fate == "letter" else "ignored"] == count
    assert len(gateway.log.records) == (count if fate == "letter" else 0)


@pytest.mark.parametrize("name", CORPUS)
@pytest.mark.parametrize("mode", ["application/cloudevents+json", BATCH, "application/json"])
async def test_the_other_door_stands_the_corpus_too(gateway: Gateway, name: str, mode: str) -> None:
    """Signed, it is kept or understood; never a fault."""
    response = await gateway.cloudevents(CORPUS[name], mode, ce_specversion="1.0", ce_type="lead.captured")
    assert response.status_code in (202, 422)
    check_log(gateway)


@pytest.mark.parametrize("name", CORPUS)
async def test_without_a_signature_nothing_of_it_is_read(gateway: Gateway, name: str) -> None:
    """401 for all."""
    async with gateway.client() as client:
        assert (await client.post("/hooks/hubspot", content=CORPUS[name])).status_code == 401
    assert gateway.log.appended == []


@pytest.mark.parametrize("name", [name for name in CORPUS if name.startswith("letter-")])
async def test_a_bad_item_does_not_cost_the_other_99(gateway: Gateway, name: str) -> None:
    """Wherever it stands among them."""
    bad = json.loads(CORPUS[name])[0]
    good = [notification(eventId=number) for number in range(99)]
    for place in (0, 50, 99):
        response = await gateway.hubspot([*good[:place], bad, *good[place:]])
        assert response.json() == {"events": 99, "ignored": 0, "dead_letters": 1}


@given(NOTIFICATIONS)
@settings(max_examples=1_000, deadline=None)
def test_any_notification_gives_valid_events_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: HUBSPOT.read(item).events):
        assert from_json(record.value) == event


@given(CLOUD_EVENTS)
@settings(max_examples=1_000, deadline=None)
def test_any_cloudevent_gives_a_valid_event_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: cloudevents.events_of(item)):
        assert from_json(record.value).order == event.order


@given(st.dictionaries(st.sampled_from([f"ce-{name}" for name in [*cloud_event(), "data_base64"]]), st.text()), JSON)
@settings(deadline=None)
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


@given(st.binary(max_size=200), st.sampled_from(sorted(CORPUS)), st.integers(0, 400))
@HTTP
async def test_any_bytes_are_safe(noise: bytes, name: str, place: int) -> None:
    """Noise in a body of the corpus: taken or kept, never a fault."""
    body = CORPUS[name][:place] + noise + CORPUS[name][place:]
    gateway = Gateway()
    assert (await gateway.hubspot(body)).status_code in (202, 422)
    assert (await gateway.cloudevents(body)).status_code in (202, 422)
    check_log(gateway)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "x-hubspot-signature-v3",
                "x-hubspot-request-timestamp",
                "webhook-id",
                "webhook-timestamp",
                "webhook-signature",
                "authorization",
                "content-type",
                "ce-id",
            ]
        ),
        st.text(alphabet=st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60)
        | st.from_regex(r"v1,[A-Za-z0-9+/=]{0,50}( v1,)?", fullmatch=True)
        | st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    ),
    st.sampled_from(["/hooks/hubspot", "/hooks/cloudevents", "/hooks/hubspot?a=%zz%3A", "/hooks/hubspot?%ff"]),
)
@HTTP
async def test_any_headers_are_refused_with_401(headers: dict[str, str], target: str) -> None:
    """However odd they are; and the request is kept."""
    gateway = Gateway()
    raw = [(name.encode(), value.strip().encode("latin-1")) for name, value in headers.items()]
    async with gateway.client() as client:
        response = await client.post(target, content=b"[]", headers=raw)
    assert response.status_code == 401
    assert len(gateway.quarantine.held()) == 1
