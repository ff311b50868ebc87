"""What Alembic runs for each command: the migrations, on the connection and in the transaction that it is given."""

from alembic import context

from services.adapters.sql.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # Alembic takes SQLite for one that cannot; it can, where the driver does not interfere
)
with context.begin_transaction():
    context.run_migrations()
