"""Pipedrive: its webhooks, with Basic authentication. What they say is read in `pipedrive_objects`."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace

from schemas.mapping import CrmMapping
from services.domain.instants import Instant
from services.errors import UsageError
from services.gateway import signatures
from services.gateway.changes import Change, Reading, object_of, text_of
from services.gateway.crm.base import CrmSender
from services.gateway.crm.pipedrive_objects import changes_of_event, changes_of_object
from services.gateway.request import Incoming, shown_digest
from services.gateway.sender import Answer, Counts, Outgoing, accepted_as_json
from services.ports import Found


class Pipedrive(CrmSender):
    """Pipedrive's webhooks."""

    crm = "pipedrive"
    challenge = 'Basic realm="webhooks"'
    answer_within = 7.0
    """Of the ten seconds of its guide to webhooks v2, less the way through proxies."""

    def __init__(
        self,
        *,
        mapping: CrmMapping,
        secrets: Sequence[str] = (),
        public_url: str | None = None,
        settings: str | None = None,
    ) -> None:
        """Raises UsageError where a secret is not `user:password`."""
        super().__init__(mapping=mapping, secrets=secrets, public_url=public_url, settings=settings)
        if not all(user and mark and password for user, mark, password in (each.partition(":") for each in secrets)):
            raise UsageError(f"{self.settings}: write user:password, as the webhook has them for HTTP authentication")

    def shown(self, request: Incoming) -> str | None:
        """The digest of user and password."""
        return shown_digest(request, request.basic)

    def verify(self, request: Incoming, now: Instant, window: int) -> None:  # noqa: ARG002 - nothing says when it was sent
        """Raise Refused 401 unless the request shows user and password."""
        signatures.verify_shared(
            self.shown(request), self._secrets, "the header Authorization with Basic user and password"
        )

    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:  # noqa: ARG002 - neither is signed
        """The request that Pipedrive would make."""
        basic = base64.b64encode(self._first_secret().encode()).decode()
        headers = {"content-type": "application/json", "authorization": f"Basic {basic}"}
        return Outgoing("/hooks/pipedrive", headers, body)

    def identity(self, item: object) -> object:
        """The event without the number of the attempt, which differs from one delivery of it to the next."""
        if not isinstance(item, Mapping):
            return item
        same = {name: value for name, value in item.items() if name != "retry"}
        meta = same.get("meta")
        if isinstance(meta, Mapping):
            same["meta"] = {name: value for name, value in meta.items() if name != "attempt"}
        return same

    def unusable(self) -> Answer:
        """202: ten events whose first try fails have it banned, and what happens in a ban is lost."""
        return accepted_as_json(Counts(dead_letters=1))

    def reading(self, item: object) -> Reading:
        """What an event says."""
        return Reading(tuple(changes_of_event(object_of(item, "the body"))))

    def found(self, found: Found) -> Reading:
        """What the API says an object is."""
        return Reading(tuple(map(self._without_empty_attributes, changes_of_object(found.object, found.content))))

    def _without_empty_attributes(self, change: Change) -> Change:
        """One person may have several leads: what one of them lacks says nothing against what another says."""
        meaning = self.mapping.leads.get(change.object)
        if meaning is None:
            return change
        unsaid = {name for name, value in change.changed.items() if not text_of(value) and name in meaning.attributes}
        return replace(change, changed={name: value for name, value in change.changed.items() if name not in unsaid})
