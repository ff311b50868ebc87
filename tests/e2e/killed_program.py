"""`baton` that ends itself with SIGKILL at a step of its database, as the out-of-memory killer would.

`python -m tests.e2e.killed_program STATEMENT before|after ARGUMENTS...` ends it at the first statement that begins so:
before it is run, or once the transaction that it is in was committed.
"""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from services.adapters.sql.database import Database
from services.cli.main import main


def killed_at(statement: str, phase: str) -> None:
    """Have this process killed there."""
    ran = threading.local()
    writing = Database.writing

    @event.listens_for(Engine, "before_cursor_execute")
    def look(_connection: Connection, _cursor: object, sql: str, *_: Any) -> None:
        if sql.startswith(statement):
            if phase == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            ran.here = True

    @contextmanager
    def watched(self: Database) -> Iterator[Connection]:
        ran.here = False
        with writing(self) as connection:
            yield connection
        if ran.here:
            os.kill(os.getpid(), signal.SIGKILL)

    Database.writing = watched  # type: ignore[method-assign]  # this process is the test's alone


if __name__ == "__main__":
    _, statement, phase, *arguments = sys.argv
    killed_at(statement, phase)
    sys.argv = ["baton", *arguments]
    main()
