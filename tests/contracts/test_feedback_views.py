"""The contract of `services.views.FeedbackViews`: SQL says of any facts what is counted of them in memory."""

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from services.adapters.sql.database import Database
from services.adapters.sql.feedback import SqlFeedback
from services.adapters.sql.store import SqlStore
from services.adapters.sql.tables import METADATA
from services.domain.facts import Fact, FactKind
from services.domain.instants import DAY
from services.tracker.tallying import add
from services.views import Place, VerdictQuery
from tests.contracts.rows import TOPIC, changes, clock, commit, ended, lead
from tests.feedback_book import FactBook, LeadFact

KINDS = (FactKind.ACCEPTED, FactKind.REJECTED, FactKind.AGREED, FactKind.DISPUTED, FactKind.RESOLVED, FactKind.WON)
LEADS = st.sampled_from(["a", "B", "é", "a/1", "crm:'%"])
NAMES = st.sampled_from(["webinar", "other"])
VALUES = st.sampled_from(["x", "X", 'a"b', "é", "%", ""])
DAYS = st.integers(10, 14)
NUMBERS = st.sampled_from(["1", "2", "a/1", "B/1", "a/1/1"])


@st.composite
def facts(draw: st.DrawFn) -> LeadFact:
    """A fact of some lead; its day is that of its instant in a zone of some hours."""
    day = draw(DAYS)
    known = draw(st.dictionaries(st.sampled_from(["campaign", "segment", "team", "reason", "action"]), VALUES))
    at = day * DAY + draw(st.integers(-DAY // 2, DAY))
    return draw(LEADS), Fact(draw(st.sampled_from(KINDS)), draw(NUMBERS), at, day, draw(NAMES), frozenset(), known)


QUERIES = st.builds(
    VerdictQuery,
    since=DAYS,
    until=DAYS,
    source=st.none() | NAMES,
    campaign=st.none() | VALUES,
    segment=st.none() | VALUES,
    team=st.none() | VALUES,
)
PLACES = st.none() | st.tuples(st.integers(9 * DAY, 15 * DAY), LEADS, NUMBERS)


@given(
    found=st.lists(facts(), max_size=25, unique_by=lambda each: (each[0], each[1].kind, each[1].number)),
    query=QUERIES,
    reason=st.none() | VALUES,
    after=PLACES,
    limit=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_sql_says_is_what_is_counted(
    database: Database,
    store: SqlStore,
    found: list[LeadFact],
    query: VerdictQuery,
    reason: str | None,
    after: Place | None,
    limit: int,
) -> None:
    """Whatever filters, wherever a page goes on."""
    _fill(database, store, found)
    said, expected = SqlFeedback(database), FactBook(lambda: found, lambda: ())
    assert sorted(said.verdicts(query), key=repr) == sorted(expected.verdicts(query), key=repr)
    assert said.verdict_days(query) == expected.verdict_days(query)
    bare = VerdictQuery(query.since, query.until, query.source)
    assert said.verdict_days(bare) == expected.verdict_days(bare)
    assert said.rejections(query, reason, after, limit) == expected.rejections(query, reason, after, limit)
    assert said.agreements(query, after, limit) == expected.agreements(query, after, limit)
    assert said.open_disputes(after, limit) == expected.open_disputes(after, limit)


def test_the_open_clocks_of_leads_are_found(database: Database, store: SqlStore) -> None:
    """Those of the leads that are asked for, without those that have ended."""
    rows = [clock("a"), clock("b"), ended("a", name="answer"), clock("c")]
    commit(store, changes(0, leads=[lead(key) for key in "abc"], clocks=rows))
    assert SqlFeedback(database).open_clocks({"b", "a", "nobody"}) == [rows[0], rows[1]]
    assert SqlFeedback(database).open_clocks(()) == []


def _fill(database: Database, store: SqlStore, found: Iterable[LeadFact]) -> None:
    with database.writing() as connection:
        for table in ("facts", "tallies"):
            connection.execute(delete(METADATA.tables[table]))
    made = changes(store.position(TOPIC, 0))
    for key, fact in found:
        add(key, [fact], made)
    commit(store, made)
