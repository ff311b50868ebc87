"""The client that the CRMs' API clients are built on, against a fake cloud."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from services.adapters.crm import answers
from services.adapters.crm.api import ApiClient, Authorization, FixedHeaders, OAuthToken, Rate, by_object
from services.errors import BadEvent, Unavailable, UsageError
from services.ports import Reference
from tests.crm.fakes import FakeCloud, Sleeps

SECRET = "s3cr3t-t0k3n"
FORM = {"grant_type": "client_credentials", "client_id": "baton", "client_secret": SECRET}


async def _things(request: Request) -> Response:
    return JSONResponse({"asked": str(request.url.query), "sent": (await request.body()).decode()})


async def _answer(request: Request) -> Response:
    status = int(request.path_params["status"])
    return JSONResponse([{"errorCode": "NO_SUCH_FIELD", "message": f"said of {SECRET}"}], status)


ROUTES = [
    Route("/things", _things, methods=["GET", "POST", "PATCH"]),
    Route("/headers", lambda request: JSONResponse(dict(request.headers))),
    Route("/answer/{status}", _answer),
    Route("/nothing", lambda _: Response(status_code=204)),
    Route("/unchanged", lambda _: Response(status_code=304)),
    Route("/text", lambda _: Response("<html>", media_type="text/html")),
    Route("/elsewhere", lambda _: RedirectResponse("https://other.test/")),
]


@pytest.fixture
def cloud() -> FakeCloud:
    return FakeCloud(ROUTES)


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


Clients = Callable[..., ApiClient]


@pytest.fixture
async def client_of(cloud: FakeCloud, sleeps: Sleeps) -> AsyncIterator[Clients]:
    """Makes clients of the cloud."""
    made: list[ApiClient] = []

    def client(authorization: Authorization | None = None, **options: Any) -> ApiClient:
        given: dict[str, Any] = {"rate": Rate(1_000, 1.0), "transport": cloud.transport, "sleep": sleeps, **options}
        authorization = authorization or FixedHeaders({"authorization": f"Bearer {SECRET}"})
        made.append(ApiClient(crm="anycrm", base_url=cloud.base_url, authorization=authorization, **given))
        return made[-1]

    yield client
    for each in made:
        await each.close()


def oauth(cloud: FakeCloud) -> OAuthToken:
    """A token from the cloud's own sign-in."""
    cloud.token_path = "/oauth/token"
    return OAuthToken(f"{cloud.base_url}/oauth/token", form=FORM, transport=cloud.transport)


async def test_what_is_there_is_given_as_json(client_of: Clients, cloud: FakeCloud) -> None:
    """Parameters go into the query, documents into the body."""
    client = client_of()
    assert await client.get("/things", {"limit": 2}) == {"asked": "limit=2", "sent": ""}
    assert await client.post("/things", {"a": 1}, {"b": 2}) == {"asked": "b=2", "sent": '{"a":1}'}
    assert cloud.calls == ["GET /things?limit=2", "POST /things?b=2"]


async def test_a_change_is_sent_and_headers_are_added(client_of: Clients, cloud: FakeCloud) -> None:
    """To those that every request has; what proves who asks cannot be replaced."""
    client = client_of()
    assert (await client.patch("/things", {"a": 1}))["sent"] == '{"a":1}'
    assert cloud.calls == ["PATCH /things"]
    headers = await client.get("/headers", headers={"If-Modified-Since": "then", "authorization": "other"})
    assert headers["if-modified-since"] == "then"
    assert headers["accept"] == "application/json"
    assert headers["authorization"] != "other"


@pytest.mark.parametrize("path", ["/gone", "/answer/404", "/answer/410", "/nothing", "/unchanged"])
async def test_what_is_not_there_is_none(client_of: Clients, path: str) -> None:
    """An object that is gone is no error, nor is an empty answer."""
    assert await client_of().get(path) is None


@pytest.mark.parametrize("retry_after", ["7", "7.0"])
async def test_it_waits_as_long_as_it_is_asked_to(
    client_of: Clients, cloud: FakeCloud, sleeps: Sleeps, retry_after: str
) -> None:
    """Retry-After in seconds decides how long."""
    cloud.is_busy(retry_after)
    assert await client_of().get("/things") is not None
    assert sleeps.slept == [7.0]


