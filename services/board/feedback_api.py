"""The API by which feedback is given, handoffs are accepted or rejected, and ceremonies are noted."""

import re
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Request, Response

from schemas import feedback as wire
from services.board.feedback_examples import CEREMONIES, FEEDBACK, HANDOFFS
from services.board.feedback_visitor import VisitorOf
from services.board.feedback_writing import MOST_KEY, Recorded, Scribe
from services.board.shapes import lead_path
from services.domain.events import EventType
from services.domain.instants import format_exact

MOST_WAIT = 10.0
"""Seconds that an answer waits at most, whatever is preferred: proxies give up after 30 and more."""
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*(\d{1,6})\b", re.IGNORECASE)

Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MOST_KEY,
        description="What is sent again with the same key is recorded once. Without one, the same content is.",
    ),
]
Prefer = Annotated[
    str | None, Header(description="`wait=5`: answer when it counts, within so many seconds (at most 10).")
]


class FeedbackApi:
    """The handlers. They write in the event loop, and read in threads."""

    def __init__(self, *, scribe: Scribe, visitor_of: VisitorOf) -> None:
        self._scribe = scribe
        self._visitor_of = visitor_of

    async def handoffs(
        self,
        request: Request,
        response: Response,
        said: Annotated[wire.HandoffRequest, Body(openapi_examples=HANDOFFS)],
        key: Key = None,
        prefer: Prefer = None,
    ) -> wire.RecordedAnswer:
        """Accept the lead that is handed off, or reject it with a reason of the charter."""
        return await self._said(request, response, said, key, prefer)

    async def feedback(
        self,
        request: Request,
        response: Response,
        said: Annotated[wire.FeedbackRequest, Body(openapi_examples=FEEDBACK)],
        key: Key = None,
        prefer: Prefer = None,
    ) -> wire.RecordedAnswer:
        """Say how good a lead is, answer a rejection or a poor verdict, or settle a dispute."""
        return await self._said(request, response, said, key, prefer)

    async def ceremonies(
        self,
        request: Request,
        held: Annotated[wire.CeremonyRequest, Body(openapi_examples=CEREMONIES)],
        key: Key = None,
    ) -> wire.RecordedAnswer:
        """Note that the teams have met."""
        return answer_of(await self._scribe.hold(held, self._visitor_of(request), key), is_judged=False)

    async def _said(
        self,
        request: Request,
        response: Response,
        said: wire.HandoffRequest | wire.FeedbackRequest,
        key: str | None,
        prefer: str | None,
    ) -> wire.RecordedAnswer:
        recorded = await self._scribe.say(said, self._visitor_of(request), key)
        is_judged = recorded.is_judged
        seconds = wait_of(prefer)
        if seconds is not None:
            is_judged = await self._scribe.judged(recorded, seconds)
            response.headers["Preference-Applied"] = f"wait={seconds:g}"
        return answer_of(recorded, is_judged=is_judged)


def answer_of(recorded: Recorded, *, is_judged: bool) -> wire.RecordedAnswer:
    """What was recorded, as it is answered."""
    event = recorded.event
    is_of_lead = event.type != EventType.CEREMONY_HELD
    return wire.RecordedAnswer(
        id=event.id,
        source=event.source,
        type=event.type.wire,
        subject=event.lead,
        time=format_exact(event.time),
        href=f"/api/v1/leads/{lead_path(event.lead)}" if is_of_lead else None,
        repeated=recorded.is_repeated,
        judged=is_judged,
    )


def wait_of(prefer: str | None) -> float | None:
    """The seconds of `Prefer: wait=N` (RFC 7240), bounded; None where it is not preferred."""
    found = _WAIT.search(prefer or "")
    return min(float(found[1]), MOST_WAIT) if found else None


def add_writing(
    router: APIRouter, scribe: Scribe, visitor_of: VisitorOf, *, refused: dict[int | str, dict[str, Any]]
) -> None:
    """Add the routes; `refused` describes the answers that any of them may give beside 202."""
    handlers = FeedbackApi(scribe=scribe, visitor_of=visitor_of)
    for path, handler in (
        ("/feedback", handlers.feedback),
        ("/handoffs", handlers.handoffs),
        ("/ceremonies", handlers.ceremonies),
    ):
        router.add_api_route(
            path, handler, methods=["POST"], status_code=HTTPStatus.ACCEPTED, responses=refused, tags=["write"]
        )
