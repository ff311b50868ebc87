"""What pages and API share: the views at an instant, judged by the charters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from schemas.api import ClocksQuery, LeadsQuery
from schemas.charter import CharterDocument
from services.board import account_page, charter_page, cursors
from services.board.account_page import ALARMS_SHOWN, AccountPage, Team, client_team, team_of
from services.board.charter_page import CharterPage
from services.board.judgements import Judgement, of_file, of_file_at
from services.board.languages import ENGLISH, Language
from services.board.latest import Latest
from services.board.overview import Overview, charter_at, overview
from services.board.shapes import is_stalled_at
from services.board.times import Times, zone_of
from services.domain.charter import Charters
from services.domain.fold import Lead
from services.domain.instants import Instant
from services.errors import Refused
from services.ports import WallClock
from services.storage import ClockRow
from services.views import (
    EVERYTHING,
    AccountSummary,
    AccountViews,
    ClockQuery,
    LeadFile,
    LeadQuery,
    LeadView,
    LiveViews,
    Scope,
)

OVERVIEW_SECONDS = 1.0
"""How long the front page stays as it is where nothing but the time of day has changed; nobody reads faster."""
ACCOUNT_LEADS = 100
"""A customer has a handful; what is an account by mistake (a reseller, a test) has a list of its own."""
ACCOUNTS_SHOWN = 50
NOT_FOUND = 404
UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class LeadCase:
    """A lead, and the judgements on it at `times.now`."""

    file: LeadFile
    lead: Lead
    judgements: Sequence[Judgement]
    is_stalled: bool
    times: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Answers what is asked of the views. Every method raises Unavailable; call them in a thread."""

    views: LiveViews
    accounts: AccountViews
    charters: Callable[[], Charters]
    documents: Callable[[], Sequence[CharterDocument]]
    """The charters as they are written, in order of their dates."""
    clock: WallClock
    latest: Latest[Overview] = field(default_factory=lambda: Latest(seconds=OVERVIEW_SECONDS))

    def times(self, as_of: Instant | None = None, language: Language = ENGLISH) -> Times:
        """How to write times at `as_of`, or now."""
        now = self.clock.now()
        charter, _ = charter_at(self.charters(), now)
        return Times(zone_of(charter), now if as_of is None else as_of, language)

    def overview(self, scope: Scope = EVERYTHING) -> Overview:
        """The front page, of the leads and clocks in the scope. Raises Refused for a clock that there is not."""
        self._check_clock(scope.clock)
        charters = self.charters()
        # A change is another question, so it is never answered with what was before it.
        asked = (self.views.version(), charters, scope)
        return self.latest.get(asked, lambda: overview(self.views, charters, self.clock.now(), scope))

    def leads(self, asked: LeadsQuery, times: Times) -> tuple[Sequence[LeadView], str | None]:
        """A page of leads, and the cursor of the next one. Raises Refused."""
        self._check_clock(asked.clock)
        query = LeadQuery(
            **asked.model_dump(exclude={"cursor", "limit", "as_of"}),
            after=cursors.lead(asked.cursor),
            limit=asked.limit + 1,  # one more tells whether there is a next page
        )
        found = self.views.leads(query, times.now)
        shown = found[: asked.limit]
        return shown, cursors.encode((shown[-1].row.key,)) if len(found) > len(shown) else None

    def clocks(self, asked: ClocksQuery, times: Times) -> tuple[Sequence[ClockRow], str | None]:
        """A page of instances, and the cursor of the next one. Raises Refused."""
        self._check_clock(asked.clock)
        query = ClockQuery(
            clock=asked.clock,
            status=asked.status,
            team_label=asked.team,
            after=cursors.clock(asked.cursor),
            limit=asked.limit + 1,
        )
        found = self.views.clocks(query, times.now)
        shown = found[: asked.limit]
        if len(found) == len(shown):
            return shown, None
        last = shown[-1]
        return shown, cursors.encode((last.lead, last.clock, last.number))

    def lead(self, key: str, as_of: Instant | None = None, language: Language = ENGLISH) -> LeadCase:
        """One lead. Raises Refused where it is not known."""
        file = self.views.lead(key)
        if file is None:
            raise Refused(NOT_FOUND, f"No lead has the key {key!r}")
        times, charters = self.times(as_of, language), self.charters()
        judge = of_file if as_of is None else of_file_at
        lead, judgements = judge(file, charters, times.now)
        stalled = is_stalled_at(file, lead, charters, as_of, times.now)
        return LeadCase(file, lead, judgements, stalled, times)

    def account(self, name: str, times: Times) -> AccountPage:
        """One account. Raises Refused where no lead is of it."""
        found = self.views.leads(LeadQuery(account=name, limit=ACCOUNT_LEADS), times.now)
        charters = self.charters()
        charter, _ = charter_at(charters, times.now)
        team = team_of(name, charter, self.documents())
        if not found and team is None:
            raise Refused(NOT_FOUND, f"No lead is of the account {name!r}")
        keys = [view.row.key for view in found]
        histories, alarms = self.accounts.histories(keys), self.accounts.alarms(keys, ALARMS_SHOWN)
        return account_page.gather(name, found, histories, alarms, team, charters, times.now)

    def account_list(self, cursor: str | None, times: Times) -> tuple[Sequence[AccountSummary], str | None]:
        """A page of accounts, and the cursor of the next one. Raises Refused."""
        found = self.accounts.accounts(cursors.lead(cursor), ACCOUNTS_SHOWN + 1, times.now)
        shown = found[:ACCOUNTS_SHOWN]
        return shown, cursors.encode((shown[-1].name,)) if len(found) > len(shown) else None

    def charter(self, version: str | None, times: Times) -> CharterPage:
        """A version of the charter, without one that in force. Raises Refused where there is no such version."""
        charters = self.charters()
        shown = version if version is not None else charter_at(charters, times.now)[0].version
        page = charter_page.gather(self.documents(), charters, shown, times.now, times.language)
        if page is None:
            raise Refused(NOT_FOUND, f"No charter has the version {shown!r}")
        return page

    def teams(self, times: Times) -> Sequence[Team]:
        """The client teams of the charter in force."""
        charter, _ = charter_at(self.charters(), times.now)
        document = next((each for each in self.documents() if each.version == charter.version), None)
        if document is None:
            return ()
        return [client_team(name, part) for name, part in document.client_teams.items()]

    def clock_names(self) -> list[str]:
        """The clocks of all charters, those of the latest first."""
        charters = self.charters()
        return list(dict.fromkeys(name for each in reversed(charters.versions) for name in each.clocks))

    def _check_clock(self, name: str | None) -> None:
        names = self.clock_names()
        if name is not None and name not in names:
            raise Refused(UNPROCESSABLE, f"clock: no charter has a clock {name!r}; there are {', '.join(names)}")
