"""What Pipedrive's webhooks mean and how they prove themselves, beyond the samples."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.mapping import CrmMapping
from services.domain.events import Event
from services.domain.instants import format_exact
from services.errors import UsageError
from services.gateway.changes import Change
from services.gateway.crm.pipedrive import Pipedrive
from services.gateway.known import Known, unseen
from services.gateway.mapping import read_mapping
from services.gateway.meaning import events_of
from services.ports import Found
from services.translate import from_json, to_wire
from tests.gateway.anything import JSON, SCALARS, changed, usable
from tests.gateway.conftest import NOW, OTHER_SECRETS, PUBLIC_URL, Gateway

MAPPING = read_mapping("pipedrive")
HERE = Path(__file__).parent
CORPUS = {path.stem: path.read_bytes() for path in sorted((HERE / "bad" / "pipedrive").glob("*.json"))}
KEY = "3d0fa3429dfa2d3dec265b4fc5dc8258ab66cdf3"


def sample(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((HERE / "samples" / "pipedrive" / f"{name}.json").read_text())
    return document


def mapped(item: object, mapping: CrmMapping = MAPPING) -> list[dict[str, Any]]:
    return [to_wire(event) for event in Pipedrive(mapping=mapping).read(item).events]


def told(item: object, mapping: CrmMapping = MAPPING) -> list[tuple[str, str | None]]:
    return [(event["type"], event.get("subject")) for event in mapped(item, mapping)]


def own(**leads: Any) -> CrmMapping:
    """A company's mapping of these objects."""
    return CrmMapping.model_validate({"mapping": 1, "leads": leads})


def change(entity: str, previous: dict[str, Any], **now: Any) -> dict[str, Any]:
    """A change of a documented object."""
    item = sample(f"{entity}-create")
    item["meta"] |= {"action": "change", "timestamp": "2022-11-24T16:00:00.000Z"}
    item["data"] |= now
    return {**item, "previous": previous}


async def test_user_and_password_open_the_door(gateway: Gateway) -> None:
    """Pipedrive shows them by Basic authentication."""
    response = await gateway.send("pipedrive", json.dumps(sample("person-create")).encode())
    assert (response.status_code, response.json()) == (202, {"events": 2, "ignored": 0, "dead_letters": 0})


@pytest.mark.parametrize("secret", OTHER_SECRETS["pipedrive"])
async def test_the_old_and_the_new_password_both_hold(gateway: Gateway, secret: str) -> None:
    """While one replaces the other; a password may have colons."""
    made = Pipedrive(mapping=MAPPING, secrets=(secret,)).signed(b"{}", at=NOW, base_url=PUBLIC_URL)
    async with gateway.client() as client:
        response = await client.post(made.target, content=made.body, headers=made.headers)
    assert response.status_code == 202


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Basic YmF0b246b3RoZXI=", "Bearer baton:old-password"])
async def test_anybody_else_is_refused_and_kept_without_the_password(gateway: Gateway, header: str) -> None:
    """401, and the quarantine has a digest of what was shown."""
    async with gateway.client() as client:
        headers = {"content-type": "application/json", **({"authorization": header} if header else {})}
        response = await client.post("/hooks/pipedrive", content=b"{}", headers=headers)
    assert response.status_code == 401
    assert response.headers["www-authenticate"].startswith("Basic")
    (held,) = gateway.quarantine.held()
    assert "authorization" not in held.headers


@pytest.mark.parametrize("secret", ["password", ":password", "user:"])
def test_a_secret_without_user_or_password_is_refused_at_the_start(secret: str) -> None:
    """With the setting's name, and without the secret."""
    with pytest.raises(UsageError, match="BATON_PIPEDRIVE_SECRETS: write user:password") as caught:
        Pipedrive(mapping=MAPPING, secrets=("user:good", secret))
    assert "good" not in str(caught.value)


@pytest.mark.parametrize("name", CORPUS)
async def test_nothing_that_pipedrive_sends_brings_on_a_ban(gateway: Gateway, name: str) -> None:
    """However bad it is, it is answered 202 and kept: ten answers of another kind cost all events of half an hour."""
    response = await gateway.send("pipedrive", CORPUS[name])
    assert response.status_code == 202
    assert response.json()["dead_letters"] == len(gateway.log.letters) == (not name.startswith("ignored-"))


def test_it_is_answered_well_before_pipedrive_gives_up() -> None:
    """Ten seconds, by its guide; a proxy and the network need some of them."""
    assert 0 < Pipedrive.answer_within < 10


