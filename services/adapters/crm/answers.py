"""What the APIs of CRMs answer: read within bounds, and told without what may be secret or about people."""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx2

from services.adapters.retry_after import seconds_to_wait
from services.errors import Unavailable

USER_AGENT = "Baton"
MOST_BYTES = 32 * 1024 * 1024
"""Of an answer. A page of 2,000 records with 100 fields each, the largest that any of the CRMs gives, has some 8 MB."""
MOST_SECONDS = 120.0
"""For the whole of an answer: one that trickles must not hold up the others."""

_RESET = "x-ratelimit-reset"
"""Where Pipedrive says how many seconds its window of two still lasts."""
_INSTANT_FROM = 10
"""Characters: elsewhere it is the instant at which it ends, in seconds since 1970."""

_CODES = ("errorCode", "category", "error_code", "code", "error", "errors", "status")
"""Where the CRMs and OAuth say in one word what is wrong; what else they say may quote the request."""
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,59}|0x[0-9a-fA-F]{1,16}")


async def read_answer(response: httpx2.Response) -> bytes:
    """The whole body, unpacked. Raises Unavailable where it is too large, TimeoutError where it takes too long."""
    body = bytearray()
    async with asyncio.timeout(MOST_SECONDS):
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > MOST_BYTES:
                raise Unavailable(f"an answer is larger than {MOST_BYTES} bytes")
    return bytes(body)


def code_of(answer: Any) -> str:
    """The code of an error, with a blank before it; empty where the answer has none."""
    if isinstance(answer, list) and answer:
        answer = answer[0]
    if not isinstance(answer, Mapping):
        return ""
    for name in _CODES:
        value = answer.get(name)
        if isinstance(value, str) and _CODE.fullmatch(value):
            return f" {value}"
        if isinstance(value, Mapping | list) and (inner := code_of(value)):
            return inner
    return ""


def _reset(response: httpx2.Response) -> str:
    text: str = response.headers.get(_RESET, "").strip()
    return text if len(text) < _INSTANT_FROM else ""


def retry_after(response: httpx2.Response, now: datetime | None = None) -> float | None:
    """The seconds that the server asks to wait for; None where it does not say."""
    return seconds_to_wait(response.headers.get("retry-after", "").strip() or _reset(response), now)
