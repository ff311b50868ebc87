"""What events of Close mean and how its webhooks prove themselves, beyond the samples."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.mapping import CrmMapping
from services.domain.instants import SECOND, parse_instant
from services.errors import Refused, UsageError
from services.gateway.crm.close import SIGNATURE, TIMESTAMP, Close
from services.gateway.mapping import read_mapping
from services.gateway.request import Incoming
from services.gateway.signatures import WINDOW
from services.ports import Found, Reference
from services.translate import from_json, to_wire
from tests.gateway.anything import JSON, SCALARS, changed, usable
from tests.gateway.conftest import NOW, OTHER_SECRETS, PUBLIC_URL, Gateway

MAPPING = read_mapping("close")
SAMPLES = Path(__file__).parent / "samples" / "close"
OLD, NEW = OTHER_SECRETS["close"]
SENDER = Close(mapping=MAPPING, secrets=(OLD, NEW))


def sample(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return document


def mapped(item: object, mapping: CrmMapping = MAPPING) -> list[dict[str, Any]]:
    return [to_wire(event) for event in Close(mapping=mapping).read(item).events]


def types(item: object, mapping: CrmMapping = MAPPING) -> list[str]:
    return [event["type"] for event in mapped(item, mapping)]


def own(**parts: Any) -> CrmMapping:
    """A company's mapping."""
    return CrmMapping.model_validate({"mapping": 1, **parts})


