"""Judges a history that lies in files: the same domain as the tracker, without a store."""
