"""`baton alerts test`: whether alerts would arrive."""

import typer

from services.settings import read_settings

app = typer.Typer(help="Where alerts go.", no_args_is_help=True)


@app.callback()
def alerts() -> None:
    """Where alerts go."""


@app.command()
def test() -> None:
    """Send a message along each route and to every other place that gets alerts; 1 where one is not taken."""
    from services.wiring.alert_test import send_tests  # here, for it loads every service

    lost = 0
    for tested in send_tests(read_settings()):
        way = f"{tested.route} -> {tested.sink}" if tested.route else tested.sink
        typer.echo(f"{way}: {f'not taken: {tested.error}' if tested.error else 'taken'}")
        lost += bool(tested.error)
    if lost:
        raise typer.Exit(1)
