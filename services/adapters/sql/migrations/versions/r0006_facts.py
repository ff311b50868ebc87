"""Facts and tallies: what measures count. Leads that are stored have none yet, and are looked at again."""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables, and wake the leads."""
    op.create_table(
        "facts",
        sa.Column("lead", _TEXT, primary_key=True),
        sa.Column("kind", _TEXT, primary_key=True),
        sa.Column("number", _TEXT, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("day", sa.BigInteger, nullable=False),
        sa.Column("source", _TEXT, nullable=False),
        sa.Column("meets", _TEXT, nullable=False),
        sa.Column("attributes", _TEXT, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
    )
    op.create_index("facts_listed", "facts", ["kind", "at", "lead", "number"])
    op.create_table(
        "tallies",
        sa.Column("day", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", _TEXT, primary_key=True),
        sa.Column("filter", _TEXT, primary_key=True),
        sa.Column("source", _TEXT, primary_key=True),
        sa.Column("currency", _TEXT, primary_key=True),
        sa.Column("shard", _TEXT, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("whole", sa.BigInteger, nullable=False),
        sa.Column("millionths", sa.BigInteger, nullable=False),
    )
    _wake()


def _wake() -> None:
    """Have every lead judged anew once the log is read on: behind those that are due already, a batch at a time."""
    revision = secrets.randbelow(2**62) + 1  # another one than any that a tracker has read
    op.execute(
        f"UPDATE leads SET revision = {revision}, "  # noqa: S608 - a number of ours
        "wake_at = (SELECT COALESCE(MAX(read_at), 0) FROM positions) "
        "WHERE wake_at IS NULL OR wake_at > (SELECT COALESCE(MAX(read_at), 0) FROM positions)"
    )
