"""Reads a request's body within bounds of size and time. Never inflates: a small body could become a huge one."""

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from services.errors import Refused

MOST_BYTES = 1024 * 1024
"""A hundred notifications of HubSpot are about 40 kB."""
MOST_SECONDS = 10.0
"""CRMs give up on a request after 5 to 30 s; a sender that trickles must not hold a place for longer."""


async def read_body(
    receive: Receive, headers: Mapping[str, str], *, limit: int = MOST_BYTES, seconds: float = MOST_SECONDS
) -> bytes:
    """The whole body. Raises Refused: 408 too slow, 413 too large, 415 encoded, 400 where the sender went away."""
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(415, "Content-Encoding is not accepted; send the body as it is")
    announced = headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > len(str(limit)) or int(announced) > limit):
        raise _too_large(limit)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(receive, limit)
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {seconds:g} seconds") from None


async def _collect(receive: Receive, limit: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the connection closed before the body was whole")
        body += message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return bytes(body)


def _too_large(limit: int) -> Refused:
    return Refused(413, f"the body is larger than {limit} bytes")
