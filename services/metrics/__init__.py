"""Prometheus: what the store knows, and what this process has counted, as one page of metrics."""
