"""The `baton` command: gathers the command groups, and turns what they raise into one clear line and a code."""

import sys

import typer

from services.errors import BatonError, UsageError

app = typer.Typer(
    name="baton",
    help="Times the passing of leads from marketing to sales, and shows both teams one truth.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


@app.callback()
def baton() -> None:
    """Times the passing of leads from marketing to sales, and shows both teams one truth."""


def main() -> None:
    """Run the command line: exit 0 done, 1 the answer is no, 2 wrong use or bad input."""
    try:
        app()
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except BatonError as error:
        print(f"baton: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe (`baton ... | head`) has seen enough.
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