def test_retry_after_may_be_a_date() -> None:
    """RFC 9110 has both forms; what is neither says nothing, and a date that is over means now."""
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)

    def waits(text: str) -> float | None:
        return answers.retry_after(httpx2.Response(429, headers={"retry-after": text}), now)

    assert waits(format_datetime(now + timedelta(seconds=90), usegmt=True)) == 90.0
    assert waits("Mon, 23 Nov 2026 09:01:30 -0000") == 90.0
    assert waits(format_datetime(now - timedelta(seconds=90), usegmt=True)) == 0.0
    assert waits("soon") is waits("") is waits("-1") is waits("nan") is None


async def test_a_wait_beyond_all_patience_fails_at_once(client_of: Clients, cloud: FakeCloud, sleeps: Sleeps) -> None:
    """Asked to come back tomorrow, it says so and does not try before."""
    cloud.is_busy("86400")
    with pytest.raises(Unavailable, match="asks to wait for 86400 s"):
        await client_of().get("/things")
    assert (sleeps.slept, len(cloud.calls)) == ([], 1)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 520])
async def test_an_error_of_the_server_is_tried_again(
    client_of: Clients, cloud: FakeCloud, sleeps: Sleeps, status: int
) -> None:
    """One that is over by the next try is not noticed."""
    cloud.is_broken(status)
    cloud.is_broken(status)
    assert await client_of().get("/things") is not None
    first, second = sleeps.slept
    assert 0.5 <= first <= 1.0 <= second <= 2.0


async def test_what_stays_broken_is_unavailable(client_of: Clients, cloud: FakeCloud, sleeps: Sleeps) -> None:
    """After six tries within about half a minute it is up to the caller."""
    for _ in range(9):
        cloud.is_broken()
    with pytest.raises(Unavailable, match="anycrm: GET /things is answered with 500"):
        await client_of().get("/things")
    assert (len(cloud.calls), len(sleeps.slept)) == (6, 5)
    assert sum(sleeps.slept) <= 31


async def test_a_host_that_is_not_there_is_unavailable(client_of: Clients, sleeps: Sleeps) -> None:
    """A broken connection is tried again, and told without the address."""

    def broken(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError(f"no route to https://crm.test/things?key={SECRET}")

    with pytest.raises(Unavailable, match=r"^anycrm: cannot be reached: ConnectError$"):
        await client_of(transport=httpx2.MockTransport(broken)).get("/things")
    assert len(sleeps.slept) == 5


async def test_a_page_that_is_no_json_is_unavailable(client_of: Clients) -> None:
    """A proxy's page in place of the API's answer is tried again."""
    with pytest.raises(Unavailable, match="no JSON"):
        await client_of().get("/text")


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_refused_credentials_name_the_setting(client_of: Clients, sleeps: Sleeps, status: int) -> None:
    """They are not tried again, and not shown; nor is what the CRM says beyond its code."""
    with pytest.raises(UsageError, match=r"^BATON_ANYCRM_API_TOKEN: .* NO_SUCH_FIELD$") as error:
        await client_of().get(f"/answer/{status}")
    assert SECRET not in str(error.value)
    assert sleeps.slept == []
    with pytest.raises(UsageError, match=r"^BATON_A and BATON_B: "):
        await client_of(settings="BATON_A and BATON_B").get(f"/answer/{status}")


async def test_credentials_that_no_header_can_hold_name_the_setting(client_of: Clients) -> None:
    """A token that was copied with a line break or a dash is told, without showing it."""
    for token in (f"{SECRET}\n", f"{SECRET}–"):
        with pytest.raises(UsageError, match=r"^BATON_ANYCRM_API_TOKEN: ") as error:
            await client_of(FixedHeaders({"authorization": token})).get("/things")
        assert SECRET not in str(error.value)


async def test_a_wrong_request_is_told_as_such(client_of: Clients, sleeps: Sleeps) -> None:
    """It would be wrong the next time too; a batch of references can be parted by it."""
    with pytest.raises(BadEvent, match=r"^anycrm: GET /answer/400 is answered with 400 NO_SUCH_FIELD$"):
        await client_of().get("/answer/400")
    assert sleeps.slept == []


async def test_a_token_is_asked_for_once(client_of: Clients, cloud: FakeCloud) -> None:
    """All calls share it, those at the same time too."""
    client = client_of(oauth(cloud))
    await asyncio.gather(*(client.get("/things") for _ in range(5)))
    assert cloud.forms == [FORM]


async def test_a_token_that_ended_is_replaced(client_of: Clients, cloud: FakeCloud, sleeps: Sleeps) -> None:
    """The call that finds it out is made again with another one, at once."""
    client = client_of(oauth(cloud))
    await client.get("/things")
    cloud.ends_the_token()
    assert await client.get("/things") is not None
    assert (len(cloud.forms), sleeps.slept) == (2, [])


async def test_a_token_is_replaced_before_it_ends(client_of: Clients, cloud: FakeCloud) -> None:
    """One that lives a minute is as good as over."""
    lives = 60

    async def give(_: Request) -> Response:
        cloud.forms.append({})
        return JSONResponse({"access_token": "t", "expires_in": str(lives)})

    cloud.routes = [*ROUTES, Route("/short", give, methods=["POST"])]
    client = client_of(OAuthToken("https://crm.test/short", form=FORM, transport=cloud.transport))
    await client.get("/things")
    await client.get("/things")
    assert len(cloud.forms) == 2


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [(400, {"error": "invalid_client"}, "invalid_client"), (200, {"error": "invalid_code"}, "invalid_code")],
)
async def test_a_refused_sign_in_names_the_setting(
    client_of: Clients, cloud: FakeCloud, status: int, answer: dict[str, str], code: str
) -> None:
    """OAuth's code is told, whatever status it comes with; the secret is not."""
    cloud.routes = [Route("/sign-in", lambda _: JSONResponse({**answer, "of": SECRET}, status), methods=["POST"])]
    client = client_of(OAuthToken("https://crm.test/sign-in", form=FORM, transport=cloud.transport))
    with pytest.raises(UsageError, match=rf"^BATON_ANYCRM_API_TOKEN: .* {code}$") as error:
        await client.get("/things")
    assert SECRET not in str(error.value)


