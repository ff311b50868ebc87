"""Wire contracts in pydantic: what other programs send, and what files may say. JSON Schema comes from here."""
