"""Where a list goes on, as one opaque word for an address."""

import base64
import binascii
import json

from services.errors import Refused

UNPROCESSABLE = 422


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


def _decode(cursor: str | None) -> object:
    if cursor is None:
        return None
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        decoded: object = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise _refused() from None
    return decoded if decoded is not None else ()


def _refused() -> Refused:
    return Refused(UNPROCESSABLE, "cursor: not one that this list has given as `next`")
