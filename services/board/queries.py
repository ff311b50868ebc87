"""What the addresses of pages may ask beside what those of the API may."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.api import Optional, Text
from services.views import Scope


class CharterQuery(BaseModel):
    """Which version of the charter to show; without one, that in force."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Annotated[Text | None, Optional] = None


class AccountsQuery(BaseModel):
    """Where the list of accounts goes on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cursor: Annotated[str | None, Optional] = Field(None, max_length=2000)


class NoQuery(BaseModel):
    """A page that asks nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LiveQuery(BaseModel):
    """Which leads and clocks the live page is about, and whether it hangs on a wall."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    team: Annotated[Text | None, Optional] = None
    priority: Annotated[Text | None, Optional] = None
    source: Annotated[Text | None, Optional] = None
    account: Annotated[Text | None, Optional] = None
    clock: Annotated[Text | None, Optional] = None
    wall: bool = Field(False, description="To be read from across a room: larger, without what needs a mouse.")

    @property
    def scope(self) -> Scope:
        """What is asked of the views."""
        return Scope(**self.asked)

    @property
    def asked(self) -> dict[str, str]:
        """The filters that are set."""
        return self.model_dump(exclude={"wall"}, exclude_none=True)
