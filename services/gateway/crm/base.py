"""What the senders of all CRMs have in common: a mapping, secrets, and payloads of JSON."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import ClassVar, Self

from schemas.mapping import CrmMapping
from services.domain.instants import Instant
from services.errors import Refused, UsageError
from services.gateway.changes import Reading
from services.gateway.meaning import events_of
from services.gateway.request import Incoming
from services.gateway.sender import ANSWER_WITHIN, Answer, Counts, Outgoing, Taken, accepted_as_json, parsed, written
from services.ports import Found


class CrmSender(ABC):
    """One CRM: a subclass knows what its requests look like, what proves them, and what a part of them says.

    No subclass does any I/O, or knows the time but as an argument.
    """

    crm: ClassVar[str]
    """Its name: the last part of the address, and the first of keys."""
    challenge: str
    answer_within = ANSWER_WITHIN
    secret_in_path = False
    letter_type = "application/json"
    proofs: Collection[str] = frozenset()

    def __init__(
        self,
        *,
        mapping: CrmMapping,
        secrets: Sequence[str] = (),
        public_url: str | None = None,
        settings: str | None = None,
    ) -> None:
        """Two `secrets` while one replaces the other.

        `public_url` is what comes before `/hooks/` in the address that the CRM calls: needed where the CRM signs it.
        """
        if not all(secrets):
            raise UsageError(f"a secret of {self.crm} is empty")
        if public_url is not None and not public_url.startswith(("https://", "http://")):
            raise UsageError(f"the public URL must begin with https://, not {public_url!r}")
        self.mapping = mapping
        self._secrets = tuple(secrets)
        self._public_url = public_url.rstrip("/") if public_url else None
        self.settings = settings or f"BATON_{self.crm.upper()}_SECRETS"

    @classmethod
    def made(cls, *, mapping: CrmMapping, given: Callable[[str], Sequence[str]], public_url: str | None = None) -> Self:
        """A sender of what the settings give: `given("secrets")` are those of `BATON_<CRM>_SECRETS`."""
        return cls(mapping=mapping, secrets=given("secrets"), public_url=public_url)

    @property
    def formats(self) -> Sequence[str]:
        """The content types that it sends."""
        return (self.letter_type,)

    @property
    def configured(self) -> bool:
        """Whether it has any secret."""
        return bool(self._secrets)

    def shown(self, request: Incoming) -> str | None:  # noqa: ARG002 - for those who show a secret
        """Nothing: the secret signs."""
        return None

    def kept(self, request: Incoming) -> bytes:
        """The body as it is: what proves a request stands elsewhere."""
        return request.body

    @abstractmethod
    def verify(self, request: Incoming, now: Instant, window: int) -> None:
        """Raise Refused 401 unless a secret of ours made the request."""

    @abstractmethod
    def signed(self, body: bytes, *, at: Instant, base_url: str) -> Outgoing:
        """The request that the CRM would make of a body at that instant, with the first secret.

        `base_url` is what comes before `/hooks/` in the address. Raises UsageError where no secret is set.
        """

    @abstractmethod
    def reading(self, item: object) -> Reading:
        """What a part of the payload says. Raises BadEvent."""

    @abstractmethod
    def found(self, found: Found) -> Reading:
        """What the CRM's API says. Raises BadEvent."""

    def items(self, request: Incoming) -> Sequence[object]:
        """The parts of the payload: the one JSON document that it is."""
        self._check_json(request)
        return [parsed(request.body)]

    def read(self, item: object) -> Taken:
        """What a part says, by the mapping."""
        return self.meant(self.reading(item))

    def meant(self, reading: Reading) -> Taken:
        """What changes mean, by the mapping. Raises BadEvent."""
        events = tuple(event for change in reading.changes for event in events_of(self.crm, change, self.mapping))
        return Taken(events, reading.lacking, reading.thin)

    def whole(self, request: Incoming) -> tuple[str, bytes]:
        """The request as it is."""
        return request.headers.get("content-type", ""), request.body

    def alone(self, item: object) -> tuple[str, bytes]:
        """A request with this part alone."""
        return self.letter_type, written(item)

    def identity(self, item: object) -> object:
        """The part itself."""
        return item

    def accepted(self, counts: Counts) -> Answer:
        """202 with the counts."""
        return accepted_as_json(counts)

    def unusable(self) -> Answer | None:
        """422 and why."""
        return None

    def _first_secret(self) -> str:
        if not self._secrets:
            raise UsageError(f"{self.settings}: not given; without a secret nothing can be signed for {self.crm}")
        return self._secrets[0]

    def _check_json(self, request: Incoming) -> None:
        if request.media_type not in ("application/json", ""):
            raise Refused(415, f"webhooks of {self.crm} come as application/json")

    def _key(self, kind: str, number: str) -> str:
        """The key of an object: `crm:object:id`."""
        return f"{self.crm}:{kind}:{number}"
