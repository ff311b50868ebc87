"""Salesforce: Outbound Messages at the door; change events and records from its APIs.

An Outbound Message is not signed. It names the organization that it comes from; beside that its address may have a
secret (`?code=`), and a proxy in front may have asked for Salesforce's client certificate.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Self

from schemas.mapping import CrmMapping
from services.domain.instants import Instant
from services.errors import BadEvent, Refused, UsageError
from services.gateway import signatures
from services.gateway.changes import Reading
from services.gateway.crm.base import CrmSender
from services.gateway.crm.salesforce_cdc import reading_of_change
from services.gateway.crm.salesforce_messages import reading_of_message
from services.gateway.crm.salesforce_records import CRM, reading_of_state
from services.gateway.crm.salesforce_soap import (
    ACKNOWLEDGED,
    as_notification,
    checked_count,
    message_of,
    message_with,
    notification_of,
)
from services.gateway.request import Incoming, digest_of, shown_digest
from services.gateway.sender import Answer, Counts, Outgoing
from services.ports import Found

FINGERPRINT = "x-client-cert-fingerprint"
CODE = "code"
CHANGED = "changed"

_ORGANIZATION = re.compile(r"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?")
_SESSION = re.compile(rb"(<(?:\w+:)?SessionId\b[^>]*>)[^<]*(</)")
_FIELD = re.compile(r"[A-Za-z0-9_.]+")
_SAME = 15
"""Characters of an id that tell it from others; the three that a longer one has follow from them."""
_XML = ("text/xml", "application/xml", "")
_ANSWER = Answer(200, "text/xml", ACKNOWLEDGED)


class Salesforce(CrmSender):
    """Salesforce's Outbound Messages."""

    crm = CRM
    challenge = "Salesforce"
    letter_type = "text/xml"
    proofs: Collection[str] = frozenset({FINGERPRINT})

    def __init__(
        self,
        *,
        mapping: CrmMapping,
        organizations: Sequence[str] = (),
        secrets: Sequence[str] = (),
        certificates: Sequence[str] = (),
        public_url: str | None = None,
    ) -> None:
        """`secrets` are values of `?code=`, `certificates` fingerprints; where there are any, a message needs one."""
        super().__init__(
            mapping=mapping, secrets=secrets, public_url=public_url, settings="BATON_SALESFORCE_ORGANIZATIONS"
        )
        if not all(_ORGANIZATION.fullmatch(each) for each in organizations):
            raise UsageError("the id of a Salesforce organization has 15 or 18 characters and begins with 00D")
        self._organizations = tuple(organizations)
        self._certificates = tuple(_plain(each) for each in certificates)

    @classmethod
    def made(cls, *, mapping: CrmMapping, given: Callable[[str], Sequence[str]], public_url: str | None = None) -> Self:
        """A sender of what the settings give, organizations and certificates too."""
        return cls(
            mapping=mapping,
            organizations=given("organizations"),
            secrets=given("secrets"),
            certificates=given("certificates"),
            public_url=public_url,
        )

    @property
    def configured(self) -> bool:
        """Whether it knows from which organization messages come."""
        return bool(self._organizations)

    def shown(self, request: Incoming) -> str | None:
        """The digest of the code in the address."""
        return shown_digest(request, request.query(CODE))

    def verify(self, request: Incoming, now: Instant, window: int) -> None:  # noqa: ARG002 - it has no timestamp
        """Raise Refused 401 unless the message names an organization of ours, and shows what else we ask for."""
        if self._secrets:
            signatures.verify_shared(self.shown(request), self._secrets, "the code in the address")
        if self._certificates:
            given = digest_of(_plain(signatures.required(request.headers, FINGERPRINT)))
            signatures.verify_shared(given, self._certificates, "the client's certificate")
        try:
            organization = message_of(request.body).organization
        except BadEvent as bad:
            if self._secrets or self._certificates:
                # Salesforce has proved itself; what it sent is kept as a dead letter, and not asked for again.
                return
            raise Refused(401, f"no organization can be read: {bad}") from None
        given = digest_of(organization[:_SAME])
        ours = [each[:_SAME] for each in self._organizations]
        signatures.verify_shared(given, ours, "the organization of the message")

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - it signs nothing
        """The request that Salesforce would make, from our first organization."""
        if not self._organizations:
            raise UsageError(f"{self.settings}: not given; a message names the organization that it comes from")
        target = f"/hooks/{CRM}" + (f"?{CODE}={self._secrets[0]}" if self._secrets else "")
        headers = {"content-type": "text/xml; charset=utf-8"}
        if self._certificates:
            headers[FINGERPRINT] = self._certificates[0]
        return Outgoing(target, headers, self._as_ours(body))

    def items(self, request: Incoming) -> Sequence[object]:
        """The notifications, each with what the address says of all."""
        if request.media_type not in _XML:
            raise Refused(415, "Outbound Messages of Salesforce come as text/xml")
        message = message_of(request.body)
        said = request.query(CHANGED)
        changed = message.changed if said is None else said
        shared = {} if changed is None else {CHANGED: _FIELD.findall(changed)}
        return [{"notification": text, **shared} for text in checked_count(message.notifications)]

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """The message as it is, but for the session's id, with which anybody could call Salesforce."""
        return request.headers.get("content-type", ""), _SESSION.sub(rb"\1\2", request.body)

    def kept(self, request: Incoming) -> bytes:
        """The body as it is kept of a refused request: without the session's id."""
        return _SESSION.sub(rb"\1\2", request.body)

    def alone(self, item: object) -> tuple[str, bytes]:
        """A message with one notification; what its address said stands in it."""
        text, changed = _parts(item)
        return self.letter_type, message_with([text], changed=None if changed is None else ",".join(changed))

    def reading(self, item: object) -> Reading:
        """What a notification says."""
        text, changed = _parts(item)
        return reading_of_message(self.mapping, notification_of(text), changed)

    def found(self, found: Found) -> Reading:
        """What an API says: a change event, or (`object` is its name) what a record is."""
        if found.object:
            return reading_of_state(self.mapping, found.object, found.content)
        return reading_of_change(self.mapping, found.content)

    def accepted(self, counts: Counts) -> Answer:  # noqa: ARG002 - Salesforce reads nothing else
        """The acknowledgement."""
        return _ANSWER

    def unusable(self) -> Answer | None:
        """The acknowledgement: the message is kept here, and sent again it would be of no more use."""
        return _ANSWER

    def _as_ours(self, body: bytes) -> bytes:
        try:
            message = message_of(body)
        except BadEvent:
            return body
        ours = [each[:_SAME] for each in self._organizations]
        if message.organization[:_SAME] in ours:
            return body
        return message_with(message.notifications, organization=self._organizations[0], changed=message.changed)


def _parts(item: object) -> tuple[str, Sequence[str] | None]:
    """The text of a notification, and which fields changed where the address said so."""
    text, changed = (item.get("notification"), item.get(CHANGED)) if isinstance(item, Mapping) else (item, None)
    if not isinstance(changed, list):
        return as_notification(text), None
    return as_notification(text), [name for name in changed if isinstance(name, str) and _FIELD.fullmatch(name)]


def _plain(fingerprint: str) -> str:
    return fingerprint.replace(":", "").strip().lower()
