"""Prometheus rules and OpenSLO documents from a charter. Pure: a charter comes in, text goes out."""

from services.rules.openslo import openslo_documents
from services.rules.page import rules_page

__all__ = ["openslo_documents", "rules_page"]
