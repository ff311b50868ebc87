"""HubSpot: the notifications of its webhooks, and what its workflows send, at one door.

Apps sign with their client secret (v3). Workflows may sign by v2, which has no time in it, or show a key: each is taken
where it is asked for, and never in place of a signature v3 that is there. Signature v1 says nothing of the address, and
whatever has it has v3 as well; it is not taken.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Self

from schemas.mapping import CrmMapping
from services.domain.instants import Instant
from services.errors import BadEvent
from services.gateway import signatures
from services.gateway.changes import Reading
from services.gateway.crm import hubspot_notifications as notifications
from services.gateway.crm import hubspot_records as records
from services.gateway.crm.base import CrmSender
from services.gateway.request import Incoming, shown_digest
from services.gateway.sender import Outgoing, listed, parsed
from services.ports import Found

_KEY_HEADER = "x-baton-key"
_KEY_PARAMETER = "code"


class HubSpot(CrmSender):
    """HubSpot's webhooks."""

    crm = "hubspot"
    challenge = "HubSpot-Signature-v3"
    proofs: Collection[str] = frozenset(
        {
            signatures.HUBSPOT_SIGNATURE,
            signatures.HUBSPOT_TIMESTAMP,
            signatures.HUBSPOT_OLD_SIGNATURE,
            signatures.HUBSPOT_OLD_VERSION,
        }
    )

    def __init__(
        self,
        *,
        mapping: CrmMapping,
        secrets: Sequence[str] = (),
        public_url: str | None = None,
        settings: str | None = None,
        v2_secrets: Sequence[str] = (),
        keys: Sequence[str] = (),
    ) -> None:
        """`v2_secrets` are those whose signature v2 is enough; `keys` are shown in place of a signature."""
        super().__init__(
            mapping=mapping, secrets=(*secrets, *v2_secrets, *keys), public_url=public_url, settings=settings
        )
        self._secrets = tuple(secrets)
        self._v2_secrets = tuple(v2_secrets)
        self._keys = tuple(keys)

    @classmethod
    def made(cls, *, mapping: CrmMapping, given: Callable[[str], Sequence[str]], public_url: str | None = None) -> Self:
        """A sender of what the settings give."""
        return cls(
            mapping=mapping,
            secrets=given("secrets"),
            v2_secrets=given("v2_secrets"),
            keys=given("keys"),
            public_url=public_url,
        )

    @property
    def configured(self) -> bool:
        """Whether it has any secret or key."""
        return bool(self._secrets or self._v2_secrets or self._keys)

    def shown(self, request: Incoming) -> str | None:
        """The digest of the key that a workflow shows, where it does not sign."""
        if self._version(request) is not None:
            return None
        return shown_digest(request, request.headers.get(_KEY_HEADER) or request.query(_KEY_PARAMETER))

    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless HubSpot made the request.

        Where a proxy stands in front, only the public URL says what address it signed: what a request says of its
        own host proves nothing.
        """
        url = request.url if self._public_url is None else self._public_url + request.target
        method, headers, body = request.method, request.headers, request.body
        version = self._version(request)
        if version == 2:
            signatures.verify_hubspot_v2(method=method, url=url, headers=headers, body=body, secrets=self._v2_secrets)
        elif version is None and self._keys:
            what = "a signature, or the API key in the header X-Baton-Key or as ?code="
            signatures.verify_shared(self.shown(request), self._keys, what)
        else:
            signatures.verify_hubspot(
                method=method, url=url, headers=headers, body=body, secrets=self._secrets, now=now, window=window
            )

    def _version(self, request: Incoming) -> int | None:
        """By which signature the request stands or falls; None where it has none that is taken here."""
        if signatures.HUBSPOT_SIGNATURE in request.headers:
            return 3
        return 2 if self._v2_secrets and signatures.HUBSPOT_OLD_SIGNATURE in request.headers else None

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:
        """The request that HubSpot would make."""
        target = "/hooks/hubspot"
        headers = signatures.sign_hubspot(
            method="POST", url=base_url + target, body=body, secret=self._first_secret(), at=at
        )
        return Outgoing(target, {"content-type": "application/json", **headers}, body)

    def items(self, request: Incoming) -> Sequence[object]:
        """The notifications, or the one record that a workflow sends."""
        self._check_json(request)
        payload = parsed(request.body)
        return [payload] if records.is_record(payload) else listed(payload, fewest=1)

    def alone(self, item: object) -> tuple[str, bytes]:
        """A request with one notification, or one record."""
        return super().alone(item if records.is_record(item) and not _is_notification(item) else [item])

    def identity(self, item: object) -> object:
        """The notification without its `attemptNumber`, which differs from one delivery of it to the next."""
        if isinstance(item, Mapping):
            return {name: value for name, value in item.items() if name != "attemptNumber"}
        return item

    def reading(self, item: object) -> Reading:
        """What a notification or a record says."""
        if not isinstance(item, Mapping):
            raise BadEvent("invalid", "a notification is an object")
        if records.is_record(item) and not _is_notification(item):
            return records.of_workflow(item, self.mapping)
        return notifications.reading(item, self.mapping)

    def found(self, found: Found) -> Reading:
        """What the API says."""
        if found.object:
            return records.of_api(found.object, found.content, self.mapping)
        return self.reading(found.content)


def _is_notification(item: object) -> bool:
    return isinstance(item, Mapping) and notifications.is_notification(item)
