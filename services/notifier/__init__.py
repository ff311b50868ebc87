"""Tells people: takes alerts from the outbox to the sinks, each once, and takes back what was corrected."""