async def test_a_sign_in_that_is_away_is_tried_again(client_of: Clients, cloud: FakeCloud, sleeps: Sleeps) -> None:
    """It is an outage like any other."""
    cloud.routes = [Route("/sign-in", lambda _: Response(status_code=503), methods=["POST"])]
    client = client_of(OAuthToken("https://crm.test/sign-in", form=FORM, transport=cloud.transport))
    with pytest.raises(Unavailable, match="anycrm: the sign-in answers 503"):
        await client.get("/things")
    assert len(sleeps.slept) == 5


async def test_an_answer_is_read_within_bounds(client_of: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is too large is not held in memory."""
    monkeypatch.setattr(answers, "MOST_BYTES", 10)
    with pytest.raises(Unavailable, match="larger than 10 bytes"):
        await client_of().get("/things")


async def test_the_next_page_may_be_a_whole_address(client_of: Clients) -> None:
    """On the same host it is asked for."""
    assert await client_of().get("https://crm.test/things?page=2") == {"asked": "page=2", "sent": ""}


@pytest.mark.parametrize(
    "path", ["https://other.test/things", "http://crm.test/things", "https://crm.test:444/", "http://[", "/elsewhere"]
)
async def test_credentials_go_nowhere_else(client_of: Clients, path: str) -> None:
    """Neither an address in an answer nor a redirect makes it ask another host."""
    with pytest.raises((Unavailable, BadEvent)):
        await client_of().get(path)


async def test_the_limit_is_kept(client_of: Clients) -> None:
    """In no period are there more calls than the vendor allows: the last of these falls into the second one."""
    client = client_of(rate=Rate(10, 0.2))
    began = time.monotonic()
    for _ in range(11):
        await client.get("/things")
    assert time.monotonic() - began >= 0.2


def test_references_are_asked_for_in_batches_of_one_object() -> None:
    """Each id once, in the order in which they came."""
    references = [Reference("deal", "1"), Reference("contact", "9"), Reference("deal", "1"), Reference("deal", "2")]
    references += [Reference("deal", "3"), Reference("deal", "", since=5)]
    assert list(by_object(references, 2)) == [("deal", ["1", "2"]), ("deal", ["3"]), ("contact", ["9"])]
