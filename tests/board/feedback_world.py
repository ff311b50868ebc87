"""A log for the board's tests, with a tracker behind it that judges at once or not at all; and feedback in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from schemas.charter import CharterDocument
from services.board.app import Board
from services.board.feedback_visitor import Visitor, anyone
from services.domain.charter import Charter, Charters
from services.domain.counting import facts_of
from services.domain.events import Event
from services.domain.fold import fold
from services.errors import Unavailable
from services.measures.book import Book
from services.ports import Record
from services.translate import from_json
from tests.board.world import CHARTER, FakeViews, StillClock, file_of
from tests.feedback_book import FactBook, LeadFact
from tests.measures.made import MemoryFacts


@dataclass(slots=True)
class JudgedLog:
    """A log in memory. While `is_judging`, what is appended is in the views at once."""

    views: FakeViews
    clock: StillClock
    charters: Charters = field(default_factory=lambda: Charters([CHARTER]))
    records: list[Record] = field(default_factory=list)
    is_away: bool = False
    is_judging: bool = True

    async def append(self, records: Sequence[Record]) -> None:
        """Keep them, or raise Unavailable."""
        if self.is_away:
            raise Unavailable("the log is away")
        self.records += records
        if self.is_judging:
            self.judge()

    @property
    def events(self) -> list[Event]:
        """All that was appended, read back."""
        return [from_json(record.value) for record in self.records]

    def judge(self) -> None:
        """Bring the views up to the log."""
        for event in self.events:
            file = self.views.files.get(event.lead)
            if file is not None:
                events = {(each.source, each.id): each for each in (event, *file.events)}
                self.views.files[event.lead] = file_of(
                    event.lead, list(events.values()), self.clock.now(), self.charters
                )
        self.views.number += 1


def without_reasons(charter: Charter) -> Charter:
    """The charter as if it listed no reasons."""
    return replace(charter, reasons={})


def book_of(views: FakeViews, charters: Charters) -> FactBook:
    """Feedback on the leads of the views."""

    def facts() -> Iterator[LeadFact]:
        if views.is_away:
            raise Unavailable("the database is away")
        for key, file in views.files.items():
            yield from ((key, fact) for fact in facts_of(fold(key, file.events, charters), charters))

    return FactBook(facts, lambda: (row for file in views.files.values() for row in file.clocks))


@dataclass(frozen=True, slots=True)
class Somebody:
    """A visitor who is known, and may do what they may."""

    name: str | None
    permissions: frozenset[str]

    def may(self, permission: str) -> bool:
        """Whether it is among theirs."""
        return permission in self.permissions


def board_of(
    views: FakeViews,
    clock: StillClock,
    charters: Charters,
    *,
    documents: Sequence[CharterDocument] = (),
    book: Book | None = None,
    visitor: Visitor | None = None,
) -> Board:
    """A board over views in memory, on which whatever is said is judged at once."""
    return Board(
        views=views,
        accounts=views,
        book=book or Book(views=views, facts=MemoryFacts()),
        feedback=book_of(views, charters),
        charters=lambda: charters,
        documents=lambda: documents,
        clock=clock,
        log=JudgedLog(views, clock, charters),
        visitor_of=lambda request: visitor or anyone(request),
    )
