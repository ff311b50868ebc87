"""What happens to a webhook: verify, read, map, append to the log, then acknowledge. No framework, no HTTP answer.

Nothing is acknowledged before the log has it, and nothing that a verified sender says is lost: what cannot be
used becomes a dead letter, and what could not be verified waits in the quarantine.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import structlog

from services.domain.charter import OTHER
from services.domain.instants import Instant
from services.errors import BadEvent, Refused, Unavailable
from services.gateway import signatures
from services.gateway.crm import cloudevents
from services.gateway.intake import MOST_AHEAD, Batch, Intake, keep, whole_letter
from services.gateway.request import Incoming, from_held, to_hold
from services.gateway.sender import Answer, Counts, Sender, Senders
from services.metric_table import EVENTS_TOTAL, REQUESTS_TOTAL
from services.ports import EventLog, FetchQueue, HeldRequest, Quarantine, Tally, WallClock

MOST_IN_WORK = 256
"""Requests at one time. With bodies of at most 1 MiB this bounds the memory they take."""
REFUSALS = frozenset({400, 401, 408, 413, 415, 429, 503})
"""What a request may be answered with that is not taken: `body`, `signatures` and this module say why."""
UNUSABLE = 422
"""The status of a request that is of no use as a whole: by then it is a dead letter."""
RETRY_AFTER = 1
"""Seconds after which a sender may try again when the gateway is full: places are free within milliseconds."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class VerifiedAgain:
    """What became of the requests in quarantine."""

    verified: int = 0
    refused: int = 0
    counts: Counts = field(default_factory=Counts)


