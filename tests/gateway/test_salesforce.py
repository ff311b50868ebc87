"""Salesforce's Outbound Messages beyond the samples: what proves them, what a state that is told again means."""

from collections.abc import Sequence
from urllib.parse import urlencode

import httpx2
import pytest
from defusedxml import ElementTree

from schemas.mapping import CrmMapping
from services.errors import BadEvent, Refused, UsageError
from services.gateway.crm.salesforce import Salesforce
from services.gateway.crm.salesforce_soap import OUTBOUND
from services.gateway.request import Incoming
from services.gateway.sender import Taken
from tests.gateway.conftest import MAPPINGS, NOW, ORGANIZATIONS, OTHER_SECRETS, Gateway

LEAD = "00Q5f000005bwLFEAY"
OWNER = "0055f000005mc66AAA"
ORGANIZATION = ORGANIZATIONS["salesforce"][0]
OLD, NEW = OTHER_SECRETS["salesforce"]
MAPPING = MAPPINGS["salesforce"]
CERTIFICATE = "9F:86:D0:81:88:4C:7D:65:9A:2F:EA:A0:C5:5A:D0:15:A3:BF:4F:1B"
XML = {"content-type": "text/xml; charset=UTF-8"}


def message(
    *records: dict[str, str | None], kind: str = "Lead", organization: str = ORGANIZATION, session: str = ""
) -> bytes:
    """An Outbound Message with a notification for each record."""
    notifications = "".join(
        f'<Notification><Id>04l5f00000ZVW1oAAH</Id><sObject xsi:type="sf:{kind}" '
        f'xmlns:sf="urn:sobject.enterprise.soap.sforce.com">{_fields(record)}</sObject></Notification>'
        for record in records
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
        f'<notifications xmlns="{OUTBOUND}"><OrganizationId>{organization}</OrganizationId>'
        f"<SessionId>{session}</SessionId>{notifications}</notifications></soapenv:Body></soapenv:Envelope>"
    ).encode()


def _fields(record: dict[str, str | None]) -> str:
    return "".join(
        f'<sf:{name} xsi:nil="true"/>' if value is None else f"<sf:{name}>{value}</sf:{name}>"
        for name, value in record.items()
    )


def lead(modified: str = "2026-11-23T08:00:00.000Z", **fields: str | None) -> dict[str, str | None]:
    """The fields of a lead, as a message has them."""
    return {"Id": LEAD, "LastModifiedDate": modified, **fields}


def sender(secrets: Sequence[str] = (), certificates: Sequence[str] = (), mapping: CrmMapping = MAPPING) -> Salesforce:
    """A sender that takes the messages of the tests' organization."""
    return Salesforce(mapping=mapping, organizations=[ORGANIZATION], secrets=secrets, certificates=certificates)


def request(body: bytes, headers: dict[str, str] | None = None, /, **query: str) -> Incoming:
    """A request as the gateway has it."""
    target = "/hooks/salesforce" + (f"?{urlencode(query)}" if query else "")
    return Incoming("POST", target, XML if headers is None else {**XML, **headers}, body, NOW)


async def post(gateway: Gateway, body: bytes, **query: str) -> httpx2.Response:
    """POST a message."""
    async with gateway.client() as client:
        return await client.post(f"/hooks/salesforce?{urlencode(query)}", content=body, headers=XML)


def taken(body: bytes, changed: str | None = None, mapping: CrmMapping = MAPPING) -> Taken:
    """What a message of one notification gives."""
    reader = sender(mapping=mapping)
    (item,) = reader.items(request(body, **({} if changed is None else {"changed": changed})))
    return reader.read(item)


def told(given: Taken) -> list[str]:
    """The types of the events."""
    return [event.type.wire for event in given.events]


def ids(given: Taken) -> set[str]:
    """The ids of the events."""
    return {event.id for event in given.events}


# What proves a message.


