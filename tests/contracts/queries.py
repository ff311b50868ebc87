"""Everything that is asked of the store, of pages, outbox and relay, for those who look at how it is found."""

from collections.abc import Callable

from services.adapters.sql.account_views import SqlAccountViews
from services.adapters.sql.facts import SqlFacts
from services.adapters.sql.held_alerts import SqlHeldAlerts
from services.adapters.sql.live_views import SqlLiveViews
from services.adapters.sql.outbox import SqlOutbox
from services.adapters.sql.relay import SqlRelay
from services.adapters.sql.store import SqlStore
from services.adapters.sql.views import SqlViews
from services.adapters.sql.webhook_queue import SqlWebhookQueue
from services.domain.clocks import Status
from services.domain.facts import FactKind
from services.views import ClockQuery, FactQuery, LeadQuery, Scope
from tests.contracts.rows import changes, commit, fact, facts_of, lead

_LEAD_QUERIES = [
    LeadQuery(),
    LeadQuery(after="a"),
    LeadQuery(stalled=True),
    LeadQuery(handed_off=True, after="a"),
    LeadQuery(team="x", account="y"),
    LeadQuery(clock="accept"),
    *(LeadQuery(clock="accept", status=status, after="a") for status in Status),
    LeadQuery(status=Status.OVERDUE),
]
_CLOCK_QUERIES = [
    ClockQuery(),
    ClockQuery(after=("a", "accept", 1)),
    *(ClockQuery(clock="accept", status=status, team_label="x") for status in Status),
]
VIEWS: list[Callable[[SqlViews], object]] = [
    lambda views: views.version(),
    *((lambda views, query=query: views.leads(query, 5)) for query in _LEAD_QUERIES),
    lambda views: views.lead("a:lead:1"),
    lambda views: views.stalled(5, 10),
    *((lambda views, query=query: views.clocks(query, 5)) for query in _CLOCK_QUERIES),
    lambda views: views.pressing(20, 10),
    lambda views: views.open_clocks(5),
    lambda views: views.verdicts(1, 20, 5),
    lambda views: views.open_handoffs(5),
    lambda views: views.dead_letters("1", 5),
]
_SCOPES = [Scope(), Scope(team="x"), Scope(account="y", clock="accept"), Scope(clock="accept", source="z")]
LIVE: list[Callable[[SqlLiveViews], object]] = [
    lambda views: views.rows(["a:lead:1", "b"]),
    *((lambda views, scope=scope: views.within(scope).verdicts_between([1, 9, 20], 5)) for scope in _SCOPES),
    *((lambda views, scope=scope: views.within(scope).funnel(1, 9)) for scope in _SCOPES),
    *((lambda views, scope=scope: views.within(scope).stalled(5, 10)) for scope in _SCOPES),
    *((lambda views, scope=scope: views.within(scope).pressing(5, 10)) for scope in _SCOPES),
    *((lambda views, scope=scope: views.within(scope).open_clocks(5)) for scope in _SCOPES),
    *((lambda views, scope=scope: views.within(scope).open_handoffs(5)) for scope in _SCOPES),
]
ACCOUNTS: list[Callable[[SqlAccountViews], object]] = [
    lambda views: views.accounts(None, 10, 5),
    lambda views: views.accounts("a", 10, 5),
    lambda views: views.histories(["a:lead:1", "b"]),
    lambda views: views.alarms(["a:lead:1", "b"], 5),
]
STORE: list[Callable[[SqlStore], object]] = [
    lambda store: store.position("baton.events", 0),
    lambda store: store.states(["a", "b"]),
    lambda store: store.known_events([("lead:a", "crm", "1")]),
    lambda store: store.events(["lead:a", "lead:b"]),
    lambda store: store.transitions(["a", "b"]),
    lambda store: store.facts(["a", "b"]),
    lambda store: store.deals(["a", "b"]),
    lambda store: store.deals_of(["a", "b"]),
    lambda store: store.merged_with(["a", "b"]),
    lambda store: store.due(0, 5, 10),
    lambda store: store.next_due(0),
    lambda store: store.note_read("baton.events", 0, 1, 5),
    lambda store: commit(
        store, changes(1, leads=[lead()], refolded=["a:lead:1"], **facts_of(fact(number="2"), removed=[fact()]))
    ),
]
FACTS: list[Callable[[SqlFacts], object]] = [
    lambda facts: facts.tallies(10, 20),
    lambda facts: facts.facts(FactQuery(FactKind.WON, 10, 20)),
    lambda facts: facts.facts(FactQuery(FactKind.WON, 10, 20, filter="x", source="s", after=(11, "a", "1"), limit=10)),
    lambda facts: facts.ceremonies(10, 20),
]
OUTBOX: list[Callable[[SqlOutbox], object]] = [
    lambda outbox: outbox.due(50, 10),
    lambda outbox: outbox.delivered(1, "mail", 5),
    lambda outbox: outbox.postpone(1, 5, "timeout"),
    lambda outbox: outbox.settle(1, "sent", 5),
    lambda outbox: outbox.unsettled(),
]
HELD: list[Callable[[SqlHeldAlerts], object]] = [
    lambda held: held.look_again("a:lead:1", "accept", 1),
    lambda held: held.held(),
    lambda held: held.resolve(["a:lead:1/accept/1/overdue"], 5),
    lambda held: held.settle(["a:lead:1/accept/1/overdue"], 5),
]
WEBHOOKS: list[Callable[[SqlWebhookQueue], object]] = [
    lambda queue: queue.due(50, 10),
    lambda queue: queue.postpone("a:lead:1/accept/1/overdue", 5, "timeout"),
    lambda queue: queue.settle("a:lead:1/accept/1/overdue", "sent", 5),
    lambda queue: queue.is_disabled(),
]
RELAY: list[Callable[[SqlRelay], object]] = [
    lambda relay: relay.waiting(10),
    lambda relay: relay.sent([1, 2]),
]
