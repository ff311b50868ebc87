"""The `baton` command: gathers the command groups, and turns what they raise into one clear line and a code."""

import sys

import structlog
import typer

from services import logs
from services.cli import (
    alerts,
    backfill,
    charter,
    crm,
    dashboards,
    dead_letters,
    demo,
    health,
    migrate,
    pull,
    reconcile,
    replay,
    rules,
    services,
    topics,
    up,
    whatif,
)
from services.errors import BatonError, UsageError

app = typer.Typer(
    name="baton",
    help="Times the passing of leads from marketing to sales, and shows both teams one truth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


app.add_typer(charter.app, name="charter")
app.add_typer(replay.app)
app.add_typer(whatif.app)
app.add_typer(rules.app)
app.add_typer(dashboards.app)
app.add_typer(up.app)
app.add_typer(services.app)
app.add_typer(demo.app)
app.add_typer(health.app)
app.add_typer(migrate.app)
app.add_typer(reconcile.app)
app.add_typer(backfill.app)
app.add_typer(pull.app, name="pull")
app.add_typer(dead_letters.dead_letters, name="dead-letters")
app.add_typer(dead_letters.quarantine, name="quarantine")
app.add_typer(topics.app, name="topics")
app.add_typer(crm.app, name="crm")
app.add_typer(alerts.app, name="alerts")


@app.callback()
def baton() -> None:
    """Times the passing of leads from marketing to sales, and shows both teams one truth."""
    logs.set_up("info")


def main() -> None:
    """Run the command line: exit 0 done, 1 the answer is no, 2 wrong use or bad input."""
    try:
        app()
    except BrokenPipeError:
        # The reader of a pipe (`baton ... | head`) has seen enough.
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        sys.exit(_told(error))


def _told(error: Exception) -> int:
    """Say in one line what ended the command, and return its exit code."""
    match _innermost(error):
        case UsageError() as usage:
            print(usage, file=sys.stderr)
            return 2
        case BatonError() as known:
            print(f"baton: {known}", file=sys.stderr)
            return 1
        case fault:
            # A fault in Baton itself. The log has the whole of it, for the report; the user gets one line.
            structlog.get_logger().exception("fault", exc_info=error)
            print(
                f"baton: a fault of its own ended it ({fault!r}); the log above has the details",
                file=sys.stderr,
            )
            return 70


def _innermost(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return error