@pytest.mark.parametrize("given", [ORGANIZATION, ORGANIZATION[:15]])
@pytest.mark.parametrize("ours", [ORGANIZATION, ORGANIZATION[:15]])
def test_an_organization_is_known_by_either_form_of_its_id(given: str, ours: str) -> None:
    """15 characters and 18 are the same organization."""
    ready = Salesforce(mapping=MAPPING, organizations=["00D000000000001", ours])
    ready.verify(request(message(lead(), organization=given)), NOW, 0)


@pytest.mark.parametrize("given", ["", "00D5f000005mc67EAA", "00d5f000005mc66eaa", f"{ORGANIZATION[:14]}", "é" * 15])
def test_a_message_of_another_organization_is_refused(given: str) -> None:
    """Ids tell capitals from small letters."""
    with pytest.raises(Refused, match="organization") as refused:
        sender().verify(request(message(lead(), organization=given)), NOW, 0)
    assert refused.value.status == 401


def test_a_message_that_names_two_organizations_is_refused() -> None:
    """Nobody can hide one behind another."""
    body = message(lead()).replace(b"<SessionId>", b"<OrganizationId>00D000000000001</OrganizationId><SessionId>")
    with pytest.raises(Refused):
        sender().verify(request(body), NOW, 0)


@pytest.mark.parametrize("body", [b"", b"{}", b"<a", message(lead())[:-9], b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'])
def test_what_cannot_be_parsed_proves_nothing(body: bytes) -> None:
    """Without another proof there is none left."""
    with pytest.raises(Refused, match="no organization can be read") as refused:
        sender().verify(request(body), NOW, 0)
    assert refused.value.status == 401


def test_what_has_the_code_is_taken_though_it_cannot_be_parsed() -> None:
    """It becomes a dead letter; refused, Salesforce would send it again for a day."""
    sender(secrets=[OLD]).verify(request(b"<a", code=OLD), NOW, 0)


@pytest.mark.parametrize("code", [OLD, NEW])
def test_each_code_is_good_while_one_replaces_the_other(code: str) -> None:
    """Two at a time."""
    sender(secrets=[OLD, NEW]).verify(request(message(lead()), code=code), NOW, 0)


@pytest.mark.parametrize("query", [{}, {"code": ""}, {"code": "guessed"}, {"Code": OLD}])
def test_without_the_code_nothing_is_read(query: dict[str, str]) -> None:
    """Where codes are set up; what the body is does not matter then."""
    for body in (message(lead()), b"<a"):
        with pytest.raises(Refused, match="code") as refused:
            sender(secrets=[OLD]).verify(request(body, **query), NOW, 0)
        assert refused.value.status == 401


def test_the_code_does_not_stand_for_the_organization() -> None:
    """Both must be right."""
    with pytest.raises(Refused, match="organization"):
        sender(secrets=[OLD]).verify(request(message(lead(), organization="00D000000000001"), code=OLD), NOW, 0)


@pytest.mark.parametrize("given", [CERTIFICATE, CERTIFICATE.replace(":", "").lower(), f" {CERTIFICATE} "])
def test_a_client_certificate_is_known_by_its_fingerprint(given: str) -> None:
    """However the proxy writes it."""
    ready = sender(certificates=[CERTIFICATE])
    ready.verify(request(message(lead()), {"x-client-cert-fingerprint": given}), NOW, 0)


@pytest.mark.parametrize("headers", [{}, {"x-client-cert-fingerprint": "9f"}])
def test_another_client_certificate_is_refused(headers: dict[str, str]) -> None:
    """Or none at all."""
    with pytest.raises(Refused) as refused:
        sender(certificates=[CERTIFICATE]).verify(request(message(lead()), headers), NOW, 0)
    assert refused.value.status == 401


def test_what_it_would_send_is_what_it_takes() -> None:
    """Code, certificate and organization; a message of another one is made ours."""
    ready = sender(secrets=[OLD], certificates=[CERTIFICATE])
    for body in (message(lead()), message(lead(), organization="00D000000000001")):
        out = ready.signed(body, at=NOW, base_url="https://baton.example.com")
        made = Incoming("POST", out.target, out.headers, out.body, NOW)
        ready.verify(made, NOW, 0)
        assert len(ready.items(made)) == 1


def test_without_an_organization_it_is_not_set_up() -> None:
    """A code alone is no set-up: the organization is what a message is known by."""
    bare = Salesforce(mapping=MAPPING, secrets=[OLD])
    assert not bare.configured
    with pytest.raises(UsageError, match="BATON_SALESFORCE_ORGANIZATIONS"):
        bare.signed(b"", at=NOW, base_url="")


@pytest.mark.parametrize("wrong", ["", "company", "00Q5f000005mc66", "00D5f000005mc66E"])
def test_what_is_no_id_of_an_organization_is_told_at_the_start(wrong: str) -> None:
    """Not at the first message, which would be refused."""
    with pytest.raises(UsageError, match="00D"):
        Salesforce(mapping=MAPPING, organizations=[wrong])


# What it is answered, and what is kept.


async def test_the_answer_is_the_acknowledgement_that_salesforce_waits_for() -> None:
    """Anything else and it sends the message again."""
    response = await post(Gateway(), message(lead(Status="Qualified")), code=OLD)
    assert (response.status_code, response.headers["content-type"].partition(";")[0]) == (200, "text/xml")
    (ack,) = ElementTree.fromstring(response.content).iter(f"{{{OUTBOUND}}}Ack")
    assert ack.text == "true"


async def test_what_is_of_no_use_is_acknowledged_once_it_is_kept() -> None:
    """It would be of no use the next time either."""
    gateway = Gateway()
    response = await post(gateway, b"<a", code=OLD)
    assert (response.status_code, b"<Ack>true</Ack>" in response.content) == (200, True)
    assert [letter.body for letter in gateway.log.letters] == [b"<a"]


async def test_nothing_is_acknowledged_while_the_log_is_away() -> None:
    """Salesforce tries again."""
    gateway = Gateway()
    gateway.log.away = True
    for body in (message(lead(Status="Qualified")), b"<a"):
        response = await post(gateway, body, code=OLD)
        assert (response.status_code, b"Ack" in response.content) == (503, False)


async def test_what_is_no_xml_is_told_so() -> None:
    """Change events and platform events come otherwise."""
    async with Gateway().client() as client:
        response = await client.post(
            f"/hooks/salesforce?code={OLD}", content=message(lead()), headers={"content-type": "application/json"}
        )
    assert response.status_code == 415


async def test_a_refused_message_is_taken_once_the_code_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is kept without the code, and with what else the address says."""
    gateway = Gateway()
    body = message(lead(Status="Qualified", OwnerId=OWNER), session="00D5f!a.session.id")
    assert (await post(gateway, body, code="the-next-code", changed="OwnerId")).status_code == 401
    (held,) = gateway.quarantine.held()
    assert "the-next-code" not in repr(held)
    assert held.target == "/hooks/salesforce?changed=OwnerId"
    monkeypatch.setitem(OTHER_SECRETS, "salesforce", (OLD, "the-next-code"))
    again = await gateway.door().verify_again()
    assert (again.verified, again.refused) == (1, 0)
    assert [document["type"] for document in gateway.log.documents()] == ["lead.assigned"]


async def test_a_session_of_salesforce_is_in_no_dead_letter() -> None:
    """With its id anybody could call Salesforce's API."""
    gateway = Gateway()
    body = message(lead(LastModifiedDate=None), session="00D5f!a.session.id")
    for each in (body, body.replace(b"Notification>", b"Notice>")):
        await post(gateway, each, code=OLD)
    assert len(gateway.log.letters) == 2
    assert not any(b"a.session.id" in letter.body for letter in gateway.log.letters)


async def test_a_dead_letter_says_which_fields_changed() -> None:
    """The address that said so is not there when it returns."""
    gateway = Gateway()
    bad = lead(OwnerId=OWNER, Status="Qualified", Lead_Score__c="high")
    await post(gateway, message(bad), code=OLD, changed="OwnerId")
    (letter,) = gateway.log.letters
    mended = letter.body.replace(b"high", b"80")
    assert (await gateway.door().take_again("salesforce", mended)).events == 2
    assert [document["type"] for document in gateway.log.documents()] == ["lead.updated", "lead.assigned"]


def test_a_megabyte_of_elements_within_each_other_is_said_to_be_too_deep() -> None:
    """No walk through it exhausts the stack."""
    with pytest.raises(BadEvent, match="deeper"):
        sender().items(request(b"<a>" * 350_000))


# What a state means.


HANDED_OFF = "lead.handed_off"


def test_a_redelivery_is_the_same_event() -> None:
    """The id is the fact: the lead, its status, the time."""
    body = message(lead(Status="Qualified"))
    assert ids(taken(body)) == ids(taken(body)) != set()


def test_a_handoff_that_has_its_own_time_is_one_however_often_it_is_told() -> None:
    """Each later change of the record tells its status again."""
    since = "2026-11-23T07:00:00.000Z"
    first = taken(message(lead(Status="Qualified", MQL_Date__c=since)))
    later = taken(message(lead("2026-11-23T08:30:00.000Z", Status="Qualified", MQL_Date__c=since)))
    assert told(first) == told(later) == [HANDED_OFF, HANDED_OFF]
    assert ids(first) == ids(later)


def test_what_the_address_says_has_not_changed_opens_nothing() -> None:
    """A message on a new owner has the status with it."""
    given = taken(message(lead(Status="Qualified", OwnerId=OWNER, LeadSource="Web")), changed="OwnerId")
    assert told(given) == ["lead.updated", "lead.assigned"]
    assert not given.lacking


def test_a_state_of_several_fields_opens_nothing_unless_it_is_said_which_changed() -> None:
    """The API has the history of the record; without it the message is a dead letter."""
    given = taken(message(lead(Status="Qualified", OwnerId=OWNER, LeadSource="Web")))
    assert told(given) == ["lead.updated"]
    assert [(wanted.object, wanted.id) for wanted in given.lacking] == [("Lead", LEAD)]


def test_of_several_fields_those_with_a_time_of_their_own_are_told() -> None:
    """It is the same event as before, or a new one at its own time."""
    given = taken(message(lead(Status="Qualified", MQL_Date__c="2026-11-23T07:00:00.000Z", OwnerId=OWNER)))
    assert set(told(given)) == {HANDED_OFF}
    assert given.lacking


def test_several_fields_that_mean_nothing_lack_nothing() -> None:
    """A status without a meaning, and no reason for a rejection."""
    given = taken(message(lead(Status="Open - Not Contacted", Rejection_Reason__c=None)))
    assert (told(given), given.lacking) == ([], ())


def test_all_fields_of_a_new_record_are_new() -> None:
    """Flows and rules that work as it is made take a few seconds; told again it is the same."""
    at = "2026-11-23T08:00:00.000Z"
    new, later = (
        taken(message(lead(modified, CreatedDate=at, Status="Qualified", OwnerId=OWNER)), changed)
        for modified, changed in ((at, None), ("2026-11-23T08:00:05.000Z", "OwnerId"))
    )
    assert told(new) == told(later) == ["lead.captured", HANDED_OFF, "lead.assigned"]
    assert ids(new) == ids(later)


def test_a_record_that_is_older_was_created_then() -> None:
    """The creation counts once, whichever message tells it first."""
    given = taken(message(lead(CreatedDate="2026-11-01T08:00:00.000Z", Status="Qualified")))
    captured, handed_off = given.events
    assert captured.time < handed_off.time
    assert captured.id == f"Lead:{LEAD}:created"


def test_the_three_fields_of_a_closed_stage_are_told_at_the_time_of_the_stage() -> None:
    """LastStageChangeDate stays when the deal is edited after it was won."""
    stage = {"StageName": "Closed Won", "IsClosed": "true", "IsWon": "true", "Amount": "5"}
    deal = {"Id": "0065f00000UloqVAAR", **stage, "LastStageChangeDate": "2026-11-20T08:00:00.000Z"}
    first, later = (
        taken(message({**deal, "LastModifiedDate": f"2026-11-2{day}T08:00:00.000Z"}, kind="Opportunity"))
        for day in (0, 2)
    )
    assert told(first).count("deal.won") == told(later).count("deal.won") == 1
    assert not first.lacking
    assert not later.lacking
    won = {event.id for given in (first, later) for event in given.events if event.type.wire == "deal.won"}
    assert len(won) == 1


def test_an_id_of_15_characters_is_the_same_lead() -> None:
    """Exports have the short form."""
    (event,) = taken(message({**lead(Status="Qualified"), "Id": LEAD[:15]})).events
    assert event.lead == f"salesforce:Lead:{LEAD}"


def test_a_bad_notification_costs_no_other() -> None:
    """Each is read on its own."""
    reader = sender()
    one, two = reader.items(request(message(lead(Status="Qualified", LastModifiedDate=None), lead(Status="Qualified"))))
    with pytest.raises(BadEvent, match="LastModifiedDate"):
        reader.read(one)
    assert told(reader.read(two)) == [HANDED_OFF]


def test_a_company_may_have_contacts_for_leads() -> None:
    """The mapping says which objects are what, and activities follow it."""
    mapping = CrmMapping.model_validate(
        {
            "mapping": 1,
            "leads": {"Contact": {"properties": {"Stage__c": {"values": {"MQL": "lead.handed_off"}}}}},
            "activities": {
                "Task": {
                    "types": {"IsClosed": "bool"},
                    "touches": [
                        {"when": {"IsClosed": True}, "kind": "call", "direction": "outbound", "connected": True}
                    ],
                }
            },
        }
    )
    contact = {**lead(Stage__c="MQL"), "Id": "0035f00002EztxDAAR"}
    task = {"Id": "00T5f00001abcDEEAY", "IsClosed": "true", "WhoId": "0035f00002EztxDAAR", **lead()}
    events = [
        *taken(message(contact, kind="Contact"), mapping=mapping).events,
        *taken(message({**task, "Id": "00T5f00001abcDEEAY"}, kind="Task"), mapping=mapping).events,
    ]
    assert [(event.type.wire, event.lead) for event in events] == [
        (HANDED_OFF, "salesforce:Contact:0035f00002EztxDAAR"),
        ("lead.touched", "salesforce:Contact:0035f00002EztxDAAR"),
    ]


@pytest.mark.parametrize(("number", "kind"), [(LEAD[:15], "Lead"), ("0035f00002EztxDAAR", "Contact")])
def test_a_deal_may_have_a_field_that_names_its_lead(number: str, kind: str) -> None:
    """Where a company has made one, no conversion is needed to join them."""
    mapping = CrmMapping.model_validate(
        {
            "mapping": 1,
            "leads": {kind: {}},
            "deals": {"Opportunity": {"lead": "Lead__c", "properties": {"IsWon": {"values": {"true": "deal.won"}}}}},
        }
    )
    deal = {**lead(IsWon="true", Lead__c=number), "Id": "0065f00000UloqVAAR"}
    (event,) = taken(message(deal, kind="Opportunity"), mapping=mapping).events
    assert event.lead.startswith(f"salesforce:{kind}:{number}")
    assert len(event.lead.rpartition(":")[2]) == 18
