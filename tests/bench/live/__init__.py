"""`make bench-live`: from Kafka to committed PostgreSQL, Baton beside what a user would build otherwise."""
