"""The client of Dataverse's Web API, against a fake that is written from its documentation."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from schemas.mapping import Activity
from services.adapters.crm.dynamics import PAGE, DynamicsApi
from services.domain.instants import Instant, parse_instant
from services.errors import Unavailable, UsageError
from services.gateway.crm.dynamics import Dynamics
from services.gateway.mapping import read_mapping
from services.ports import Found, Reference
from services.settings import read_settings
from services.translate import to_wire
from services.wiring.apis import dynamics_api
from tests.crm.dynamics_fake import TENANT, Dataverse
from tests.crm.fakes import Sleeps

SINCE = parse_instant("2026-11-20T09:00:00Z")
SECRET = "a-client-secret"
MAPPING = read_mapping("dynamics")
OWN = MAPPING.model_copy(
    update={
        "activities": {
            **MAPPING.activities,
            "phonecall": Activity.model_validate(
                {
                    "touches": [
                        {
                            "when": {"statecode": 1, "new_outcome": 2, "regardingobjectid.type": "lead"},
                            "kind": "call",
                            "direction": "outbound",
                            "connected": True,
                        }
                    ]
                }
            ),
            "new_visit": Activity(),
        }
    }
)
"""With a table and a column of a company's own."""
LABEL = "@OData.Community.Display.V1.FormattedValue"
TABLE = "@Microsoft.Dynamics.CRM.lookuplogicalname"


def guid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def lead(number: int, at: str = "2026-11-20T09:30:00Z", **columns: Any) -> dict[str, Any]:
    return {"leadid": guid(number), "createdon": "2026-11-20T09:00:00Z", "modifiedon": at, **columns}


@pytest.fixture
def dataverse() -> Dataverse:
    return Dataverse()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
async def api(dataverse: Dataverse, sleeps: Sleeps) -> AsyncIterator[DynamicsApi]:
    api = DynamicsApi(
        base_url=dataverse.cloud.base_url,
        tenant=TENANT,
        client_id="the-app",
        client_secret=SECRET,
        mapping=OWN,
        transport=dataverse.cloud.transport,
        sleep=sleeps,
    )
    yield api
    await api.close()


async def changed(api: DynamicsApi, since: Instant = SINCE) -> list[list[Found]]:
    return [list(page) async for page in api.changed_since(since) if page]


async def test_the_application_signs_in_for_the_environment(api: DynamicsApi, dataverse: Dataverse) -> None:
    """Client credentials, with the environment as the scope; the token is asked for once."""
    await changed(api)
    assert dataverse.cloud.forms == [
        {
            "grant_type": "client_credentials",
            "client_id": "the-app",
            "client_secret": SECRET,
            "scope": f"{dataverse.cloud.base_url}/.default",
        }
    ]


async def test_rows_that_were_modified_since_come_table_by_table(api: DynamicsApi, dataverse: Dataverse) -> None:
    """In the order in which they were modified; one that was modified in that very second too."""
    dataverse.sets["leads"] = [
        lead(1, "2026-11-20T10:00:00Z"),
        lead(2, "2026-11-20T09:00:00Z"),
        lead(3, "2026-11-20T08:59:59Z"),
    ]
    dataverse.sets["opportunities"] = [{"opportunityid": guid(9), "modifiedon": "2026-11-20T09:10:00Z"}]
    pages = await changed(api)
    assert [[(found.object, found.content.get("leadid")) for found in page] for page in pages] == [
        [("lead", guid(2)), ("lead", guid(1))],
        [("opportunity", None)],
    ]


async def test_pages_follow_each_other(api: DynamicsApi, dataverse: Dataverse) -> None:
    """By the address that each page gives for the next one."""
    dataverse.page = 2
    dataverse.sets["leads"] = [lead(number) for number in range(5)]
    pages = await changed(api)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert {found.content["leadid"] for page in pages for found in page} == {guid(number) for number in range(5)}
    assert all(f"odata.maxpagesize={PAGE}" in prefer for prefer in dataverse.prefers)


async def test_labels_lookups_and_currencies_are_told(api: DynamicsApi, dataverse: Dataverse) -> None:
    """The adapter reads of them what webhooks do not say."""
    dataverse.sets["opportunities"] = [
        {
            "opportunityid": guid(9),
            "_originatingleadid_value": guid(1),
            f"_originatingleadid_value{TABLE}": "lead",
            "statecode": 1,
            f"statecode{LABEL}": "Won",
            "actualvalue": 1200.0,
            "transactioncurrencyid": {"isocurrencycode": "EUR"},
            "createdon": "2026-11-20T09:00:00Z",
            "modifiedon": "2026-11-20T09:30:00Z",
        }
    ]
    ((found,),) = await changed(api)
    reading = Dynamics(mapping=MAPPING).found(found)
    assert reading.changes[1].record["statecode.label"] == "Won"
    events = [to_wire(event) for event in Dynamics(mapping=MAPPING).meant(reading).events]
    (won,) = [event for event in events if event["type"] == "deal.won"]
    assert won["subject"] == f"dynamics:lead:{guid(1)}"
    assert won["data"] == {"deal": f"dynamics:opportunity:{guid(9)}", "amount": 1200.0, "currency": "EUR"}