def test_a_retry_is_the_same_dead_letter() -> None:
    """The number of the attempt is no part of it, in either version."""
    sender = Pipedrive(mapping=MAPPING)
    v2, v1 = sample("lead-create"), sample("v1-deal-added")
    assert sender.identity({**v2, "meta": {**v2["meta"], "attempt": 4}}) == sender.identity(v2)
    assert sender.identity({**v1, "retry": 3}) == sender.identity(v1)
    assert sender.identity({"meta": 7}) == {"meta": 7}


def test_a_conversion_leads_from_the_lead_to_the_deal_without_a_guess() -> None:
    """The lead is deleted, which means nothing; the deal and its activities have the person that was its key."""
    gone = sample("lead-delete-means-nothing")
    deal = change("deal", {}, person_id=gone["previous"]["person_id"])
    deal["meta"]["action"] = "create"
    call = sample("activity-call-done")
    call["data"]["person_id"] = gone["previous"]["person_id"]
    assert told(gone) == []
    assert [told(item) for item in (sample("lead-create"), deal, call)] == [
        [("lead.handed_off", "pipedrive:person:11"), ("lead.updated", "pipedrive:person:11")],
        [("deal.opened", "pipedrive:person:11")],
        [("lead.touched", "pipedrive:person:11")],
    ]


def test_both_sides_of_a_merge_tell_the_same_event() -> None:
    """v2 tells a merge as a deletion and as a change."""
    (gone,), (stays,) = (
        mapped(sample("person-merged-the-one-that-goes")),
        mapped(sample("person-merged-the-one-that-stays")),
    )
    assert (gone["id"], gone["subject"], gone["data"]) == (stays["id"], stays["subject"], stays["data"])


def test_a_lead_whose_person_comes_later_becomes_that_persons() -> None:
    """Its clocks go on under the person's key; the other way round nothing is merged."""
    later = change("lead", {"person_id": None}, person_id=11, organization_id=2)
    assert told(later) == [("lead.merged", "pipedrive:organization:2")]
    assert mapped(later)[0]["data"] == {"into": "pipedrive:person:11"}
    assert told(change("lead", {"person_id": 11}, person_id=None)) == []
    assert told(change("lead", {"person_id": 12}, person_id=11)) == []


def test_a_deal_that_gets_its_person_later_is_joined_to_the_lead() -> None:
    """Its events until then name no lead."""
    joined = change("deal", {"person_id": None, "org_id": None}, person_id=8)
    assert told(joined) == [("deal.opened", "pipedrive:person:8")]
    assert told(change("deal", {"person_id": 8, "org_id": 1}, person_id=None, org_id=None)) == []


def test_who_makes_a_lead_owns_it_until_it_is_given_to_somebody() -> None:
    """Pipedrive lets every lead have an owner at once, so that this alone is no assignment."""
    types = [event["type"] for event in mapped(sample("lead-create"))]
    assert "lead.assigned" not in types
    (assigned,) = mapped(change("lead", {"owner_id": 1}, owner_id=7))
    assert (assigned["type"], assigned["data"]) == ("lead.assigned", {"owner": "7"})


def test_what_previous_names_but_has_not_changed_means_nothing() -> None:
    """v2 lists some fields that are the same; v1 all."""
    assert told(change("lead", {"next_activity_id": 55, "is_archived": False}, next_activity_id=55)) == []


def test_a_label_can_be_the_handoff() -> None:
    """Each label is a field of its own, true while it is on the lead."""
    label = "134b4de7-dcbc-46ae-b8f2-2eb328eebfe8"
    rules = {
        "values": {"true": "lead.handed_off"},
        "empty": {"event": "lead.withdrawn", "data": {"reason": "label_off"}},
    }
    mapping = own(lead={"properties": {f"label_ids.{label}": rules}})
    assert told(change("lead", {"label_ids": []}, label_ids=["x", label]), mapping) == [
        ("lead.handed_off", "pipedrive:person:11")
    ]
    assert told(change("lead", {"label_ids": ["x", label]}, label_ids=["x"]), mapping) == [
        ("lead.withdrawn", "pipedrive:person:11")
    ]
    assert told(change("lead", {"label_ids": [label]}, label_ids=["x", label]), mapping) == []
    assert told(sample("lead-create"), mapping) == [("lead.handed_off", "pipedrive:person:11")]


CUSTOM = [
    ({"type": "varchar", "value": "Wrong fit!"}, "wrong_fit"),
    ({"type": "double", "value": 123}, "123"),
    ({"type": "monetary", "value": 200, "currency": "EUR"}, "200"),
    ({"type": "enum", "id": 17}, "17"),
    ({"type": "user", "id": 13075973}, "13075973"),
    ({"type": "set", "values": [{"id": 13}, {"id": 14}]}, "13_14"),
    ({"type": "time", "timezone_id": 310, "value": "00:45:00"}, "00_45_00"),
    ("plain, as the API has it", "plain_as_the_api_has_it"),
]


