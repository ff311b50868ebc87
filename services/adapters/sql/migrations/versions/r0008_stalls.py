"""Silences are told: leads that are handed off are looked at again, for those that had come to a stall before."""

import secrets

from alembic import op

revision = "0008"
down_revision = "0006"


def upgrade() -> None:
    """Have them judged anew once the log is read on: behind those that are due already, a batch at a time."""
    fresh = secrets.randbelow(2**62) + 1  # another revision than any that a tracker has read
    op.execute(
        f"UPDATE leads SET revision = {fresh}, "  # noqa: S608 - a number of ours
        "wake_at = (SELECT COALESCE(MAX(read_at), 0) FROM positions) "
        "WHERE handoff IS NOT NULL "
        "AND (wake_at IS NULL OR wake_at > (SELECT COALESCE(MAX(read_at), 0) FROM positions))"
    )
