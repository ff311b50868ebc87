"""The HTTP client on which the clients of all CRMs' APIs are built: limits, tries, tokens, and what failures mean."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson
from aiolimiter import AsyncLimiter
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt

from services.adapters.crm.answers import USER_AGENT, code_of, read_answer, retry_after
from services.adapters.crm.authorization import Authorization, FixedHeaders, OAuthToken
from services.errors import BadEvent, Unavailable, UsageError
from services.ports import Reference

__all__ = ["ApiClient", "Authorization", "FixedHeaders", "OAuthToken", "Rate", "Sleep", "by_object"]

Sleep = Callable[[float], Awaitable[None]]
"""Waits so many seconds."""

_TRIES = 6
_FIRST_PAUSE = 1.0
"""Seconds; each further pause is twice as long, and up to half of it shorter, so that clients do not come together."""
_LONGEST_PAUSE = 300.0
"""Seconds that are waited within a call: Dataverse's limits are per five minutes. Asked for more, the call fails."""
_TIMEOUT = httpx2.Timeout(60.0, connect=10.0)
"""Of each read or write on the connection, in seconds. Searches of large accounts take some."""
_NOTHING = frozenset({304, 404, 410})
_REFUSED = frozenset({401, 402, 403})
_COME_BACK = frozenset({408, 425, 429})
"""Of the client's errors, those that are about the moment; 500 and beyond are too."""
_SPENT = "REQUEST_LIMIT_EXCEEDED"
"""Salesforce says with 403 that an organization has made all the calls that it may make in a day."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A published limit: so many calls in any period of so many seconds."""

    calls: int
    seconds: float


