"""The client of Odoo's external API, in both of its protocols, against a fake written from its documentation."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from starlette.responses import JSONResponse

from services.adapters.crm.odoo import PAGE, OdooApi
from services.domain.instants import SECOND, Instant, parse_instant
from services.errors import BadEvent, Unavailable, UsageError
from services.gateway.crm.odoo import Odoo
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.settings import read_settings
from services.wiring.apis import odoo_api
from tests.crm.fakes import Sleeps
from tests.crm.odoo_fake import DATABASE, KEY, LOGIN, OdooServer

SINCE = parse_instant("2026-11-20T09:00:00Z")
NOW = parse_instant("2026-11-20T12:00:00Z")
MAPPING = read_mapping("odoo")
Made = Callable[..., OdooApi]


class Clock:
    """A clock that stands still."""

    speed = 1.0

    def now(self) -> Instant:
        return NOW

    def real_seconds(self, duration: int) -> float:
        return duration / SECOND


def lead(number: int, at: str = "2026-11-20 09:30:00", **fields: Any) -> dict[str, Any]:
    return {
        "id": number,
        "type": "lead",
        "active": True,
        "user_id": [7, "Mitchell Admin"],
        "date_open": "2026-11-20 09:12:00",
        "create_date": "2026-11-20 09:00:00",
        "write_date": at,
        **fields,
    }


@pytest.fixture
def server() -> OdooServer:
    return OdooServer({"crm.lead": [], "mail.activity": [], "mail.message": []})


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture(params=["json-2", "json-rpc"])
async def made(request: pytest.FixtureRequest, server: OdooServer, sleeps: Sleeps) -> AsyncIterator[Made]:
    """Makes clients that speak one of the protocols."""
    apis: list[OdooApi] = []

    def make(key: str = KEY) -> OdooApi:
        user = LOGIN if request.param == "json-rpc" else None
        apis.append(
            OdooApi(
                base_url=server.cloud.base_url,
                key=key,
                database=DATABASE,
                user=user,
                mapping=MAPPING,
                transport=server.cloud.transport,
                sleep=sleeps,
                clock=Clock(),
            )
        )
        return apis[-1]

    yield make
    for api in apis:
        await api.close()


async def changed(api: OdooApi, since: Instant = SINCE) -> list[list[Found]]:
    return [list(page) async for page in api.changed_since(since)]


async def test_records_that_were_written_since_come(made: Made, server: OdooServer) -> None:
    """One that was written in that very second too; what is archived as well."""
    server.rows["crm.lead"] = [
        lead(1, "2026-11-20 09:00:00"),
        lead(2, "2026-11-20 08:59:59"),
        lead(3, active=False),
    ]
    ((one, two),) = await changed(made())
    assert [(found.object, found.content["id"]) for found in (one, two)] == [("lead", 1), ("lead", 3)]


async def test_pages_follow_each_other_by_ids(made: Made, server: OdooServer) -> None:
    """A lead that is written between two pages is neither missed nor told twice."""
    server.rows["crm.lead"] = [lead(number) for number in range(1, 2 * PAGE + 6)]
    seen: list[int] = []
    async for page in made().changed_since(SINCE):
        seen += [found.content["id"] for found in page]
        server.rows["crm.lead"][0]["write_date"] = "2026-11-20 11:00:00"
    assert seen == list(range(1, 2 * PAGE + 6))


async def test_only_fields_that_the_model_has_are_asked_for(made: Made, server: OdooServer) -> None:
    """The mapping may know some that a company did not add; they are looked up once."""
    server.rows["crm.lead"] = [lead(1)]
    server.fields["crm.lead"] = {"x_baton_source", "description"}
    api = made()
    await changed(api)
    await changed(api)
    reads = [given["fields"] for model, method, given in server.asked if (model, method) == ("crm.lead", "search_read")]
    assert set(reads[0]) == {*lead(1), "x_baton_source"} - {"id"}
    assert len(reads) == 2
    assert sum((model, method) == ("crm.lead", "fields_get") for model, method, _ in server.asked) == 1


async def test_activities_and_messages_of_leads_come(made: Made, server: OdooServer) -> None:
    """Those of other records stay where they are."""
    server.rows["mail.activity"] = [
        {"id": 5, "res_model": "crm.lead", "res_id": 1, "active": False, "write_date": "2026-11-20 09:30:00"},
        {"id": 6, "res_model": "sale.order", "res_id": 1, "active": False, "write_date": "2026-11-20 09:30:00"},
    ]
    server.rows["mail.message"] = [
        {"id": 8, "model": "crm.lead", "res_id": 1, "write_date": "2026-11-20 09:30:00"},
        {"id": 9, "model": "res.partner", "res_id": 1, "write_date": "2026-11-20 09:30:00"},
    ]
    pages = await changed(made())
    assert [(found.object, found.content["id"]) for page in pages for found in page] == [
        ("mail.activity", 5),
        ("mail.message", 8),
    ]


async def test_a_meeting_comes_once_it_is_over(made: Made, server: OdooServer) -> None:
    """Nothing writes it then, and before that it is no contact."""
    written = {"opportunity_id": [1, "Fabrikam"], "active": True, "write_date": "2026-11-01 09:00:00"}
    server.rows["calendar.event"] = [
        {"id": 1, "stop": "2026-11-20 10:00:00", **written},
        {"id": 2, "stop": "2026-11-20 13:00:00", **written, "write_date": "2026-11-20 10:00:00"},
        {"id": 3, "stop": "2026-11-10 10:00:00", **written},
        {"id": 4, "stop": "2026-11-10 10:00:00", **written, "write_date": "2026-11-20 10:00:00"},
        {"id": 5, "stop": "2026-11-20 10:00:00", **written, "opportunity_id": False},
    ]
    pages = await changed(made())
    assert [found.content["id"] for page in pages for found in page] == [1, 4]


async def test_an_application_that_is_not_installed_has_nothing(made: Made, server: OdooServer) -> None:
    """The calendar, say."""
    assert "calendar.event" not in server.rows
    assert await changed(made()) == []


async def test_what_is_asked_for_is_read_and_what_is_gone_is_left_out(made: Made, server: OdooServer) -> None:
    """By its id, whenever it was written; a reference to an opportunity is one to the same record."""
    server.rows["crm.lead"] = [lead(1, "2020-01-01 00:00:00"), lead(2)]
    server.rows["mail.activity"] = [{"id": 5, "res_model": "crm.lead", "res_id": 1}]
    wanted = [
        Reference("lead", "1"),
        Reference("lead", "99"),
        Reference("lead", "no number"),
        Reference("mail.activity", "5"),
        Reference("no.such.model", "1"),
    ]
    assert [(found.object, found.content["id"]) for found in await made().fetch(wanted)] == [
        ("lead", 1),
        ("mail.activity", 5),
    ]
    (same,) = await made().fetch([Reference("opportunity", "2")])
    assert (same.object, same.content["id"]) == ("lead", 2)
    (changed_one,) = await made().fetch([Reference("lead", "", since=SINCE)])
    assert changed_one.content["id"] == 2


async def test_what_it_says_can_be_read(made: Made, server: OdooServer) -> None:
    """The adapter makes the events of it that the webhook makes."""
    server.rows["crm.lead"] = [lead(1)]
    ((found,),) = await changed(made())
    events = Odoo(mapping=MAPPING).meant(Odoo(mapping=MAPPING).found(found)).events
    assert [(event.type.wire, event.id) for event in events] == [
        ("lead.captured", "lead:1:created"),
        ("lead.assigned", "lead:1:user_id=7:2026-11-20T09:12:00Z"),
    ]


async def test_it_waits_as_long_as_it_is_asked_to(made: Made, server: OdooServer, sleeps: Sleeps) -> None:
    """429 with Retry-After, as a proxy in front of Odoo answers."""
    server.rows["crm.lead"] = [lead(1)]
    server.cloud.is_busy("7")
    server.cloud.is_broken(502)
    ((found,),) = await changed(made())
    assert (found.content["id"], sleeps.slept[0]) == (1, 7.0)


async def test_a_key_that_ends_amid_the_pages_names_the_setting(made: Made, server: OdooServer) -> None:
    """A key of Odoo lives for three months at most; no message has it."""
    server.rows["crm.lead"] = [lead(number) for number in range(1, PAGE + 2)]
    pages = made().changed_since(SINCE)
    assert len(await anext(pages)) == PAGE
    server.key = "another-key"
    with pytest.raises(UsageError, match="BATON_ODOO_API_TOKEN") as caught:
        await anext(pages)
    assert KEY not in str(caught.value)


async def test_a_wrong_key_names_the_setting(made: Made) -> None:
    """From the start."""
    with pytest.raises(UsageError, match="BATON_ODOO_API_TOKEN"):
        await changed(made("a-wrong-key"))


async def test_a_model_that_the_user_may_not_read_is_told(made: Made, server: OdooServer) -> None:
    """Rather than taken for one without records."""
    server.forbidden.add("mail.message")
    with pytest.raises(UsageError, match="lack a right"):
        await changed(made())


async def test_an_answer_that_is_none_is_told(made: Made, server: OdooServer) -> None:
    """Rather than taken for an empty one."""
    server.rows["crm.lead"] = [lead(1)]
    api = made()
    await changed(api)
    server.cloud.troubles.append(JSONResponse({"result": {"odd": True}}))
    with pytest.raises(Unavailable, match="no records"):
        await changed(api)


async def test_an_error_of_a_call_is_told_without_what_was_called(server: OdooServer) -> None:
    """Its traceback may have the key."""
    api = OdooApi(
        base_url=server.cloud.base_url,
        key=KEY,
        database=DATABASE,
        user=LOGIN,
        mapping=MAPPING,
        clock=Clock(),
        transport=server.cloud.transport,
    )
    server.rows["crm.lead"] = [lead(1)]
    await api.fetch([Reference("lead", "1")])
    error = {"data": {"name": "odoo.exceptions.UserError", "debug": KEY, "message": KEY}}
    server.cloud.troubles.append(JSONResponse({"error": error}))
    with pytest.raises(BadEvent, match="UserError") as caught:
        await api.fetch([Reference("lead", "1")])
    assert KEY not in str(caught.value)
    await api.close()


async def test_the_database_is_named_where_it_is_set(server: OdooServer) -> None:
    """One server may have several."""
    for database in (DATABASE, None):
        api = OdooApi(
            base_url=server.cloud.base_url,
            key=KEY,
            database=database,
            mapping=MAPPING,
            clock=Clock(),
            transport=server.cloud.transport,
        )
        await api.fetch([Reference("lead", "1")])
        await api.close()
    assert set(server.databases) == {DATABASE, None}


def test_it_is_set_up_by_an_address_and_a_key() -> None:
    """None of them: no API; one of them, or a user without a database: a mistake that names what is missing."""
    both = {"odoo_api_url": "https://company.odoo.com", "odoo_api_token": KEY}
    assert odoo_api(read_settings()) is None
    made = odoo_api(read_settings(**both))
    assert made is not None
    assert made.crm == "odoo"
    with pytest.raises(UsageError, match="BATON_ODOO_API_URL: not given"):
        odoo_api(read_settings(odoo_api_token=KEY))
    with pytest.raises(UsageError, match="BATON_ODOO_DATABASE: not given"):
        odoo_api(read_settings(**both, odoo_user=LOGIN))
