"""Several workers on one database: revisions of leads and deals, leads by partition, counters by shard, an outbox."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
_ROW_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Change the tables; what was there was all of partition 0, and is at a first revision."""
    op.execute("INSERT INTO meta (name, value) SELECT 'charters', COUNT(*) FROM charters")
    op.alter_column("positions", "judged_at", new_column_name="read_at")
    _change_leads()
    _change_deals()
    _change_counters()
    op.create_table(
        "outbox",
        sa.Column("id", _ROW_NUMBER, primary_key=True),
        sa.Column("lead", _TEXT, nullable=False),
        sa.Column("clock", _TEXT),
        sa.Column("number", sa.BigInteger),
        sa.Column("name", _TEXT),
    )


def _change_leads() -> None:
    op.drop_index("leads_to_wake", "leads")
    for name, value in (("revision", "1"), ("partition", "0")):
        _add_filled("leads", name, value)
    woken = sa.text("wake_at IS NOT NULL")
    op.create_index("leads_to_wake", "leads", ["partition", "wake_at"], sqlite_where=woken, postgresql_where=woken)


def _change_deals() -> None:
    _add_filled("deals", "revision", "1")
    with op.batch_alter_table("deals") as deals:
        deals.alter_column("lead", nullable=True)
        deals.alter_column("named_by", nullable=True)


def _change_counters() -> None:
    """Another column in the key: SQLite makes a table anew for that, and so does this."""
    # Copied, not renamed: in PostgreSQL the former table would keep the names of its constraints.
    op.execute("CREATE TABLE former_counters AS SELECT * FROM counters")
    op.drop_table("counters")
    op.create_table(
        "counters",
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("labels", _TEXT, primary_key=True),
        sa.Column("shard", _TEXT, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO counters (name, labels, shard, value) "
        "SELECT name, labels, 'baton.events/' || partition, value FROM former_counters"
    )
    op.drop_table("former_counters")


def _add_filled(table: str, column: str, value: str) -> None:
    """Add a column of numbers that has this value in all rows, and no default for later ones."""
    op.add_column(table, sa.Column(column, sa.BigInteger, nullable=False, server_default=value))
    with op.batch_alter_table(table) as changed:
        changed.alter_column(column, server_default=None)