@pytest.mark.parametrize(("value", "reason"), CUSTOM, ids=str)
def test_a_custom_field_is_read_by_its_key(value: object, reason: str) -> None:
    """Whether it is an object with a value, an id or several ids."""
    mapping = own(lead={"properties": {KEY: {"other": {"event": "lead.rejected", "data": {"reason": "{slug}"}}}}})
    item = change("lead", {"custom_fields": {KEY: None}}, custom_fields={KEY: value})
    (rejected,) = mapped(item, mapping)
    assert rejected["data"] == {"reason": reason}
    before = change("lead", {"custom_fields": {KEY: value}}, custom_fields={KEY: value})
    assert mapped(before, mapping) == []


def test_one_option_of_several_can_be_a_rule() -> None:
    """KEY.ID is true while the option is chosen."""
    mapping = own(lead={"properties": {f"{KEY}.14": {"values": {"true": "lead.qualified"}}}})
    field = {"type": "set", "values": [{"id": 13}, {"id": 14}]}
    item = change("lead", {"custom_fields": {KEY: {"type": "set", "values": [{"id": 13}]}}}, custom_fields={KEY: field})
    assert told(item, mapping) == [("lead.qualified", "pipedrive:person:11")]


def test_a_company_without_an_inbox_hands_over_by_its_deals() -> None:
    """`lead_of_deal` has a deal's fields and gives events of the lead that it is about."""
    mapping = own(lead_of_deal={"properties": {"stage_id": {"values": {"1": "lead.handed_off", "2": "lead.accepted"}}}})
    assert told(change("deal", {"stage_id": 1}, stage_id=2), mapping) == [("lead.accepted", "pipedrive:person:8")]
    assert told(change("deal", {"stage_id": 1}, stage_id=2, person_id=None, org_id=None), mapping) == []


def test_a_rule_can_ask_who_told_it() -> None:
    """What an automation does by the API need not count."""
    rule = {"event": "lead.accepted", "when": {"meta.change_source": "app", "meta.is_bulk_edit": False}}
    mapping = own(lead={"properties": {"was_seen": {"values": {"true": rule}}}})
    by_hand = change("lead", {"was_seen": False})
    by_api = {**by_hand, "meta": {**by_hand["meta"], "change_source": "api"}}
    in_bulk = {**by_hand, "meta": {**by_hand["meta"], "is_bulk_edit": True}}
    assert [len(mapped(item, mapping)) for item in (by_hand, by_api, in_bulk)] == [1, 0, 0]


def test_an_organization_is_no_lead_of_its_own() -> None:
    """Every customer's would be one; it is the key of leads that have no person."""
    assert told(sample("organization-create-means-nothing")) == []
    assert told(sample("lead-create-without-person"))[0] == ("lead.captured", "pipedrive:organization:2")


def test_a_deletion_needs_no_previous() -> None:
    """Whom it is about stands beside it."""
    item = {**sample("person-delete"), "previous": None}
    assert told(item) == [("lead.withdrawn", "pipedrive:person:8")]


def test_both_versions_of_webhooks_tell_the_same_events() -> None:
    """The names of v1 are read as those of v2."""
    v1 = sample("v1-deal-won")
    current = {**v1["current"], "won_time": "2025-02-17T21:22:41Z", "custom_fields": {}}
    current["owner_id"] = current.pop("user_id")
    meta = {"action": "change", "entity": "deal", "entity_id": "9", "timestamp": "2025-02-17T21:22:41.322Z"}
    assert mapped(v1) == mapped({"meta": meta, "data": current, "previous": {"status": "open", "won_time": None}})


def test_what_the_api_says_is_the_same_fact() -> None:
    """A deal that was won has the same event, whether the webhook came or not."""
    webhook = sample("deal-won")
    sender = Pipedrive(mapping=MAPPING)
    reading = sender.found(Found("deal", {**webhook["data"], "is_deleted": False}))
    events = [to_wire(event) for event in sender.meant(reading).events]
    assert [event["type"] for event in events] == ["deal.opened", "deal.won"]
    assert mapped(sample("deal-create"))[0]["id"] == events[0]["id"]
    assert mapped(webhook) == events[1:]
    created, _, state, _ = reading.changes
    assert (created.is_state, state.is_state) == (False, True)
    assert format_exact(state.at) == "2022-11-24T15:11:55Z"
    assert state.changed["status"] == "won"


