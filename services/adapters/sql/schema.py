"""Which revision of the tables a database has, and how it gets to the newest. It opens nothing itself."""

from collections.abc import Sequence

from sqlalchemy import Connection, column, delete, insert, inspect, select, table, text

from services.adapters.sql import migrations
from services.adapters.sql.tables import METADATA, meta
from services.errors import UsageError

_LOCK = 0x6261746F6E
"""`baton`: the name of the lock, of which PostgreSQL has one for each number and database."""

_ALEMBIC = table("alembic_version", column("version_num"))
_FORMER = meta.c.name == "schema"
"""The row that counted versions before there were revisions; 1 was the last."""


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables; None where there are none, the first where they are of before there were any."""
    has = inspect(connection).has_table
    if has(_ALEMBIC.name):
        return connection.execute(select(_ALEMBIC.c.version_num)).scalar()
    if not has(meta.name):
        return None
    former = connection.execute(select(meta.c.value).where(_FORMER)).scalar()
    return migrations.FIRST if former == 1 else f"version {former}"


def missing(revision: str | None, name: str) -> Sequence[str]:
    """The revisions that a database still lacks. Raises UsageError where it is of a newer version of Baton."""
    if revision is None:
        return migrations.REVISIONS
    if revision not in migrations.REVISIONS:
        raise UsageError(
            f"{name} was written by a newer version of Baton (its tables are of revision {revision}; this one knows "
            f"{migrations.NEWEST}): run that version or a later one"
        )
    return migrations.REVISIONS[migrations.REVISIONS.index(revision) + 1 :]


def create(connection: Connection) -> None:
    """Make the newest tables at once, in a database that ends with its connection: nobody will ever migrate it."""
    METADATA.create_all(connection)
    connection.execute(insert(meta), [{"name": name, "value": 0} for name in ("changes", "charters")])


def upgrade(connection: Connection, name: str) -> str | None:
    """Bring the tables to the newest revision, in the transaction of the connection; returns that of before.

    One at a time: others wait until the transaction ends, and find nothing left to do. Raises UsageError where the
    database is of a newer version of Baton.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": _LOCK})
    before = revision_of(connection)
    is_former = before is not None and not inspect(connection).has_table(_ALEMBIC.name)
    if missing(before, name) or is_former:
        _run_alembic(connection, stamp=before if is_former else None)
    return before


def _run_alembic(connection: Connection, *, stamp: str | None) -> None:
    from alembic import command  # here, for it takes a third of a second, and is needed once in the life of a database
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(migrations.FOLDER).replace("%", "%%"))
    if stamp is not None:
        command.stamp(config, stamp)
        connection.execute(delete(meta).where(_FORMER))
    command.upgrade(config, "head")
