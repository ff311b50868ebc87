"""The charter file: its shape, one model for each part, and what each key means.

Values stay as the file writes them where that is what people read (durations, hours); shares are exact
decimals. What holds between parts (a calendar that is not defined) is checked in `services.charters`.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)

from schemas import charter_shares as shares
from schemas import charter_times as times
from schemas import charter_values as values
from schemas import charter_when
from services.domain.charter import Side
from services.domain.conditions import COMPARISONS
from services.domain.events import TYPES_BY_WIRE_NAME

COUNTS = (
    "handoffs",
    "accepted",
    "rejected",
    "touched",
    "untouched",
    "qualified",
    "opportunities",
    "won",
    "lost",
    "recycled",
    "conversations",
)
AMOUNTS = ("won_amount",)
SHARES = (
    "accept_rate",
    "contact_rate",
    "win_rate",
    "close_rate",
    "new_customer_share",
    "completeness",
    "feedback_rate",
    "attainment",
)
MEASURES = COUNTS + AMOUNTS + SHARES

_DURATION_PATTERN = r"^([0-9]{1,6}[wdhms])+$"
_HOURS_SCHEMA = {"type": "string", "pattern": r"^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"}
_SHARE_SCHEMA = {
    "anyOf": [{"type": "string", "pattern": r"^[0-9.]+%?$"}, {"type": "number", "minimum": 0}],
    "examples": ["75%", 0.75],
}
_SCALAR_SCHEMA = {"type": ["string", "number", "boolean"]}
_VALUES_SCHEMA: dict[str, Any] = {"anyOf": [_SCALAR_SCHEMA, {"type": "array", "minItems": 1, "items": _SCALAR_SCHEMA}]}
_TEST_SCHEMA: dict[str, Any] = {
    "anyOf": [
        *_VALUES_SCHEMA["anyOf"],
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {
                **{name: {"type": "number"} for name in COMPARISONS},
                "not": _VALUES_SCHEMA,
                "known": {"type": "boolean"},
            },
        },
    ]
}


def _measure(value: object) -> str:
    text = values.read_text(value)
    if text not in MEASURES:
        raise ValueError(f'there is no measure "{text:.60}"{values.did_you_mean(text, MEASURES)}')
    return text


Text = Annotated[str, BeforeValidator(values.read_text), WithJsonSchema({"type": ["string", "number"]})]
Name = Annotated[str, BeforeValidator(values.read_name)]
Label = Annotated[str, BeforeValidator(values.read_name), WithJsonSchema({"type": ["string", "number"]})]
"""Short, as names are: it stands in metrics, and in the keys of indexes."""
ClockName = Annotated[str, BeforeValidator(values.read_clock_name)]
Moment = Annotated[datetime, BeforeValidator(times.read_moment)]
Day = Annotated[date, BeforeValidator(times.read_date)]
Duration = Annotated[
    str, BeforeValidator(times.read_duration), WithJsonSchema({"type": "string", "pattern": _DURATION_PATTERN})
]
Wait = Annotated[
    str,
    BeforeValidator(times.read_wait),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _DURATION_PATTERN}, {"const": 0}]}),
]
DayLength = Annotated[
    str, BeforeValidator(times.read_day), WithJsonSchema({"type": "string", "pattern": r"^([0-9]{1,6}[hms])+$"})
]
Zone = Annotated[str, BeforeValidator(times.read_zone)]
AtRisk = Annotated[Decimal, BeforeValidator(shares.read_at_risk), WithJsonSchema(_SHARE_SCHEMA)]
Objective = Annotated[Decimal, BeforeValidator(shares.read_objective), WithJsonSchema(_SHARE_SCHEMA)]
EscalationShare = Annotated[Decimal, BeforeValidator(shares.read_escalation), WithJsonSchema(_SHARE_SCHEMA)]
Quantity = Annotated[Decimal, BeforeValidator(shares.read_quantity), WithJsonSchema(_SHARE_SCHEMA)]
Part = Annotated[Decimal, BeforeValidator(shares.read_part), WithJsonSchema({"type": "number", "minimum": 0})]
Month = Annotated[
    str,
    BeforeValidator(times.read_month),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}$"}),
]
EventName = Annotated[
    str,
    BeforeValidator(values.read_event_type),
    WithJsonSchema({"type": "string", "enum": list(TYPES_BY_WIRE_NAME)}),
]
Measure = Annotated[str, BeforeValidator(_measure), WithJsonSchema({"type": "string", "enum": list(MEASURES)})]
PromisedBy = Annotated[Side, BeforeValidator(values.read_side)]
Period = Literal["week", "month", "quarter", "year"]
Windows = Annotated[
    list[Annotated[str, BeforeValidator(times.read_window)]],
    BeforeValidator(times.one_or_list),
    WithJsonSchema({"anyOf": [_HOURS_SCHEMA, {"type": "array", "items": _HOURS_SCHEMA}]}),
]
Weekdays = Annotated[str, BeforeValidator(times.read_weekdays)]
Test = Annotated[Any, PlainValidator(charter_when.read_test), WithJsonSchema(_TEST_SCHEMA)]
When = dict[Name, Test]


class _Part(BaseModel):
    """A block of keys. A key of ours with nothing after it counts as left out."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_keys(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key not in cls.model_fields}