class Door:
    """The way in for all senders."""

    def __init__(
        self,
        *,
        log: EventLog,
        quarantine: Quarantine,
        tally: Tally,
        clock: WallClock,
        senders: Senders,
        fetches: Mapping[str, FetchQueue] | None = None,
        most_in_work: int = MOST_IN_WORK,
        most_ahead: int = MOST_AHEAD,
    ) -> None:
        """`fetches` has a queue for each sender whose API is set up.

        `most_ahead`, in microseconds, is how far a CRM's clock may be ahead of ours.
        """
        self._log = log
        self._quarantine = quarantine
        self._tally = tally
        self._clock = clock
        self._senders = senders
        self._fetches = fetches or {}
        self._most_in_work = most_in_work
        self._intake = Intake(clock=clock, most_ahead=most_ahead, fetches=self._fetches)
        self._in_work = 0
        self._expect()
        self._late: set[asyncio.Future[Answer]] = set()

    def _expect(self) -> None:
        """Have a count of every answer that each sender may get."""
        for crm, sender in self._senders.items():
            taken = {sender.accepted(Counts()).status, getattr(sender.unusable(), "status", UNUSABLE)}
            statuses = map(str, sorted(taken | REFUSALS))
            self._tally.expect(REQUESTS_TOTAL.name, crm=[crm], status=statuses)
        crms = [crm for crm, sender in self._senders.items() if sender.configured]
        self._tally.expect(EVENTS_TOTAL.name, crm=crms, type=[OTHER], outcome=["ignored"])

    @property
    def senders(self) -> Senders:
        """Who may come, by the last part of the address."""
        return self._senders

    def now(self) -> Instant:
        """The present instant."""
        return self._clock.now()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for one request, from before its body is read. Raises Refused 429 when all are taken."""
        if self._in_work >= self._most_in_work:
            raise Refused(429, "too many requests at the same time", RETRY_AFTER)
        self._in_work += 1
        try:
            yield
        finally:
            self._in_work -= 1

    def answered(self, crm: str, status: int) -> None:
        """Count a request by the status of its answer."""
        self._tally.count(REQUESTS_TOTAL.name, {"crm": crm, "status": str(status)})

    async def receive_in_time(self, crm: str, request: Incoming) -> Answer:
        """Take in a request, and what to answer, as long as the sender waits. Raises as `receive` does.

        After that time it raises Unavailable, so that the sender tries again; the work goes on all the same.
        """
        sender = self._senders[crm]
        work = asyncio.ensure_future(self._received(crm, sender, request))
        done, _ = await asyncio.wait({work}, timeout=sender.answer_within)
        if not done:
            # What comes of it is told in the metrics of the log; the sender's retry is a duplicate then.
            self._late.add(work)
            work.add_done_callback(self._late_one_is_done)
            raise Unavailable(f"not done within {sender.answer_within:g} seconds")
        return work.result()

    async def _received(self, crm: str, sender: Sender, request: Incoming) -> Answer:
        try:
            return sender.accepted(await self.receive(crm, request))
        except Refused as refused:
            answer = sender.unusable() if refused.status == UNUSABLE else None
            if answer is None:
                raise
            return answer

    def _late_one_is_done(self, work: "asyncio.Future[Answer]") -> None:
        self._late.discard(work)
        failure = None if work.cancelled() else work.exception()
        if failure is not None:
            _log.warning("late_webhook_not_taken", error=str(failure))

    async def receive(self, crm: str, request: Incoming) -> Counts:
        """Take in a request; when this returns, the log has it.

        Raises Refused: 401 not verified (it waits in the quarantine), 415 wrong format, 422 unusable as a whole
        (it is a dead letter by then). Raises Unavailable when the log or the quarantine is away.
        """
        sender = self._senders[crm]
        try:
            self._verify(crm, sender, request, self._clock.now())
        except Refused as refused:
            _log.warning("webhook_refused", crm=crm, why=str(refused))
            shown = sender.shown(request)
            bare = replace(request, body=sender.kept(request))
            held = to_hold(crm, bare, str(refused), proofs=sender.proofs, shown=shown)
            # Keeping writes to a disk; requests that are signed well do not wait for those that are not.
            await asyncio.to_thread(self._quarantine.keep, held)
            raise
        return await self._take(crm, sender, request)

    async def verify_again(self) -> VerifiedAgain:
        """Try all held requests with the present secrets, as of when they came; take in and drop those that pass."""
        verified = refused = 0
        counts = Counts()
        for held in await asyncio.to_thread(self._quarantine.held):
            if not self._passes(held):
                refused += 1
                continue
            try:
                counts += await self._take(held.crm, self._senders[held.crm], from_held(held))
            except Refused as failure:
                if failure.status != UNUSABLE:
                    # Of a format that nobody here reads: an operator drops it, or nobody does.
                    refused += 1
                    continue
                counts += Counts(dead_letters=1)
            verified += 1
            await asyncio.to_thread(self._quarantine.drop, held.id)
        return VerifiedAgain(verified, refused, counts)

    async def take_again(self, crm: str, body: bytes) -> Counts:
        """Take in a dead letter anew, with the mapping and the code of today. It was verified when it came.

        What still cannot be used is a dead letter again, under the same id. Raises Refused and Unavailable as
        `receive` does.
        """
        sender, content_type = self._letter_sender(crm, body)
        request = Incoming("POST", "", {"content-type": content_type}, body, self._clock.now())
        return await self._take(crm, sender, request)

    def _letter_sender(self, crm: str, body: bytes) -> tuple[Sender, str]:
        """Who reads a dead letter that came from `crm`, and as what content type. Raises Refused 404.

        The tracker keeps canonical events that it could not use, through whichever door they came.
        """
        if cloudevents.is_event(body):
            return cloudevents.CloudEventsSender(), cloudevents.STRUCTURED
        sender = self._senders.get(crm)
        if sender is None:
            raise Refused(404, f"there is no sender {crm!r:.60}")
        return sender, sender.letter_type

    def _passes(self, held: HeldRequest) -> bool:
        sender = self._senders.get(held.crm)
        if sender is None:
            return False
        try:
            self._verify(held.crm, sender, from_held(held), held.received_at)
        except Refused:
            return False
        return True

    def _verify(self, crm: str, sender: Sender, request: Incoming, now: Instant) -> None:
        if not sender.configured:
            _log.error("sender_has_no_secret", crm=crm, missing_setting=sender.settings)
            raise Refused(401, f"webhooks of {crm} are not set up here")
        # A tolerance for delays that really pass, on a clock that may run faster.
        sender.verify(request, now, round(signatures.WINDOW * self._clock.speed))

    async def _take(self, crm: str, sender: Sender, request: Incoming) -> Counts:
        try:
            items = sender.items(request)
        except BadEvent as bad:
            await self._log.append([whole_letter(crm, sender, request, bad)])
            raise Refused(UNUSABLE, str(bad)) from None
        batch = Batch()
        for item in items:
            self._intake.add(batch, crm, sender, item, request.received_at)
        return await keep(batch, crm, log=self._log, fetches=self._fetches, tally=self._tally)
