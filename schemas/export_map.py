"""The map file that says what the columns of a CRM's export files are; what they mean, the CRM's mapping says."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

Template = Annotated[str, StringConstraints(min_length=1)]
"""Text with columns in braces, such as `hubspot:contact:{Record ID}`."""
Cell = str | list[str]
"""What a column must be: a value, one of several, or a pattern with `*`."""


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ExportedField(_File):
    """A column that tells a property of the object. In the file, a bare name is the property, told as it is now.

    Meant for what becomes an attribute. Of a status, on which events hang, an export says what it is, not since when:
    that is told by `moments`.
    """

    to: str
    at: Literal["created", "modified", "record"] = "modified"
    """Since when it is so: since the beginning (`created`), or nobody knows, but at the last change at the latest.

    `record`: it tells nothing by itself, but rules may ask for it.
    """
    values: dict[str, str] = Field(default_factory=dict)
    """The CRM's own value of each label, where the export tells labels; others stay."""


class Moment(_File):
    """Columns that tell when a property got a value."""

    property: Template
    value: Template | None = None
    """Left out: the time itself."""
    at: str
    """The column with the time. A row where it is empty does not tell this."""
    when: dict[str, Cell] = Field(default_factory=dict)
    values: dict[str, str] = Field(default_factory=dict)
    """As of a field."""


class Link(_File):
    """A column that joins leads and deals: the leads of a deal (the first counts), or the deal that a lead became."""

    column: str
    object: str
    """What the mapping calls the lead."""
    lead: Template | None = None
    """Of a deal: the lead's key; `{id}` is the id in the column."""
    deal: Template | None = None
    """Of a lead: the deal's key; `{id}` is the id in the column."""
    at: str | None = None
    """The column with the time; left out: when the object was made."""
    separator: str = ";"

    @model_validator(mode="after")
    def _has_one_end(self) -> Self:
        if (self.lead is None) == (self.deal is None):
            raise ValueError("write `lead` where the file is of deals, `deal` where it is of leads")
        return self


def _fields(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {name: {"to": each} if isinstance(each, str) else each for name, each in value.items()}


class ExportedFile(_File):
    """One kind of file: of each row, what its object is and what happened to it when."""

    has: Annotated[list[str], Field(min_length=1)]
    """A file with all these columns is one of these; the first kind that fits is taken."""
    object: str
    """What the CRM's mapping calls the objects."""
    id: str
    """The column with the object's id."""
    lead: Template | None = None
    """The key of the lead that the object is or belongs to; none where a column in it is empty."""
    deal: Template | None = None
    when: dict[str, Cell] = Field(default_factory=dict)
    """Only these rows."""
    created: str | None = None
    """The column with the time at which the object was made; left out: the file does not tell that."""
    modified: str | None = None
    """The column with the time of the last change; where it is left out or empty, `created`."""
    columns_are_properties: bool = False
    """Every column is the property of the same name, as in Salesforce's data export: rules can ask for them."""
    fields: Annotated[dict[str, ExportedField], BeforeValidator(_fields)] = Field(default_factory=dict)
    moments: list[Moment] = Field(default_factory=list)
    links: list[Link] = Field(default_factory=list)

    @model_validator(mode="after")
    def _knows_when(self) -> Self:
        if self.created is None and not self.moments:
            raise ValueError("without `created` and `moments` nothing has a time")
        return self


class ExportMap(_File):
    """A map file."""

    export: Literal[1]
    crm: str
    timezone: str = "UTC"
    """The zone of times without an offset."""
    times: list[str] = Field(default_factory=list)
    """How times are written where they are not ISO 8601, as Python's strptime has it: `%m/%d/%Y %H:%M`."""
    files: Annotated[dict[str, ExportedFile], Field(min_length=1)]