class Agreement(_Part):
    """One side's signature."""

    side: PromisedBy = Field(description="Which side signs.", examples=["sales"])
    by: Text = Field(description="Who signs for it: a name or a role.", examples=["Head of Sales"])
    on: Day = Field(description="The date of the signature.", examples=["2026-09-22"])


class Holidays(_Part):
    """Dates that differ from the week."""

    country: Text | None = Field(
        None, description="Public holidays of this country are closed (ISO 3166 code).", examples=["PL"]
    )
    subdivision: Text | None = Field(
        None, description="A region of the country with holidays of its own.", examples=["NY"]
    )
    closed: list[Day] = Field(default_factory=list, description="More closed dates; no window begins on them.")
    open: dict[Day, Windows] = Field(
        default_factory=dict, description="Hours of single dates, in place of that weekday's; stronger than closed."
    )


class CalendarPart(_Part):
    """When time counts."""

    timezone: Zone = Field(description="The zone whose wall clock the hours mean.", examples=["Europe/Warsaw"])
    hours: dict[Weekdays, Windows] = Field(
        description="Hours by weekday or range of weekdays; an end not after its start lies on the next day.",
        examples=['{mon-fri: "09:00-17:00"}'],
    )
    holidays: Holidays | None = Field(None, description="Dates that differ from the week.")
    day: DayLength | None = Field(None, description='What "1d" means here; a week is 5 of them.', examples=["8h"])


class Stalled(_Part):
    """When a handed-off lead without any event counts as stalled."""

    time: Duration = Field(description="Counted time without an event.", examples=["3d"])
    calendar: Text = Field(description="The calendar that counts it.", examples=["office"])


class TriggerPart(_Part):
    """An event that plays a role for a clock."""

    type: EventName = Field(description="The event's type.", examples=["lead.touched"])
    when: When = Field(default_factory=dict, description="What the event's data must be; all must hold.")


def _spelled_out(value: object) -> object:
    return value if isinstance(value, dict) else {"type": value}


TriggerItem = Annotated[TriggerPart, BeforeValidator(_spelled_out)]


class TargetPart(_Part):
    """How long the clock may take, for the leads on which `when` holds."""

    when: When | None = Field(None, description="Attributes of the lead, all must hold; the last target has none.")
    within: Duration = Field(description="Counted time that the promise may take.", examples=["4h"])
    calendar: Text | None = Field(None, description="Another calendar than the clock's.", examples=["office"])


class EscalationPart(_Part):
    """Whom to tell, and when."""

    at: EscalationShare = Field(description="The share of the target that has passed.", examples=["150%"])
    to: Text = Field(description="Who is told.", examples=["sales-leads"])


class ClockPart(_Part):
    """One timed promise of one side to the other."""

    says: Text | None = Field(None, description="The promise in one sentence that both sides sign.")
    promised_by: PromisedBy = Field(description="The side that owes it.", examples=["sales"])
    starts_on: list[TriggerItem] = Field(
        min_length=1, description="Events that start it.", examples=["[lead.handed_off]"]
    )
    stops_on: list[TriggerItem] = Field(min_length=1, description="Events that keep it.", examples=["[lead.accepted]"])
    restarts_on: list[TriggerItem] = Field(default_factory=list, description="Events that end it and start it anew.")
    cancelled_by: list[TriggerItem] = Field(default_factory=list, description="Events after which it is not owed.")
    pausable: bool = Field(False, description="Whether lead.paused stops the count until lead.resumed.")
    calendar: Text | None = Field(None, description="The calendar that counts its time.", examples=["office"])
    targets: list[TargetPart] = Field(
        min_length=1,
        description="How long it may take: the first whose `when` holds; the last has no `when`.",
        examples=["[{within: 4h}]"],
    )
    at_risk: AtRisk = Field(Decimal("0.75"), description="The share of the target from which it is at risk.")
    escalate: list[EscalationPart] = Field(
        default_factory=list, description="Whom to tell, and when, in ascending order."
    )
    objective: Objective | None = Field(None, description="How often the promise is to be kept.")
    settle: Wait = Field("0s", description="How long to wait after the due time before anyone is alerted.")


class Commitment(_Part):
    """What one side promises over a period."""

    promised_by: PromisedBy = Field(description="The side that owes it.", examples=["marketing"])
    measure: Measure = Field(description="What is counted.", examples=["handoffs"])
    attainment: Text | None = Field(None, description="The clock, where the measure is attainment.")
    per: Period = Field(description="The period it is counted over.", examples=["month"])
    at_least: Quantity = Field(description="How much, at least.", examples=["400"])
    fields: list[Text] = Field(
        default_factory=list, description="For completeness: what must be known of a lead at its handoff."
    )

    @model_validator(mode="before")
    @classmethod
    def _measure_of_a_clock(cls, data: object) -> object:
        return spell_out_attainment(data)


