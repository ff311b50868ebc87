"""What the lists of webhooks that CRMs' APIs give have in common."""

from collections.abc import Mapping, Sequence
from typing import Any


def listed(answer: Any) -> Sequence[Mapping[str, Any]]:
    """The records of an answer; an empty list may be null."""
    data = answer.get("data") if isinstance(answer, Mapping) else None
    return [each for each in data if isinstance(each, Mapping)] if isinstance(data, list) else []


def sends_to(url: object, address: str) -> bool:
    """Whether a webhook's URL is our address, or something beneath it."""
    return isinstance(url, str) and url.startswith(address) and url[len(address) :][:1] in ("", "/", "?")
