"""Silences are told: leads that are handed off are looked at again, for those that had come to a stall before."""

from alembic import op

revision = "0008"
down_revision = "0005"


def upgrade() -> None:
    """Have the tracker judge them anew."""
    op.execute("UPDATE leads SET wake_at = 0 WHERE handoff IS NOT NULL")
