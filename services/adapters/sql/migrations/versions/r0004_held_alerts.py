"""What is shown in Alertmanager for as long as it holds."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; what was told before it was there is shown nowhere."""
    op.create_table(
        "held_alerts",
        sa.Column("sink", _TEXT, primary_key=True),
        sa.Column("transition", _TEXT, primary_key=True),
        sa.Column("lead", _TEXT, nullable=False),
        sa.Column("clock", _TEXT, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("shown", _TEXT, nullable=False),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("settled_at", sa.BigInteger),
    )
    unsettled = sa.text("settled_at IS NULL")
    op.create_index(
        "held_alerts_unsettled", "held_alerts", ["sink"], sqlite_where=unsettled, postgresql_where=unsettled
    )
