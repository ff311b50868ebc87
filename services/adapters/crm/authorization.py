"""How requests to a CRM's API are authorized: by headers that stay, or by an OAuth 2 token that is fetched anew."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Protocol

import httpx2
import orjson

from services.adapters.crm.answers import USER_AGENT, code_of, read_answer
from services.errors import Unavailable, UsageError

_SPARE_SECONDS = 60.0
"""A token is fetched anew so long before it ends, as requests are under way and clocks differ."""
_LIFETIME_SECONDS = 900.0
"""Of a token whose answer does not say (Salesforce's does not): the shortest session that Salesforce lets one set."""
_TIMEOUT_SECONDS = 30.0


class Authorization(Protocol):
    """What proves to a CRM who asks."""

    async def headers(self) -> Mapping[str, str]:
        """The headers of the next request. Raises Unavailable, and UsageError where credentials are refused."""

    def forget(self) -> None:
        """The CRM did not take these headers: have others next time, where there can be any."""


class FixedHeaders:
    """Headers that stay, such as that of a private app's token."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = dict(headers)

    async def headers(self) -> Mapping[str, str]:
        """Always the same."""
        return self._headers

    def forget(self) -> None:
        """There are no others."""


class OAuthToken:
    """A bearer token that an OAuth 2 server gives for a form (RFC 6749: client credentials, refresh token)."""

    def __init__(
        self,
        url: str,
        *,
        form: Mapping[str, str],
        scheme: str = "Bearer",
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`form` has `grant_type` and what belongs to it. `scheme` is what comes before the token."""
        self._url = url
        self._form = dict(form)
        self._scheme = scheme
        self._transport = transport
        self._token: str | None = None
        self._good_until = 0.0
        self._fetching = asyncio.Lock()

    async def headers(self) -> Mapping[str, str]:
        """The header with a token that is good for a while yet."""
        async with self._fetching:
            if self._token is None or time.monotonic() >= self._good_until:
                self._token = await self._fetched()
            return {"authorization": f"{self._scheme} {self._token}"}

    def forget(self) -> None:
        """Fetch another one next time."""
        self._token = None

    async def _fetched(self) -> str:
        answer = await self._answer()
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            # Zoho tells a refusal with the status 200.
            raise UsageError(f"no token is given{code_of(answer)}")
        lifetime = answer.get("expires_in")
        # Entra's older end point writes the number as a text.
        seconds = float(lifetime) if str(lifetime).isascii() and str(lifetime).isdigit() else _LIFETIME_SECONDS
        self._good_until = time.monotonic() + max(0.0, seconds - _SPARE_SECONDS)
        return token

    async def _answer(self) -> Any:
        # Asked once an hour or so: no connection is kept for it.
        async with httpx2.AsyncClient(
            timeout=_TIMEOUT_SECONDS, trust_env=False, transport=self._transport, headers={"user-agent": USER_AGENT}
        ) as client:
            try:
                async with client.stream(
                    "POST", self._url, data=self._form, headers={"accept": "application/json"}
                ) as response:
                    body = await read_answer(response)
            except (httpx2.RequestError, TimeoutError) as error:
                raise Unavailable(f"the sign-in cannot be reached: {type(error).__name__}") from None
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = None
        status = response.status_code
        if status == 429 or status >= 500:
            raise Unavailable(f"the sign-in answers {status}{code_of(answer)}")
        if status != 200:
            raise UsageError(f"the sign-in answers {status}{code_of(answer)}")
        return answer
