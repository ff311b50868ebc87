"""Who we are to the Pub/Sub API, against a fake of Salesforce's sign-in."""

from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.adapters.salesforce.session import SalesforceSession
from services.errors import Unavailable, UsageError
from tests.crm.change_events import ORGANIZATION

URL = "https://company.my.salesforce.com"
INSTANCE = "https://company--eu.my.salesforce.com"
SECRET = "s3cr3t"


class SignIn:
    """Salesforce's sign-in for the client credentials flow, and its user info."""

    def __init__(self) -> None:
        self.forms: list[dict[str, Any]] = []
        self.status = 200
        self.says: dict[str, Any] = {
            "signature": "Y2hlY2s=",
            "scope": "api",
            "instance_url": INSTANCE,
            "id": f"{URL}/id/{ORGANIZATION}/0055f000005mc66AAA",
            "token_type": "Bearer",
            "issued_at": "1791190800000",
        }
        self.user_info: dict[str, Any] = {"user_id": "0055f000005mc66AAA", "organization_id": ORGANIZATION}
        self.asked_by: list[str] = []
        self.app = Starlette(
            routes=[
                Route("/services/oauth2/token", self._token, methods=["POST"]),
                Route("/services/oauth2/userinfo", self._user_info),
            ]
        )

    async def _token(self, request: Request) -> Response:
        self.forms.append(dict(parse_qsl((await request.body()).decode())))
        if self.status != 200:
            return JSONResponse({"error": "invalid_client", "error_description": f"not {SECRET}"}, self.status)
        return JSONResponse({"access_token": f"00D!token-{len(self.forms)}", **self.says})

    async def _user_info(self, request: Request) -> Response:
        self.asked_by.append(request.headers["authorization"])
        return JSONResponse(self.user_info, 400 if "error" in self.user_info else 200)


@pytest.fixture
def sign_in() -> SignIn:
    return SignIn()


@pytest.fixture
def session(sign_in: SignIn) -> SalesforceSession:
    return SalesforceSession(
        api_url=URL, client_id="baton", client_secret=SECRET, transport=httpx2.ASGITransport(app=sign_in.app)
    )


async def test_the_headers_of_a_call(sign_in: SignIn, session: SalesforceSession) -> None:
    """Token, instance and organization, from one answer; it is asked once."""
    expected = (("accesstoken", "00D!token-1"), ("instanceurl", INSTANCE), ("tenantid", ORGANIZATION))
    assert await session.metadata() == expected
    assert await session.metadata() == expected
    assert sign_in.forms == [{"grant_type": "client_credentials", "client_id": "baton", "client_secret": SECRET}]
    assert not sign_in.asked_by
    await session.close()


async def test_a_forgotten_token(sign_in: SignIn, session: SalesforceSession) -> None:
    """Another is asked for."""
    await session.metadata()
    session.forget()
    assert dict(await session.metadata())["accesstoken"] == "00D!token-2"
    assert len(sign_in.forms) == 2
    await session.close()


async def test_a_sign_in_that_does_not_say_who_we_are(sign_in: SignIn, session: SalesforceSession) -> None:
    """The user info is asked, and the address is the one that was set."""
    del sign_in.says["id"], sign_in.says["instance_url"]
    assert dict(await session.metadata()) == {
        "accesstoken": "00D!token-1",
        "instanceurl": URL,
        "tenantid": ORGANIZATION,
    }
    assert sign_in.asked_by == ["Bearer 00D!token-1"]
    await session.close()


@pytest.mark.parametrize(
    "said", [{}, {"organization_id": None}, {"organization_id": "x y"}, {"organization_id": 5}, {"error": "bad_scope"}]
)
async def test_nobody_says_who_we_are(sign_in: SignIn, session: SalesforceSession, said: dict[str, Any]) -> None:
    """Without an organization no call can be made."""
    sign_in.says["id"] = "https://login.salesforce.com/id/x/y"
    sign_in.user_info = said
    with pytest.raises(UsageError, match="does not say of which organization"):
        await session.metadata()
    await session.close()


async def test_wrong_credentials(sign_in: SignIn, session: SalesforceSession) -> None:
    """The settings are named; what Salesforce quotes is not shown."""
    sign_in.status = 401
    with pytest.raises(UsageError, match=r"^BATON_SALESFORCE_CLIENT_ID, .* invalid_client$") as refused:
        await session.metadata()
    assert SECRET not in str(refused.value)
    await session.close()


async def test_the_sign_in_is_away(sign_in: SignIn, session: SalesforceSession) -> None:
    """An outage."""
    sign_in.status = 503
    with pytest.raises(Unavailable, match="503"):
        await session.metadata()
    await session.close()
