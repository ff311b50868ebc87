"""`baton health`: whether the Baton on this machine is ready; for containers and service managers."""

import urllib.error
import urllib.request

import typer

from services.settings import read_settings

app = typer.Typer()

_SECONDS = 4


@app.command()
def health() -> None:
    """Exit 0 when Baton on this machine's BATON_PORT is ready, 1 when it is not."""
    settings = read_settings()
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::") else settings.host  # noqa: S104 - compared, not bound
    url = f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            print(answer.read().decode())
    except urllib.error.HTTPError as error:
        print(error.read().decode())
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"{url}: {error}")
        raise typer.Exit(1) from None