def with_event(item: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {**item, "event": {**item["event"], **fields}}


def signed(secret: str = OLD, *, at: int = NOW, **headers: str) -> Incoming:
    made = Close(mapping=MAPPING, secrets=(secret,)).signed(b"{}", at=at, base_url=PUBLIC_URL)
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming("POST", made.target, {**made.headers, **changed}, made.body, NOW)


def test_the_signature_is_the_one_of_its_documentation() -> None:
    """HMAC-SHA256 of timestamp and body, its key the bytes that the hexadecimal text stands for."""
    body = b'{"event": {"id": "ev_1"}, "subscription_id": "whsub_1"}'
    made = SENDER.signed(body, at=parse_instant("2019-01-15T12:48:23Z"), base_url=PUBLIC_URL)
    assert made.headers[TIMESTAMP] == "1547556503"
    # As `printf %s "1547556503$BODY" | openssl dgst -sha256 -mac HMAC -macopt hexkey:$KEY` has it.
    assert made.headers[SIGNATURE] == "1f19afe862494ef970696cbaf1f5b1d3e6945d7e4170c2ed1805232c789c1702"


@pytest.mark.parametrize("secret", [OLD, NEW, NEW.lower()])
def test_the_old_and_the_new_key_both_hold(secret: str) -> None:
    """While one replaces the other; however their letters are written."""
    SENDER.verify(signed(secret), NOW, WINDOW)


@pytest.mark.parametrize("late", [-300, -1, 0, 1, 300])
def test_five_minutes_both_ways_are_within_the_window(late: int) -> None:
    """A clock may be ahead or behind."""
    SENDER.verify(signed(at=NOW + late * SECOND), NOW, WINDOW)


WRONG = [
    signed("ab" * 32),
    signed(at=NOW - 301 * SECOND),
    signed(at=NOW + 301 * SECOND),
    signed(close_sig_hash=""),
    signed(close_sig_hash="é"),
    signed(close_sig_timestamp=""),
    signed(close_sig_timestamp="soon"),
    signed(close_sig_timestamp=f"0{NOW // SECOND}"),
    Incoming("POST", "/hooks/close", signed().headers, b"{} ", NOW),
]


@pytest.mark.parametrize("request_", WRONG, ids=range(len(WRONG)))
def test_all_else_is_refused(request_: Incoming) -> None:
    """Another key, another body, another time, or none."""
    with pytest.raises(Refused) as refused:
        SENDER.verify(request_, NOW, WINDOW)
    assert refused.value.status == 401


@pytest.mark.parametrize("secret", ["whsec_secret", "abc", "ab" * 15, "ab" * 16 + "a", "zz" * 32])
def test_a_secret_that_is_no_key_is_refused_at_the_start(secret: str) -> None:
    """With the setting's name, and without the secret."""
    with pytest.raises(UsageError, match="BATON_CLOSE_SECRETS: write the webhook's signature_key") as caught:
        Close(mapping=MAPPING, secrets=(OLD, secret))
    assert secret not in str(caught.value)


async def test_a_request_with_an_unknown_key_passes_once_the_key_is_known(gateway: Gateway) -> None:
    """What proves it is kept with it."""
    made = Close(mapping=MAPPING, secrets=("cd" * 32,)).signed(
        json.dumps(sample("lead-created")).encode(), at=NOW, base_url=PUBLIC_URL
    )
    async with gateway.client() as client:
        assert (await client.post(made.target, content=made.body, headers=made.headers)).status_code == 401
    (held,) = gateway.quarantine.held()
    assert {SIGNATURE, TIMESTAMP} <= held.headers.keys()


async def test_what_is_of_no_use_is_kept_and_not_asked_for_again(gateway: Gateway) -> None:
    """Close would send it for days, and pause the subscription in the end."""
    response = await gateway.send("close", b'{"event":')
    assert (response.status_code, response.json()["dead_letters"]) == (202, 1)
    assert [letter.body for letter in gateway.log.letters] == [b'{"event":']


def test_both_tellings_of_a_merge_are_the_same_event() -> None:
    """The merge itself, and the deletion of the lead that went; that is no withdrawal."""
    assert mapped(sample("lead-merged")) == mapped(sample("lead-deleted-by-a-merge"))
    assert types(sample("lead-deleted")) == ["lead.withdrawn"]


def test_an_event_that_grows_keeps_the_ids_of_what_it_told() -> None:
    """Close adds changes of a short time to the event that it has sent; only date_updated is another then."""
    first = sample("lead-status-interested")
    grown = with_event(
        first,
        date_updated="2019-01-15T12:48:53.000000",
        changed_fields=[*first["event"]["changed_fields"], "display_name"],
        data={**first["event"]["data"], "display_name": "Acme Inc"},
    )
    ids = {event["id"] for event in mapped(first)}
    assert ids < {event["id"] for event in mapped(grown)}


def test_what_an_event_left_out_is_asked_of_the_api() -> None:
    """Who is no admin does not see the data of what is older than an hour."""
    item = sample("old-event-without-data")
    taken = SENDER.read(item)
    assert (list(taken.events), list(taken.lacking)) == ([], [Reference("activity.call", item["event"]["object_id"])])
    assert SENDER.read(with_event(item, object_type="activity.note")).lacking == ()


def test_what_the_api_says_of_a_call_is_the_same_touch() -> None:
    """The object that was fetched gives the event that the webhook would have given."""
    webhook = sample("call-completed")
    found = SENDER.found(Found("activity.call", webhook["event"]["data"]))
    assert [to_wire(event) for event in SENDER.meant(found).events] == mapped(webhook)


def test_what_the_event_log_says_is_what_the_webhook_said() -> None:
    """It has the webhooks' own form."""
    webhook = sample("opportunity-won")
    found = SENDER.found(Found("", {"event": webhook["event"]}))
    assert [to_wire(event) for event in SENDER.meant(found).events] == mapped(webhook)


def test_a_lead_from_the_api_is_made_and_then_in_a_state() -> None:
    """Its status counts from when it was last modified."""
    content = sample("lead-status-qualified")["event"]["data"]
    created, state = SENDER.found(Found("lead", content)).changes
    assert (created.kind, created.at, created.is_state) == ("created", parse_instant("2019-01-15T12:40:00Z"), False)
    assert (state.at, state.is_state) == (parse_instant("2019-01-15T12:48:23.395Z"), True)
    assert state.changed["status_label"] == "Qualified"
    assert SENDER.found(Found("membership", {"id": "memb_1"})).changes == ()


@pytest.mark.parametrize(("cents", "amount"), [(150000, 1500), (150050, 1500.5), (0, 0), (1.5, 0.015)])
def test_a_value_is_told_in_whole_units(cents: float, amount: float) -> None:
    """Close counts it in cents."""
    item = sample("opportunity-created")
    (opened,) = mapped(with_event(item, data={**item["event"]["data"], "value": cents}))
    assert opened["data"]["amount"] == amount


def test_without_a_value_no_amount_is_told() -> None:
    """An opportunity may have none."""
    item = sample("opportunity-created")
    (opened,) = mapped(with_event(item, data={**item["event"]["data"], "value": None}))
    assert "amount" not in opened["data"]


def test_a_custom_field_is_named_by_its_id() -> None:
    """As the event has it; a company's own mapping says what it means."""
    field = "custom.cf_v6S011I6MqcbVvB2FA5Nk8dr5MkL8sWuCiG8cUleO9c"
    mapping = own(leads={"lead": {"properties": {field: {"values": {"Real Estate": "lead.handed_off"}}}}})
    item = sample("lead-updated-custom-means-nothing")
    assert types(item, mapping) == ["lead.handed_off"]
    several = {**item["event"]["data"], field: ["Real Estate", "Retail"]}
    joined = own(leads={"lead": {"properties": {field: {"values": {"Real Estate,Retail": "lead.accepted"}}}}})
    assert types(with_event(item, data=several), joined) == ["lead.accepted"]


def test_only_what_has_changed_is_told() -> None:
    """A status that is the same as before is no news, though the event names it."""
    item = sample("lead-status-qualified")
    same = {**item["event"]["previous_data"], "status_label": "Qualified"}
    assert types(item) == ["lead.accepted", "lead.qualified"]
    assert types(with_event(item, previous_data=same)) == []
    assert types(with_event(item, changed_fields=["name"])) == []


def test_a_rule_can_ask_who_did_it() -> None:
    """What an integration changes need not count."""
    rule = {
        "event": "lead.accepted",
        "when": {"event.api_key_id": {"known": False}, "event.bulk_action_id": {"known": False}},
    }
    mapping = own(leads={"lead": {"properties": {"status_label": {"other": rule}}}})
    item = sample("lead-status-mql")
    assert types(item, mapping) == ["lead.accepted"]
    assert types(with_event(item, api_key_id="api_1"), mapping) == []
    assert types(with_event(item, meta={"bulk_action_id": "bulk_1"}), mapping) == []


def test_who_is_given_a_task_has_the_lead() -> None:
    """Unless it is a task that somebody makes for himself; a task that nobody made, such as a workflow's, counts."""
    item = sample("task-for-somebody-else")
    assert types(item) == ["lead.assigned"]
    assert types(with_event(item, user_id=item["event"]["data"]["assigned_to"])) == []
    assert types(with_event(item, user_id=None)) == ["lead.assigned"]


def test_a_deal_that_goes_to_another_lead_is_joined_to_it() -> None:
    """Its own events name the new lead from then on."""
    (joined,) = mapped(sample("opportunity-of-another-lead"))
    assert (joined["type"], joined["subject"]) == (
        "deal.opened",
        f"close:lead:{sample('lead-created')['event']['object_id']}",
    )


def test_an_event_without_object_id_is_known_by_its_data() -> None:
    """Samples of webhooks lack it."""
    item = sample("lead-created")
    assert mapped(with_event(item, object_id=None)) == mapped(item)
    gone = with_event(sample("lead-deleted"), object_id=None, previous_data=None)
    assert mapped(gone) == mapped(sample("lead-deleted"))


EVENT, OPPORTUNITY = sample("lead-created")["event"], sample("opportunity-won")["event"]
TIMES = st.sampled_from(["2019-01-15T12:48:23.395000", "2019-01-15T12:48:23+00:00", "9999-01-01T00:00:00"]) | SCALARS
FIELDS = {
    **EVENT["data"],
    **OPPORTUNITY["data"],
    **sample("call-completed")["event"]["data"],
    **sample("email-sent")["event"]["data"],
}
DATA = JSON | changed(
    FIELDS,
    [*FIELDS, "custom", "assigned_to"],
    {
        "status_label": st.sampled_from(["Interested", "Qualified", "Bad Fit"]),
        "status_type": st.sampled_from(["active", "won", "lost"]),
        "direction": st.sampled_from(["outbound", "inbound", "outgoing", "incoming"]),
        "disposition": st.sampled_from(["answered", "no-answer", "busy"]),
        "value": SCALARS,
        "activity_at": TIMES,
        "custom": st.dictionaries(st.sampled_from(["Lead Owner", "Lead Score", "baton_pause_reason"]), JSON),
    },
)
EVENTS = changed(
    EVENT,
    [*EVENT],
    {
        "object_type": st.sampled_from([*MAPPING.leads, *MAPPING.deals, *MAPPING.activities, "contact", "user"]),
        "action": st.sampled_from(["created", "updated", "deleted", "merged", "completed", "sent"]),
        "changed_fields": st.lists(st.sampled_from([*FIELDS, "custom"]) | SCALARS, max_size=5),
        "data": DATA,
        "previous_data": DATA,
        "date_created": TIMES,
        "meta": st.dictionaries(st.sampled_from(["merge_source_lead_id", "merge_destination_lead_id"]), SCALARS),
    },
)


@given(JSON | st.builds(lambda event: {"event": event}, JSON | EVENTS))
@settings(max_examples=1_000, deadline=None)
def test_any_event_gives_valid_events_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: SENDER.read(item).events):
        assert from_json(record.value) == event


@given(st.sampled_from([*MAPPING.leads, *MAPPING.deals, *MAPPING.activities]), DATA)
@settings(max_examples=500, deadline=None)
def test_anything_that_the_api_says_gives_valid_events_or_says_why_not(kind: str, content: Any) -> None:
    """An object from the API is trusted no more than a webhook."""
    found = Found(kind, content if isinstance(content, dict) else {})
    for event, record in usable(lambda: SENDER.meant(SENDER.found(found)).events):
        assert from_json(record.value) == event
