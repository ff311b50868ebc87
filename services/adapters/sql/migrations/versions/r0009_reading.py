"""What the live page counts handoffs by, and what the page of an account finds its leads by."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("handoffs_opened", "handoffs", ["opened_at"])
    known = sa.text("account IS NOT NULL")
    op.create_index("leads_by_account", "leads", ["account", "key"], sqlite_where=known, postgresql_where=known)
