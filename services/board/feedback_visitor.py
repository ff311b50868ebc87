"""Who asks, as far as feedback has to know: what they may say, and the name that goes into `by`."""

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from fastapi import Request


class Permission(StrEnum):
    """What a visitor may say."""

    SALES = "feedback_sales"
    """Accept, reject, and say how good a lead is."""
    MARKETING = "feedback_marketing"
    """Answer what sales says."""
    SETTLE = "settle"
    CEREMONY = "ceremony"


class Visitor(Protocol):
    """Somebody who asks."""

    @property
    def name(self) -> str | None:
        """What goes into `by`; None where nobody has signed in."""

    def may(self, permission: str) -> bool:
        """Whether they may."""


VisitorOf = Callable[[Request], Visitor]
"""Who a request is from."""


class Anyone:
    """A visitor of an open board: without a name, and free to speak for the side whose form they fill in."""

    name: str | None = None

    def may(self, permission: str) -> bool:
        """Whatever it is."""
        del permission
        return True


def anyone(request: Request) -> Visitor:
    """The visitor of a board without sign-in."""
    del request
    return Anyone()
