"""Who is told of which alert: the routes that a company writes in a YAML file."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
Level = Literal["at_risk", "overdue", "escalated", "stalled", "corrected"]
Language = Literal["en", "pl"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[Name], BeforeValidator(_listed), Field(min_length=1)]
Levels = Annotated[list[Level], BeforeValidator(_listed), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class RoutedSink(_Part):
    """Somewhere that people read. Its URL is a secret, and therefore in a file of its own."""

    url_file: Name = Field(description="A file with one Apprise URL", examples=["/run/secrets/sales-chat"])


class Match(_Part):
    """What an alert must be; what is left out is anything. Each is one value or a list of them."""

    clock: Names | None = None
    team: Names | None = None
    client_team: Names | None = Field(None, description="The charter's client team that looks after the account")
    level: Levels | None = Field(
        None,
        description="Named here, `corrected` is told whether or not its sinks were warned; else to the warned alone",
    )
    to: Names | None = Field(None, description="Whom the charter's escalation names; others than escalations match not")


class Route(_Part):
    """Which alerts go where. Whoever was warned is told of corrections, whatever the level."""

    name: Name
    when: Match = Field(default_factory=Match)
    send_to: Names = Field(description="Names of `sinks`")
    language: Language = Field("en", description="Of the messages")
    hours: Name | None = Field(None, description="A calendar of the charter: outside of it messages are held back")
    per: Literal["lead", "alert"] = Field("lead", description="Of what is due at the same time, one message for each")
    digest: bool = Field(False, description="All that came since is one message when the next `hours` begin")

    @model_validator(mode="after")
    def _has_hours_to_begin(self) -> Self:
        if self.digest and self.hours is None:
            raise ValueError("a digest is sent when hours begin: give the calendar, such as `hours: office`")
        return self


class RoutesFile(_Part):
    """The file of BATON_ROUTES."""

    routes_version: Literal[1] = Field(alias="version")
    sinks: dict[Name, RoutedSink] = Field(min_length=1)
    routes: list[Route] = Field(min_length=1)
