"""The tracker: reads batches of the log, judges the leads in them, and commits all of it in one transaction."""