@pytest.mark.parametrize("end", ["won", "rejected"])
def test_where_all_webhooks_came_the_api_has_nothing_new(end: str) -> None:
    """What it says of the objects of a journey is known by then, though it knows other times."""
    sender = Pipedrive(mapping=MAPPING)
    bodies = [json.loads(path.read_text()) for path in sorted((HERE / "journeys" / "pipedrive" / end).iterdir())]
    objects = {(body["meta"]["entity"], body["meta"]["entity_id"]): body["data"] for body in bodies}
    known = Known([event for body in bodies for event in sender.read(body).events])

    def meaning(change: Change) -> Sequence[Event]:
        return events_of("pipedrive", change, MAPPING)

    new = [
        to_wire(event)
        for (entity, _), data in objects.items()
        if data is not None
        for change in sender.found(Found(entity, data)).changes
        for event in unseen(change, meaning(change), known, mapping=MAPPING, meaning=meaning)
    ]
    assert new == []


def test_what_a_lead_lacks_says_nothing_against_another_lead_of_the_same_person() -> None:
    """Attributes that are empty are left out of what the API says; all else that is empty is told."""
    content = {**sample("lead-create")["data"], "origin_id": None, "organization_id": None, "owner_id": None}
    *_, state = Pipedrive(mapping=MAPPING).found(Found("lead", content)).changes
    assert "origin_id" not in state.changed
    assert state.changed["source_name"] == "Manually created"
    assert state.changed["owner_id"] is None


def test_an_activity_from_the_api_is_one_touch() -> None:
    """It is told as it is now; that it was made is no contact."""
    webhook = sample("activity-call-done")
    sender = Pipedrive(mapping=MAPPING)
    events = sender.meant(sender.found(Found("activity", webhook["data"]))).events
    assert [to_wire(event) for event in events] == mapped(webhook)


@pytest.mark.parametrize("found", [Found("deal", {"id": 8, "is_deleted": True}), Found("product", {"id": 8})], ids=str)
def test_what_is_gone_or_no_leads_business_means_nothing(found: Found) -> None:
    """The API may still list it."""
    assert Pipedrive(mapping=MAPPING).found(found).changes == ()


LEAD, DEAL, CALL = sample("lead-create"), sample("deal-won"), sample("activity-call-done")
TIMES = (
    st.sampled_from(["2022-11-24T15:35:58.675Z", "2025-02-17 21:22:41", "1739827361", "9999-01-01T00:00:00Z"]) | SCALARS
)
META = changed(
    LEAD["meta"],
    [*LEAD["meta"], "object", "merged_to_id", "merged_from_id"],
    {
        "entity": st.sampled_from(["lead", "person", "organization", "deal", "activity", "note", "user"]),
        "action": st.sampled_from(["create", "change", "delete", "added", "updated", "merged", "deleted"]),
        "timestamp": TIMES,
        "merged_to_id": SCALARS,
        "merged_from_id": SCALARS,
    },
)
FIELDS = {**LEAD["data"], **DEAL["data"], **CALL["data"]}
DATA = JSON | changed(
    FIELDS,
    [*FIELDS, "user_id", KEY],
    {
        "person_id": SCALARS,
        "status": st.sampled_from(["open", "won", "lost", "deleted"]),
        "won_time": TIMES,
        "add_time": TIMES,
        "is_archived": st.booleans(),
        "done": st.booleans(),
        "custom_fields": st.dictionaries(st.just(KEY), JSON),
        "label_ids": st.lists(SCALARS, max_size=3),
    },
)
EVENTS = JSON | changed(
    LEAD, ["meta", "data", "previous", "current"], {"meta": META, "data": DATA, "previous": DATA, "current": DATA}
)


@given(EVENTS)
@settings(max_examples=1_000, deadline=None)
def test_any_event_gives_valid_events_or_says_why_not(item: Any) -> None:
    """Nothing but BadEvent is ever raised, and every event can be read back from the log."""
    for event, record in usable(lambda: Pipedrive(mapping=MAPPING).read(item).events):
        assert from_json(record.value) == event


@given(st.sampled_from(["lead", "person", "organization", "deal", "activity"]), DATA)
@settings(max_examples=500, deadline=None)
def test_anything_that_the_api_says_gives_valid_events_or_says_why_not(kind: str, content: Any) -> None:
    """An object from the API is trusted no more than a webhook."""
    sender = Pipedrive(mapping=MAPPING)
    found = Found(kind, content if isinstance(content, dict) else {})
    for event, record in usable(lambda: sender.meant(sender.found(found)).events):
        assert from_json(record.value) == event
