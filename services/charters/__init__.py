"""The charter file: reading it, checking it, building what the judge needs of it, and showing it to people."""

from services.charters.files import (
    CharterFile,
    find_problems,
    load_charters,
    parse_charter,
    read_charter,
    read_versions,
)

__all__ = ["CharterFile", "find_problems", "load_charters", "parse_charter", "read_charter", "read_versions"]
