"""Webhooks that wait to be delivered, and receivers that want none any more."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "webhooks",
        sa.Column("sink", _TEXT, primary_key=True),
        sa.Column("transition", _TEXT, primary_key=True),
        sa.Column("lead", _TEXT, nullable=False),
        sa.Column("clock", _TEXT, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("always_holds", sa.Boolean, nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.Column("next_try_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("last_error", _TEXT),
        sa.Column("settled_at", sa.BigInteger),
        sa.Column("outcome", _TEXT),
    )
    unsettled = sa.text("settled_at IS NULL")
    op.create_index(
        "webhooks_unsettled",
        "webhooks",
        ["sink", "next_try_at"],
        sqlite_where=unsettled,
        postgresql_where=unsettled,
    )
    op.create_table(
        "webhooks_disabled",
        sa.Column("sink", _TEXT, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
