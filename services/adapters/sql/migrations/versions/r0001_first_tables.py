"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make them."""
    _make_counts()
    _make_leads()
    _make_alerts()
    _make_rest()


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, primary_key=True)


def _number_key(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, primary_key=True, autoincrement=False)


def _text(name: str, *, optional: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=optional)


def _number(name: str, *, optional: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=optional)


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary, nullable=False)


def _truth(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def _make_counts() -> None:
    meta = op.create_table("meta", _key("name"), _number("value"))
    op.bulk_insert(meta, [{"name": "changes", "value": 0}])
    op.create_table(
        "positions",
        _key("topic"),
        _number_key("partition"),
        _number("next"),
        _number("judged_at"),
        _number("changes"),
    )
    op.create_table("counters", _key("name"), _key("labels"), _number_key("partition"), _number("value"))


def _make_leads() -> None:
    op.create_table(
        "events",
        _key("stream"),
        _key("source"),
        _key("id"),
        _number("time"),
        sa.Column("type", sa.SmallInteger, nullable=False),
        _text("lead", optional=True),
        _text("data"),
        _text("crm"),
        _number("received_at"),
    )
    _partial_index("events_by_lead_named", "events", ["lead"], "lead IS NOT NULL")
    op.create_table(
        "leads",
        _key("key"),
        _bytes("state"),
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
    _partial_index("leads_to_wake", "leads", ["wake_at"], "wake_at IS NOT NULL")
    _partial_index(
        "leads_handed_off",
        "leads",
        ["stalls_at", "handoff", "team_label", "priority_label"],
        "handoff IS NOT NULL OR stalls_at IS NOT NULL",
    )
    op.create_table(
        "handoffs",
        _key("lead"),
        _number_key("number"),
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
        _bytes("attributes"),
    )
    _make_clocks()


def _make_clocks() -> None:
    op.create_table(
        "clocks",
        _key("lead"),
        _key("clock"),
        _number_key("number"),
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
        _truth("paused"),
        _number("ended_at", optional=True),
        _text("ended_by", optional=True),
        _text("status", optional=True),
        _number("counted", optional=True),
    )
    _partial_index(
        "clocks_open",
        "clocks",
        ["due_at", "at_risk_at", "paused", "clock", "promised_by", "team_label", "priority_label", "status"],
        "status IS NULL",
    )
    _partial_index("clocks_ended", "clocks", ["due_at", "clock", "promised_by", "status"], "status IS NOT NULL")


def _make_alerts() -> None:
    op.create_table(
        "transitions",
        _key("lead"),
        _key("clock"),
        _number_key("number"),
        _key("name"),
        _number("at"),
        _number("told_at"),
        _truth("standing"),
        _text("before", optional=True),
        _text("after", optional=True),
        _text("because", optional=True),
    )
    op.create_table(
        "alerts",
        sa.Column("id", _ROW_NUMBER, primary_key=True),
        _text("transition"),
        _text("kind"),
        _text("lead"),
        _text("clock"),
        _number("number"),
        _number("not_before"),
        _text("details"),
        _number("next_try_at"),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
        _text("last_error", optional=True),
        _number("settled_at", optional=True),
        _text("outcome", optional=True),
    )
    _partial_index("alerts_unsettled", "alerts", ["next_try_at"], "settled_at IS NULL")
    op.create_table(
        "deliveries",
        _key("lead"),
        _key("clock"),
        _number_key("number"),
        _number_key("alert"),
        _key("sink"),
        _number("at"),
    )


def _make_rest() -> None:
    op.create_table("deals", _key("deal"), _text("lead"), _text("named_by"))
    op.create_index("deals_by_lead", "deals", ["lead"])
    op.create_table("merges", _key("lead"), _key("into"))
    op.create_index("merges_by_survivor", "merges", ["into"])
    op.create_table(
        "dead_letters",
        _key("id"),
        _text("crm"),
        _text("reason"),
        _text("detail"),
        _number("received_at"),
        _bytes("body"),
        _number("replayed_at", optional=True),
    )
    op.create_table("charters", _key("version"), _text("text"), _number("put_in_force_at"))
