"""The map file that says how the rows of a CSV history become canonical events."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Template = Annotated[str, StringConstraints(min_length=1)]
"""Text with columns in braces, such as `bank:application:{application}`."""

Cell = str | list[str]
"""What a column must be: a value, one of several, or a pattern with `*`."""


class EventRule(BaseModel):
    """One kind of event that a row can be. A row becomes one event for every rule that holds for it."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="A canonical type, such as lead.handed_off")
    files: str | None = Field(None, description="Only rows of files whose name matches this pattern")
    when: dict[str, Cell] = Field(default_factory=dict, description="Column: value, list of values, or pattern")
    lead: Template | None = None
    time: Template | None = None
    id: Template | None = None
    data: dict[str, object] = Field(
        default_factory=dict,
        description="The event's data; texts are templates, and one whose column is empty is left out",
    )


class CsvMap(BaseModel):
    """A map file. What rules do not say themselves (lead, time, id) they take from here."""

    model_config = ConfigDict(extra="forbid")

    map: Literal[1]
    source: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    lead: Template | None = None
    time: Template | None = None
    id: Template | None = Field(None, description="Left out: the file's name and the number of the line")
    timezone: str | None = Field(None, description="The zone of times without an offset")
    numbers: list[str] = Field(default_factory=list, description="Columns to read as numbers")
    booleans: list[str] = Field(default_factory=list, description="Columns to read as true or false")
    events: Annotated[list[EventRule], Field(min_length=1)]
