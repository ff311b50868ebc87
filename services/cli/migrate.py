"""`baton migrate`: brings the tables of the database to what this version of Baton needs."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.settings import read_settings

app = typer.Typer()


@app.command()
def migrate(
    data: Annotated[Path | None, typer.Option(help="The folder of log and database (default: baton-data)")] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit 1 when there is something to do")
    ] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON document")] = False,
) -> None:
    """Bring the database (BATON_DATABASE) to the newest tables; any number may do so at once."""
    from services.wiring.operations import migrate_database  # here, as in `baton up`, because it loads every service

    done = migrate_database(read_settings(data=data), check=check)
    if json_:
        document = {"database": done.database, "before": done.before, "newest": done.newest, "missing": done.missing}
        print(json.dumps({**document, "migrated": not check}))
    elif not done.missing:
        print(f"{done.database}: nothing to do, its tables are of revision {done.newest}")
    else:
        what = "needs a migration" if check else "migrated"
        print(f"{done.database}: {what} from {done.before or 'no tables'} to revision {done.newest}")
    if check and done.missing:
        raise typer.Exit(1)
