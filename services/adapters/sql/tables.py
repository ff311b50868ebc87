"""The tables, the same on SQLite and PostgreSQL; where they hold rows of `services.storage`, columns bear the
names of their fields in the same order.

Every index is paid for with each row written, so there is one only where a query would read a big table without it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    or_,
)
from sqlalchemy.dialects import postgresql

METADATA = MetaData()
"""What the newest of `services.adapters.sql.migrations` comes to: a change here needs another one there."""

# Keys are listed in the order of their code points, as Python compares them. SQLite does so by itself.
_TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
# SQLite numbers rows by itself in a column of this very type alone.
_ROW_NUMBER = BigInteger().with_variant(Integer(), "sqlite")


def _key(name: str, *, number: bool = False) -> Column[object]:
    return Column(name, BigInteger if number else _TEXT, primary_key=True, autoincrement=False)


def _text(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, _TEXT, nullable=optional)


def _number(name: str, *, optional: bool = False) -> Column[object]:
    """A count, an instant or a duration."""
    return Column(name, BigInteger, nullable=optional)


def _partial(name: str, *columns: Column[object], where: ColumnElement[bool]) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


meta = Table("meta", METADATA, _key("name"), _number("value"))
"""`changes`: changes that no position counts. `charters`: their generation. `reconciled CRM`: the instant up to which
its API was read for what was missed."""

positions = Table(
    "positions",
    METADATA,
    _key("topic"),
    _key("partition", number=True),
    _number("next"),
    _number("read_at"),
    _number("changes"),
)
"""`changes` counts the commits, so that a commit writes no other row to be noticed."""

events = Table(
    "events",
    METADATA,
    _key("stream"),
    _key("source"),
    _key("id"),
    _number("time"),
    Column("type", SmallInteger, nullable=False),
    _text("lead", optional=True),
    _text("data"),
    _text("crm"),
    _number("received_at"),
)

"""`lead` is what an event in a deal's stream names; those of a lead's stream are the lead's."""
_partial("events_by_lead_named", events.c.lead, where=events.c.lead.is_not(None))

leads = Table(
    "leads",
    METADATA,
    _key("key"),
    _number("revision"),
    _number("partition"),
    Column("state", LargeBinary, nullable=False),
    _number("wake_at", optional=True),
    _number("last_event_at"),
    _number("handoff", optional=True),
    _number("handed_off_at", optional=True),
    _number("stalls_at", optional=True),
    _text("owner", optional=True),
    _text("team", optional=True),
    _text("priority", optional=True),
    _text("source", optional=True),
    _text("account", optional=True),
    _text("team_label"),
    _text("priority_label"),
)
_partial("leads_to_wake", leads.c.partition, leads.c.wake_at, where=leads.c.wake_at.is_not(None))
_partial(
    "leads_handed_off",
    leads.c.stalls_at,
    leads.c.handoff,
    leads.c.team_label,
    leads.c.priority_label,
    where=or_(leads.c.handoff.is_not(None), leads.c.stalls_at.is_not(None)),
)

_partial("leads_by_account", leads.c.account, leads.c.key, where=leads.c.account.is_not(None))

handoffs = Table(
    "handoffs",
    METADATA,
    _key("lead"),
    _key("number", number=True),
    _number("opened_at"),
    _number("closed_at", optional=True),
    _text("outcome", optional=True),
    _number("accepted_at", optional=True),
    _number("touched_at", optional=True),
    _number("qualified_at", optional=True),
    _number("opportunity_at", optional=True),
    _text("reason", optional=True),
    _text("verdict", optional=True),
    _text("source_label"),
    Column("attributes", LargeBinary, nullable=False),
)

Index("handoffs_opened", handoffs.c.opened_at)

clocks = Table(
    "clocks",
    METADATA,
    _key("lead"),
    _key("clock"),
    _key("number", number=True),
    _text("charter"),
    _text("promised_by"),
    _text("team_label"),
    _text("priority_label"),
    _number("target"),
    _number("within"),
    _text("calendar"),
    _number("started_at"),
    _text("started_by"),
    _number("due_at", optional=True),
    _number("at_risk_at", optional=True),
    Column("paused", Boolean, nullable=False),
    _number("ended_at", optional=True),
    _text("ended_by", optional=True),
    _text("status", optional=True),
    _number("counted", optional=True),
)
# An instance is in one of these two, and they hold all that counting it takes (`status` too: SQLite looks it up in
# the table although the condition says what it is).
_partial(
    "clocks_open",
    clocks.c.due_at,
    clocks.c.at_risk_at,
    clocks.c.paused,
    clocks.c.clock,
    clocks.c.promised_by,
    clocks.c.team_label,
    clocks.c.priority_label,
    clocks.c.status,
    where=clocks.c.status.is_(None),
)
_partial(
    "clocks_ended",
    clocks.c.due_at,
    clocks.c.clock,
    clocks.c.promised_by,
    clocks.c.status,
    where=clocks.c.status.is_not(None),
)

