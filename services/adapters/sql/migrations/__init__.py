"""The revisions of the tables, for Alembic. They lie here because an installed Baton has to bring them along.

`versions/rNNNN_what_changes.py` is revision NNNN. One that is out is never changed again.
"""

from pathlib import Path

FOLDER = Path(__file__).parent

REVISIONS = tuple(sorted(file.name[1:5] for file in (FOLDER / "versions").glob("r[0-9]*.py")))
"""All there are, the oldest first. Known from the names of the files: loading Alembic takes longer than a start."""
FIRST = REVISIONS[0]
NEWEST = REVISIONS[-1]