class Goal(_Part):
    """What both sides work for."""

    name: Name = Field(description="A short name.", examples=["new-revenue"])
    says: Text | None = Field(None, description="The goal in words.")
    measure: Measure = Field(description="What is counted.", examples=["won_amount"])
    attainment: Text | None = Field(None, description="The clock, where the measure is attainment.")
    where: When = Field(default_factory=dict, description="Which of it counts; all must hold.")
    currency: Annotated[str, BeforeValidator(values.read_currency)] | None = Field(
        None, description="The currency of won_amount; amounts in others do not count.", examples=["PLN"]
    )
    per: Period = Field(description="The period it is counted over.", examples=["quarter"])
    target: Quantity = Field(description="How much.", examples=["1200000"])
    targets: dict[Month, Part] = Field(
        default_factory=dict,
        description="What of the target is to be reached in each month of one quarter or year; else evenly.",
        examples=["{2026-10: 300000, 2026-11: 400000, 2026-12: 500000}"],
    )
    contributes: dict[Name, Text] = Field(
        default_factory=dict,
        description="What each side gives to it: a number of something that is counted, or words.",
        examples=["{marketing: 600 handoffs, sales: 90 won}"],
    )
    parent: Text | None = Field(None, description="The goal that this one serves.")

    @model_validator(mode="before")
    @classmethod
    def _measure_of_a_clock(cls, data: object) -> object:
        return spell_out_attainment(data)


class Reason(_Part):
    """Why a lead may be rejected."""

    means: Text = Field(description="What the reason means.", examples=["Not our kind of customer"])
    action: Text | None = Field(None, description="What marketing does about it.")


class Ceremony(_Part):
    """An occasion on which both teams meet."""

    every: Period = Field(description="How often.", examples=["quarter"])


class ClientTeam(_Part):
    """People of several departments who look after the same accounts."""

    accounts: list[Text] = Field(min_length=1, description="The accounts.", examples=["[ACME, Globex]"])
    members: dict[Name, list[Text]] = Field(default_factory=dict, description="Who is in it, by department.")
    alerts: Text | None = Field(None, description="Where its alerts go.")


class Principle(_Part):
    """A way of working together."""

    evidence: Text = Field(
        description="The measure that shows it, or how it is talked about.", examples=["feedback_rate"]
    )


class CharterDocument(_Part):
    """The agreement between marketing and sales."""

    charter: Literal[1] = Field(description="The format of this file.", examples=["1"])
    version: Name = Field(description="The name of this version; each has another.", examples=["2026-Q4"])
    effective_from: Moment = Field(
        description="From when it judges, with the offset from UTC.", examples=["2026-10-01T00:00:00+02:00"]
    )
    agreed: list[Agreement] = Field(
        default_factory=list, description="The signatures; without both sides the charter is a draft."
    )
    calendars: dict[Name, CalendarPart] = Field(
        min_length=1, description="When time counts; periods follow the first one's zone."
    )
    stalled_after: Stalled | None = Field(None, description="When a lead without any event counts as stalled.")
    labels: dict[Name, list[Label]] = Field(
        default_factory=dict, description="The values that metrics and filters may show; others count as `other`."
    )
    clocks: dict[ClockName, ClockPart] = Field(description="The timed promises.")
    commitments: dict[Name, Commitment] = Field(default_factory=dict, description="Promises over a period.")
    reasons: dict[Name, Reason] = Field(default_factory=dict, description="Why a lead may be rejected.")
    goals: list[Goal] = Field(default_factory=list, description="What both sides work for.")
    ceremonies: dict[Name, Ceremony] = Field(default_factory=dict, description="When both teams meet.")
    client_teams: dict[Name, ClientTeam] = Field(default_factory=dict, description="Teams around single accounts.")
    strategy: Text | None = Field(None, description="Two to three sentences that every goal serves.")
    principles: dict[Name, Principle] = Field(default_factory=dict, description="Ways of working together.")
    glossary: dict[Name, Text] = Field(default_factory=dict, description="What words mean under this charter.")


def spell_out_attainment(data: object) -> object:
    """`attainment: accept` beside or in place of `measure`, spelled as `measure: attainment, attainment: accept`."""
    if not isinstance(data, dict):
        return data
    measure = data.get("measure")
    if isinstance(measure, dict) and list(measure) == ["attainment"]:
        return {**data, "measure": "attainment", "attainment": measure["attainment"]}
    if isinstance(measure, str) and measure.startswith("attainment:"):
        return {**data, "measure": "attainment", "attainment": measure.partition(":")[2].strip()}
    if measure is None and data.get("attainment") is not None:
        return {**data, "measure": "attainment"}
    return data


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a charter file, for editors."""
    schema = CharterDocument.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "Baton charter",
    }