transitions = Table(
    "transitions",
    METADATA,
    _key("lead"),
    _key("clock"),
    _key("number", number=True),
    _key("name"),
    _number("at"),
    _number("told_at"),
    Column("standing", Boolean, nullable=False),
    _text("before", optional=True),
    _text("after", optional=True),
    _text("because", optional=True),
)

alerts = Table(
    "alerts",
    METADATA,
    Column("id", _ROW_NUMBER, primary_key=True),
    _text("transition"),
    _text("kind"),
    _text("lead"),
    _text("clock"),
    _number("number"),
    _number("not_before"),
    _text("details"),
    _number("next_try_at"),
    Column("attempts", BigInteger, nullable=False, server_default="0"),
    _text("last_error", optional=True),
    _number("settled_at", optional=True),
    _text("outcome", optional=True),
)
_partial("alerts_unsettled", alerts.c.next_try_at, where=alerts.c.settled_at.is_(None))

deliveries = Table(
    "deliveries",
    METADATA,
    _key("lead"),
    _key("clock"),
    _key("number", number=True),
    _key("alert", number=True),
    _key("sink"),
    _number("at"),
)
"""The instance is repeated here, where rows are few, so that alerts need no index by instance."""

held_alerts = Table(
    "held_alerts",
    METADATA,
    _key("sink"),
    _key("transition"),
    _text("lead"),
    _text("clock"),
    _number("number"),
    _text("name"),
    _text("shown"),
    _number("resolved_at", optional=True),
    _number("settled_at", optional=True),
)
"""What is shown in a place for as long as it holds."""
_partial("held_alerts_unsettled", held_alerts.c.sink, where=held_alerts.c.settled_at.is_(None))

webhooks = Table(
    "webhooks",
    METADATA,
    _key("sink"),
    _key("transition"),
    _text("lead"),
    _text("clock"),
    _number("number"),
    _text("name"),
    Column("always_holds", Boolean, nullable=False),
    _text("body"),
    _number("next_try_at"),
    Column("attempts", BigInteger, nullable=False, server_default="0"),
    _text("last_error", optional=True),
    _number("settled_at", optional=True),
    _text("outcome", optional=True),
)
"""What a receiver of webhooks gets, once."""
_partial("webhooks_unsettled", webhooks.c.sink, webhooks.c.next_try_at, where=webhooks.c.settled_at.is_(None))

webhooks_disabled = Table("webhooks_disabled", METADATA, _key("sink"), _number("at"))
"""Receivers that answered 410: they want nothing more."""

deals = Table(
    "deals",
    METADATA,
    _key("deal"),
    _number("revision"),
    _text("lead", optional=True),
    _text("named_by", optional=True),
)
Index("deals_by_lead", deals.c.lead)

merges = Table("merges", METADATA, _key("lead"), _key("into"))
Index("merges_by_survivor", merges.c.into)

facts = Table(
    "facts",
    METADATA,
    _key("lead"),
    _key("kind"),
    _key("number"),
    _number("at"),
    _number("day"),
    _text("source"),
    _text("meets"),
    _text("attributes"),
    _number("amount"),
    _text("currency"),
)
"""What measures count. `meets`: names of filters between line breaks; `attributes`: JSON."""
Index("facts_listed", facts.c.kind, facts.c.at, facts.c.lead, facts.c.number)

tallies = Table(
    "tallies",
    METADATA,
    _key("day", number=True),
    _key("kind"),
    _key("filter"),
    _key("source"),
    _key("currency"),
    _key("shard"),
    _number("count"),
    _number("whole"),
    _number("millionths"),
)
"""How many facts there are, and what they amount to: `whole` + `millionths` / 1,000,000, since a sum of millionths
alone would not fit into 64 bits. The day stands first in the key, for all that is asked is asked of days. `shard` as
of counters: what one partition added another may take away, so that a row alone says nothing."""

dead_letters = Table(
    "dead_letters",
    METADATA,
    _key("id"),
    _text("crm"),
    _text("reason"),
    _text("detail"),
    _number("received_at"),
    Column("body", LargeBinary, nullable=False),
    _number("replayed_at", optional=True),
)

counters = Table("counters", METADATA, _key("name"), _key("labels"), _key("shard"), _number("value"))
"""A row for each partition (`shard`: its topic and number) that counts, so that workers never wait for each other."""

heard = Table("heard", METADATA, _key("crm"), _key("shard"), _number("at"))
"""When the last event of a CRM was appended to the log, by the partition (`shard`) that it went to."""

outbox = Table(
    "outbox",
    METADATA,
    Column("id", _ROW_NUMBER, primary_key=True),
    _text("lead"),
    _text("clock", optional=True),
    _number("number", optional=True),
    _text("name", optional=True),
)
"""What the topics of leads and transitions still have to get: a lead, or one of its transitions where `name` is set."""

charters = Table("charters", METADATA, _key("version"), _text("text"), _number("put_in_force_at"))
