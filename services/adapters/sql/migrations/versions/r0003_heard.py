"""When the last event of each CRM came in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_TEXT = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the table; what is stored says when the last of its events came in."""
    op.create_table(
        "heard",
        sa.Column("crm", _TEXT, primary_key=True),
        sa.Column("shard", _TEXT, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.execute(
        "INSERT INTO heard (crm, shard, at) SELECT crm, 'baton.events/0', MAX(received_at) FROM events GROUP BY crm"
    )
