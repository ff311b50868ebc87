"""The database: engines, statements, tables and their revisions, and all that is read and written there."""
