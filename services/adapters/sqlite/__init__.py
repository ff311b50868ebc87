"""Files of SQLite that hold no judgements: the embedded log, the spool, the quarantine."""
