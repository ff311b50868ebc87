"""Who we are to the Pub/Sub API: the headers of each call, made of what Salesforce's sign-in says with a token."""

import re
from collections.abc import Mapping
from typing import Any, Protocol

import httpx2

from services.adapters.crm.api import ApiClient, OAuthToken, Rate
from services.errors import BadEvent, Unavailable, UsageError

SETTINGS = "BATON_SALESFORCE_CLIENT_ID, BATON_SALESFORCE_CLIENT_SECRET"

_ORGANIZATION = re.compile(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_USER_INFO = "/services/oauth2/userinfo"
_RATE = Rate(60, 60.0)
"""Calls of our own: the user info is asked for when the sign-in did not say who we are."""


class Session(Protocol):
    """What a subscription asks of a session."""

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """The headers of a call. Raises Unavailable, and UsageError where the credentials are refused."""

    def forget(self) -> None:
        """Salesforce did not take them: sign in anew next time."""


class SalesforceToken(OAuthToken):
    """A token, and what else the sign-in says: `id` (with organization and user), `instance_url`."""

    said: Mapping[str, Any]

    def __init__(
        self,
        api_url: str,
        *,
        client_id: str,
        client_secret: str,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        super().__init__(f"{api_url}/services/oauth2/token", form=form, transport=transport)
        self.said = {}

    async def _answer(self) -> Any:
        answer = await super()._answer()
        self.said = answer if isinstance(answer, dict) else {}
        return answer


class SalesforceSession:
    """Implements `Session` by the client credentials flow."""

    def __init__(
        self,
        *,
        api_url: str,
        client_id: str,
        client_secret: str,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        """`api_url` is that of My Domain, such as https://company.my.salesforce.com."""
        self._api_url = api_url
        self._token = SalesforceToken(api_url, client_id=client_id, client_secret=client_secret, transport=transport)
        self._client = ApiClient(
            crm="salesforce",
            base_url=api_url,
            authorization=self._token,
            rate=_RATE,
            transport=transport,
            settings=SETTINGS,
        )
        self._organization: str | None = None

    async def metadata(self) -> tuple[tuple[str, str], ...]:
        """`accesstoken`, `instanceurl` and `tenantid`."""
        try:
            header = (await self._token.headers())["authorization"]
        except UsageError as error:
            raise UsageError(f"{SETTINGS}: salesforce refuses the credentials: {error}") from None
        except Unavailable as error:
            raise Unavailable(f"salesforce: {error}") from None
        if self._organization is None:
            self._organization = _named_in(self._token.said) or await self._asked()
        instance = self._token.said.get("instance_url")
        return (
            ("accesstoken", header.removeprefix("Bearer ")),
            ("instanceurl", instance if isinstance(instance, str) and instance else self._api_url),
            ("tenantid", self._organization),
        )

    def forget(self) -> None:
        """Sign in anew next time."""
        self._token.forget()

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.close()

    async def _asked(self) -> str:
        try:
            answer = await self._client.get(_USER_INFO)
        except BadEvent as error:
            raise UsageError(f"{SETTINGS}: salesforce does not say of which organization they are: {error}") from None
        found = answer.get("organization_id") if isinstance(answer, dict) else None
        if not isinstance(found, str) or not _ORGANIZATION.fullmatch(found):
            raise UsageError(f"{SETTINGS}: salesforce does not say of which organization they are")
        return found


def _named_in(said: Mapping[str, Any]) -> str | None:
    """The organization in the identity URL that comes with a token, https://HOST/id/ORGANIZATION/USER."""
    steps = str(said.get("id", "")).split("/")
    return next((step for step in steps if _ORGANIZATION.fullmatch(step)), None)