class _ComeBack(Exception):
    """The call may succeed later."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        self.wait = wait
        super().__init__(why)


class ApiClient:
    """Calls one CRM's API as long as that makes sense, and says what it means when it fails.

    Its methods raise Unavailable (the CRM is away or asks to wait for longer than five minutes), UsageError (it refuses
    the credentials; the text names the settings) and BadEvent (it says that the request itself is wrong).
    """

    def __init__(
        self,
        *,
        crm: str,
        base_url: str,
        authorization: Authorization,
        rate: Rate,
        transport: httpx2.AsyncBaseTransport | None = None,
        settings: str | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`settings` names those that hold the credentials, for messages; left out: `BATON_<CRM>_API_TOKEN`."""
        self._crm = crm
        self._settings = settings or f"BATON_{crm.upper()}_API_TOKEN"
        self._authorization = authorization
        # The bucket starts empty and leaks all the while: half of the limit keeps any period within the whole of it,
        # and leaves room to whatever else has the same account.
        self._limiter = AsyncLimiter(max(1.0, rate.calls / 2), rate.seconds)
        self._sleep = sleep
        self._base = httpx2.URL(base_url)
        self._client = httpx2.AsyncClient(
            base_url=base_url,
            timeout=_TIMEOUT,
            trust_env=False,
            transport=transport,
            headers={"accept": "application/json", "user-agent": USER_AGENT},
        )

    async def get(
        self, path: str, params: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        """The JSON that a path has; None where there is nothing under it (404, 410), or nothing to say (204, 304).

        `path` is relative to the base URL, or a whole URL (of a next page) on the same host.
        """
        return await self._call("GET", path, params=params, headers=headers)

    async def post(self, path: str, json: Any = None, params: Mapping[str, Any] | None = None) -> Any:
        """The JSON that answers a document; None as with `get`. For queries: it may be sent more than once."""
        return await self._call("POST", path, json=json, params=params)

    async def patch(self, path: str, json: Any) -> Any:
        """The JSON that answers a change; None as with `get`. It may be sent more than once."""
        return await self._call("PATCH", path, json=json)

    async def put(self, path: str, json: Any) -> Any:
        """The JSON that answers a new value; None as with `get`. It may be sent more than once."""
        return await self._call("PUT", path, json=json)

    async def delete(self, path: str) -> None:
        """Have nothing under a path, whether there was something or not."""
        await self._call("DELETE", path)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()

    async def _call(self, method: str, path: str, **content: Any) -> Any:
        url = self._checked(path)
        tries = AsyncRetrying(
            stop=stop_after_attempt(_TRIES),
            retry=retry_if_exception_type(_ComeBack),
            wait=_pause,
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return await tries(self._authorized, method, url, content)
        except _ComeBack as error:
            raise Unavailable(f"{self._crm}: {error}") from None

    def _checked(self, path: str) -> str:
        """The credentials go nowhere but to the CRM, wherever an answer says that the next page is."""
        try:
            url = httpx2.URL(path)
        except httpx2.InvalidURL:
            raise Unavailable(f"{self._crm}: what it names as the next page is no address") from None
        base = self._base
        if url.is_absolute_url and (url.scheme, url.host, url.port) != (base.scheme, base.host, base.port):
            raise Unavailable(f"{self._crm}: it points to another host, {url.host!r:.80}; nothing is asked there")
        return path

    async def _authorized(self, method: str, url: str, content: Mapping[str, Any]) -> Any:
        """One try; with another token where the CRM does not take the one that there is."""
        status, answer = await self._try(method, url, content, await self._headers())
        if status == 401:
            self._authorization.forget()
            status, answer = await self._try(method, url, content, await self._headers())
        if status < 300:
            return answer
        what = f"{method} {httpx2.URL(url).path} is answered with {status}{code_of(answer)}"
        if status == 403 and code_of(answer).strip() == _SPENT:
            raise Unavailable(f"{self._crm}: {what}")
        if status in _REFUSED:
            raise UsageError(f"{self._settings}: {self._crm} refuses the credentials, or they lack a right: {what}")
        raise BadEvent("invalid", f"{self._crm}: {what}")

    async def _headers(self) -> Mapping[str, str]:
        try:
            headers = await self._authorization.headers()
        except UsageError as error:
            raise UsageError(f"{self._settings}: {self._crm} refuses the credentials: {error}") from None
        except Unavailable as error:
            raise _ComeBack(str(error)) from None
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise UsageError(f"{self._settings}: a credential has characters that none of {self._crm} can have")
        return headers

    async def _try(
        self, method: str, url: str, content: Mapping[str, Any], headers: Mapping[str, str]
    ) -> tuple[int, Any]:
        """Status and JSON of what is answered; (200, None) where that is nothing. Raises _ComeBack."""
        await self._limiter.acquire()
        asked = {**content, "headers": {**(content.get("headers") or {}), **headers}}
        try:
            async with self._client.stream(method, url, **asked) as response:
                body = await read_answer(response)
        except (httpx2.RequestError, TimeoutError) as error:
            # Not its text: that may hold the address with what is asked for.
            raise _ComeBack(f"cannot be reached: {type(error).__name__}") from None
        status = response.status_code
        if status in _NOTHING:
            return 200, None
        try:
            answer = orjson.loads(body) if body.strip() else None
        except orjson.JSONDecodeError:
            if response.is_success:
                raise _ComeBack(f"{method} {httpx2.URL(url).path}: the answer is no JSON") from None
            answer = None
        if status in _COME_BACK or status >= 500:
            what = f"{method} {httpx2.URL(url).path} is answered with {status}{code_of(answer)}"
            raise self._to_come_back(response, what)
        return status, answer

    def _to_come_back(self, response: httpx2.Response, what: str) -> Exception:
        wait = retry_after(response)
        if wait is not None and wait > _LONGEST_PAUSE:
            return Unavailable(f"{self._crm}: {what}, and asks to wait for {wait:.0f} s")
        return _ComeBack(what, wait)


def by_object(references: Sequence[Reference], size: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Object and ids, each id once, in batches of at most `size`, for APIs that read many objects of one kind."""
    ids: dict[str, dict[str, None]] = {}
    for reference in references:
        if reference.id:
            ids.setdefault(reference.object, {})[reference.id] = None
    for name, found in ids.items():
        listed = list(found)
        for start in range(0, len(listed), size):
            yield name, listed[start : start + size]


def _pause(state: RetryCallState) -> float:
    """What the server asks for, else twice as long each time."""
    failure = state.outcome.exception() if state.outcome is not None else None
    if isinstance(failure, _ComeBack) and failure.wait is not None:
        return failure.wait
    pause: float = _FIRST_PAUSE * 2.0 ** (state.attempt_number - 1)
    return pause * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
