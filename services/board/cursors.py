"""Where a list goes on, as one opaque word for an address."""

import base64
import binascii
import json

from services.errors import Refused

UNPROCESSABLE = 422
_MOST_INSTANT = 2**63
"""What a database takes for a number."""


def encode(after: tuple[str | int, ...]) -> str:
    """The word for the last row that was shown."""
    text = json.dumps(after, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def lead(cursor: str | None) -> str | None:
    """The key (or the name) after which a list of leads (or of accounts) goes on. Raises Refused."""
    match _decode(cursor):
        case None:
            return None
        case [str(key)]:
            return key
        case _:
            raise _refused()


def clock(cursor: str | None) -> tuple[str, str, int] | None:
    """The instance after which a list of clocks goes on. Raises Refused."""
    match _decode(cursor):
        case None:
            return None
        case [str(key), str(name), int(number)]:
            return key, name, number
        case _:
            raise _refused()


def fact(cursor: str | None) -> tuple[int, str, str] | None:
    """The fact after which a list of facts goes on: its instant, lead and number. Raises Refused."""
    match _decode(cursor):
        case None:
            return None
        case [int(at), str(key), str(number)] if not isinstance(at, bool) and abs(at) < _MOST_INSTANT:
            return at, key, number
        case _:
            raise _refused()


def _decode(cursor: str | None) -> object:
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        decoded: object = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise _refused() from None
    if isinstance(decoded, list) and any(isinstance(each, str) and "\0" in each for each in decoded):
        raise _refused()  # no key has it, and PostgreSQL cannot be asked for it
    return decoded if decoded is not None else ()


def _refused() -> Refused:
    return Refused(UNPROCESSABLE, "cursor: not one that this list has given as `next`")
