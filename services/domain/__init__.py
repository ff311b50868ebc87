"""The rules of Baton, pure: standard library alone, no clock, no I/O, no randomness.

Time comes in as an argument (`Instant`, microseconds since 1970 in UTC); what has to happen later is
said as an instant to be woken at. Tracker, replay and pages call the same functions.
"""