async def test_of_activities_what_they_say_is_not_asked_for(api: DynamicsApi, dataverse: Dataverse) -> None:
    """Only what decides whether they count, and what the mapping asks for besides."""
    await changed(api)
    selected = {name: set(query.get("$select", "").split(",")) for name, query in dataverse.queries}
    assert "description" not in selected["emails"]
    assert {"senton", "directioncode", "_regardingobjectid_value"} <= selected["emails"]
    assert {"leftvoicemail", "new_outcome"} <= selected["phonecalls"]
    assert not {"regardingobjectid", "regardingobjectid.type"} & selected["phonecalls"]
    assert "directioncode" not in selected["tasks"]
    assert selected["leads"] == {""}


async def test_a_table_of_the_companys_own_is_looked_up_once(api: DynamicsApi, dataverse: Dataverse) -> None:
    """The Web API has a name of its own for its rows."""
    row = {"activityid": guid(5), "modifiedon": "2026-11-20T09:30:00Z"}
    dataverse.sets["new_visits"] = [row]
    for _ in range(2):
        ((found,),) = await changed(api)
        assert (found.object, found.content["activityid"]) == ("new_visit", guid(5))
    assert sum("EntityDefinitions" in call for call in dataverse.cloud.calls) == 1


async def test_what_is_asked_for_is_read_and_what_is_gone_is_left_out(api: DynamicsApi, dataverse: Dataverse) -> None:
    """In few queries; ids that are none are gone as well."""
    dataverse.sets["leads"] = [lead(number) for number in range(30)]
    wanted = [Reference("lead", guid(number)) for number in (*range(25), 99)]
    bad = [Reference("lead", "1 or true"), Reference("no_such_table", guid(1)), Reference("x'y", guid(1))]
    found = await api.fetch([*wanted, *wanted, *bad])
    assert [each.content["leadid"] for each in found] == [guid(number) for number in range(25)]
    assert len(dataverse.queries) == 2


async def test_a_reference_without_an_id_is_all_that_changed(api: DynamicsApi, dataverse: Dataverse) -> None:
    """As after a merge that did not say which lead went."""
    dataverse.sets["leads"] = [lead(1), lead(2, "2026-11-20T08:00:00Z")]
    (found,) = await api.fetch([Reference("lead", "", since=SINCE)])
    assert found.content["leadid"] == guid(1)


async def test_it_waits_as_long_as_the_limits_ask(api: DynamicsApi, dataverse: Dataverse, sleeps: Sleeps) -> None:
    """429 with Retry-After: the sliding window is of five minutes."""
    dataverse.sets["leads"] = [lead(1)]
    dataverse.cloud.is_busy("204")
    ((found,),) = await changed(api)
    assert (found.content["leadid"], sleeps.slept) == (guid(1), [204.0])


async def test_a_token_that_ends_amid_the_pages_is_replaced(api: DynamicsApi, dataverse: Dataverse) -> None:
    """No page is lost or comes twice."""
    dataverse.page = 1
    dataverse.sets["leads"] = [lead(number) for number in range(3)]
    seen = []
    async for page in api.changed_since(SINCE):
        seen += [found.content["leadid"] for found in page]
        if len(seen) == 1:
            dataverse.cloud.ends_the_token()
    assert seen == [guid(0), guid(1), guid(2)]
    assert len(dataverse.cloud.forms) == 2


async def test_a_next_page_elsewhere_is_not_asked(
    api: DynamicsApi, dataverse: Dataverse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token goes to the environment alone."""
    dataverse.page = 1
    dataverse.sets["leads"] = [lead(1), lead(2)]
    inner = dataverse.cloud.app

    async def lying(scope: Scope, receive: Receive, send: Send) -> None:
        scope["headers"] = [(name, b"other.test" if name == b"host" else value) for name, value in scope["headers"]]
        await inner(scope, receive, send)

    monkeypatch.setattr(api._client._client, "_transport", httpx2.ASGITransport(app=lying))
    with pytest.raises(Unavailable, match="another host"):
        await changed(api)


async def test_an_answer_without_rows_is_told(api: DynamicsApi, dataverse: Dataverse) -> None:
    """Rather than taken for an empty one."""
    dataverse.cloud.troubles.append(JSONResponse({"odd": True}))
    with pytest.raises(Unavailable, match="no rows"):
        await changed(api)


def test_it_is_set_up_by_four_settings() -> None:
    """None of them: no API; some of them: a mistake that names the others."""
    all_of = {
        "dynamics_api_url": "https://company.crm4.dynamics.com",
        "dynamics_tenant": TENANT,
        "dynamics_client_id": "the-app",
        "dynamics_client_secret": SECRET,
    }
    assert dynamics_api(read_settings()) is None
    made = dynamics_api(read_settings(**all_of))
    assert made is not None
    assert made.crm == "dynamics"
    with pytest.raises(UsageError, match="BATON_DYNAMICS_CLIENT_SECRET: not given"):
        dynamics_api(read_settings(**{**all_of, "dynamics_client_secret": None}))
