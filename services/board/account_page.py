"""The customer in the middle: every lead, deal, touch and open promise of an account, from both sides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.charter import CharterDocument, ClientTeam
from services.board.countdowns import Countdown, of_judgement
from services.board.dealings import Dealing, dealings
from services.board.judgements import OPEN, Judgement, of_row
from services.domain.charter import Charter, Charters, Side
from services.domain.events import Event, EventType
from services.domain.instants import Instant
from services.storage import TransitionRow
from services.views import LeadView, is_stalled

ALARMS_SHOWN = 15
TOUCHES_SHOWN = 30
"""So many are still read by people; a lead's own page has all of its own."""


@dataclass(frozen=True, slots=True)
class Touch:
    """A contact with the customer."""

    lead: str
    at: Instant
    kind: str | None
    is_inbound: bool
    is_connected: bool


@dataclass(frozen=True, slots=True)
class LeadLine:
    """A lead of the account."""

    view: LeadView
    is_stalled: bool


@dataclass(frozen=True, slots=True)
class Team:
    """The client team that looks after the account."""

    name: str
    members: Sequence[tuple[str, Sequence[str]]]
    """By department, of whichever there are."""
    alerts: str | None
    accounts: Sequence[str]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """The page."""

    name: str
    team: Team | None
    promises: Sequence[tuple[Side, Sequence[tuple[Judgement, Countdown | None]]]]
    """The open ones of each side, the worst first."""
    leads: Sequence[LeadLine]
    deals: Sequence[Dealing]
    """The latest first."""
    touches: Sequence[Touch]
    """The latest first."""
    alarms: Sequence[TransitionRow]
    """What people were alerted of, the latest first."""


def gather(
    name: str,
    views: Sequence[LeadView],
    histories: Mapping[str, Sequence[Event]],
    alarms: Sequence[TransitionRow],
    team: Team | None,
    charters: Charters,
    now: Instant,
) -> AccountPage:
    """The page, from the account's leads and the events of each in the canonical order."""
    judged = sorted((of_row(row, charters, now) for view in views for row in view.clocks), key=_worst_first)
    touches = [
        _touch(key, event)
        for key, events in histories.items()
        for event in events
        if event.type is EventType.LEAD_TOUCHED and event.time <= now
    ]
    deals = [deal for events in histories.values() for deal in dealings(e for e in events if e.time <= now)]
    return AccountPage(
        name=name,
        team=team,
        promises=[
            (side, [(each, of_judgement(each, charters, now)) for each in judged if each.promised_by == side])
            for side in (Side.MARKETING, Side.SALES)
        ],
        leads=[LeadLine(view, is_stalled(view.row, now)) for view in views],
        deals=sorted(deals, key=lambda deal: -deal.last_at),
        touches=sorted(touches, key=lambda touch: -touch.at)[:TOUCHES_SHOWN],
        alarms=alarms,
    )


def team_of(account: str, charter: Charter, documents: Sequence[CharterDocument]) -> Team | None:
    """The client team of the charter that looks after the account, with its members of all departments."""
    name = charter.client_team_of(account)
    document = next((each for each in documents if each.version == charter.version), None)
    return client_team(name, document.client_teams[name]) if name is not None and document is not None else None


def client_team(name: str, part: ClientTeam) -> Team:
    """A client team as pages show it."""
    return Team(
        name=name,
        members=[(department, people) for department, people in part.members.items() if people],
        alerts=part.alerts,
        accounts=part.accounts,
    )


def _touch(lead: str, event: Event) -> Touch:
    kind = event.data.get("kind")
    return Touch(
        lead=lead,
        at=event.time,
        kind=str(kind) if kind is not None else None,
        is_inbound=event.data.get("direction") == "inbound",
        is_connected=event.data.get("connected") is True,
    )


def _worst_first(judgement: Judgement) -> tuple[int, int]:
    return OPEN.index(judgement.status), judgement.due_at or judgement.started_at
