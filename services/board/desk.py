"""What pages and API share: the views at an instant, judged by the charters."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from schemas.api import ClocksQuery, LeadsQuery
from services.board import cursors
from services.board.judgements import Judgement, of_file, of_file_at
from services.board.languages import ENGLISH, Language
from services.board.overview import Overview, charter_at, overview
from services.board.shapes import is_stalled_at
from services.board.times import Times, zone_of
from services.domain.charter import Charters
from services.domain.fold import Lead
from services.domain.instants import Instant
from services.errors import Refused
from services.ports import WallClock
from services.storage import ClockRow
from services.views import EVERYTHING, ClockQuery, LeadFile, LeadQuery, LeadView, LiveViews, Scope

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
    charters: Callable[[], Charters]
    clock: WallClock

    def times(self, as_of: Instant | None = None, language: Language = ENGLISH) -> Times:
        """How to write times at `as_of`, or now."""
        now = self.clock.now()
        charter, _ = charter_at(self.charters(), now)
        return Times(zone_of(charter), now if as_of is None else as_of, language)

    def overview(self, scope: Scope = EVERYTHING) -> Overview:
        """The front page, of the leads and clocks in the scope. Raises Refused for a clock that there is not."""
        self._check_clock(scope.clock)
        return overview(self.views, self.charters(), self.clock.now(), scope)

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

    def clock_names(self) -> list[str]:
        """The clocks of all charters, those of the latest first."""
        charters = self.charters()
        return list(dict.fromkeys(name for each in reversed(charters.versions) for name in each.clocks))

    def _check_clock(self, name: str | None) -> None:
        names = self.clock_names()
        if name is not None and name not in names:
            raise Refused(UNPROCESSABLE, f"clock: no charter has a clock {name!r}; there are {', '.join(names)}")
