"""How far export files are read, in a small JSON file that is replaced as a whole."""

import json
import os
from pathlib import Path

from services.errors import UsageError


class FileBookmarks:
    """Fulfils `Bookmarks`."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError for a file that is none of ours."""
        self._path = path
        try:
            self._rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        except ValueError:
            self._rows = None
        if not isinstance(self._rows, dict) or not all(type(rows) is int for rows in self._rows.values()):
            raise UsageError(
                f"{path}: not as Baton wrote it; without it, imports begin anew and count once all the same"
            )

    def at(self, name: str) -> int:
        """How many rows of it are done."""
        return int(self._rows.get(name, 0))

    def put(self, name: str, rows: int) -> None:
        """So many are done. A crash leaves the file as it was: then some rows are read again, which changes nothing."""
        self._rows[name] = rows
        beside = self._path.with_suffix(".new")
        beside.write_text(json.dumps(self._rows), encoding="utf-8")
        os.replace(beside, self._path)
