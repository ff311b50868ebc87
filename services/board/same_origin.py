"""Whether a request that changes something comes from the board's own pages, or from a program.

A browser sends the forms of any site that somebody looks at to whatever address they name, this board's too. It says
whose page it was: by `Sec-Fetch-Site` (Fetch Metadata, W3C), or where it does not, by `Origin` (RFC 6454). What sends
neither is no browser.
"""

from http import HTTPStatus
from urllib.parse import urlsplit

from fastapi import Request

from services.errors import Refused

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing (RFC 9110, 9.2.1)."""
_OURS = ("same-origin", "none")
"""`none`: the reader typed the address."""


def check_same_origin(request: Request) -> None:
    """Raise Refused where the page of another site would change something."""
    if request.method not in SAFE_METHODS and not _is_ours(request):
        raise Refused(HTTPStatus.FORBIDDEN, "This was sent by a page of another site; nothing was recorded")


def _is_ours(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in _OURS
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
