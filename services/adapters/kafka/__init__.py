"""Kafka as gateways and notifiers use it: reaching it, writing to it, making its topics."""
