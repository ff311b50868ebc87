"""What the peers share: tables of their own, and when an event can be judged without all that came before it."""

from typing import Any

from services.domain.events import Event, EventType
from services.domain.fold import Lead
from services.storage import ClockRow

CLOCK_FIELDS = (
    "lead",
    "clock",
    "number",
    "charter",
    "promised_by",
    "team_label",
    "priority_label",
    "target",
    "within",
    "calendar",
    "started_at",
    "started_by",
    "due_at",
    "at_risk_at",
    "paused",
    "ended_at",
    "ended_by",
    "status",
    "counted",
)
"""Of `ClockRow`: all of it."""
_KEYS = CLOCK_FIELDS[:3]

TABLES = """
CREATE TABLE events (
    source text, id text, lead text NOT NULL, time bigint NOT NULL, type smallint NOT NULL, data jsonb NOT NULL,
    PRIMARY KEY (source, id)
);
CREATE INDEX events_by_lead ON events (lead);
CREATE INDEX merges ON events (lead, (data ->> 'into')) WHERE type = 20;
CREATE INDEX merges_by_survivor ON events ((data ->> 'into')) WHERE type = 20;
CREATE TABLE leads (
    key text PRIMARY KEY, state jsonb NOT NULL, last_event_at bigint, handed_off_at bigint,
    owner text, team text, priority text, source text, account text
);
CREATE INDEX leads_handed_off ON leads (handed_off_at) WHERE handed_off_at IS NOT NULL;
CREATE TABLE clocks (
    lead text, clock text, number bigint, charter text, promised_by text, team_label text, priority_label text,
    target bigint, within bigint, calendar text, started_at bigint, started_by text, due_at bigint, at_risk_at bigint,
    paused boolean, ended_at bigint, ended_by text, status text, counted bigint,
    PRIMARY KEY (lead, clock, number)
);
CREATE INDEX clocks_open ON clocks (due_at) WHERE status IS NULL;
"""

_LEAD_COLUMNS = ["state", "last_event_at", "handed_off_at", "owner", "team", "priority", "source", "account"]
UPSERT_LEAD = (
    f"INSERT INTO leads (key, {', '.join(_LEAD_COLUMNS)}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
    f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _LEAD_COLUMNS)}"
)
UPSERT_CLOCK = (
    f"INSERT INTO clocks ({', '.join(CLOCK_FIELDS)}) VALUES ({', '.join(['%s'] * len(CLOCK_FIELDS))}) "
    f"ON CONFLICT ({', '.join(_KEYS)}) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in CLOCK_FIELDS if name not in _KEYS)
)
MERGED_WITH = """
WITH RECURSIVE linked (key) AS (
    SELECT %(lead)s::text
    UNION
    SELECT CASE WHEN merge.lead = linked.key THEN merge.data ->> 'into' ELSE merge.lead END
    FROM linked JOIN events merge ON merge.type = 20 AND (merge.lead = linked.key OR merge.data ->> 'into' = linked.key)
)
SELECT key FROM linked
"""


def is_next(lead: Lead, event: Event) -> bool:
    """Whether the event can be applied to the state as it is: it comes after all others, and is no merge."""
    if event.type == EventType.LEAD_MERGED or lead.merged_into is not None:
        return False
    return lead.last is None or event.order > lead.last


def listed(lead: Lead) -> tuple[Any, ...]:
    """What lists of leads ask for, in columns of its own."""
    return (
        lead.last.time if lead.last is not None else None,
        lead.handoff.opened_at if lead.handoff is not None else None,
        *(lead.attributes.get(name) for name in ("owner", "team", "priority", "source", "account")),
    )


def clock_values(row: ClockRow) -> tuple[Any, ...]:
    """A row of `clocks`."""
    return tuple(getattr(row, name) for name in CLOCK_FIELDS)


PLAIN_CLOCKS = """
CREATE TABLE clocks (
    lead text, clock text, number bigint, charter text, promised_by text, team_label text, priority_label text,
    target bigint, within bigint, calendar text, started_at bigint, started_by text, due_at bigint, at_risk_at bigint,
    paused boolean, ended_at bigint, ended_by text, status text, counted bigint, void boolean,
    PRIMARY KEY (lead, clock, number)
);
CREATE INDEX clocks_open ON clocks (due_at) WHERE status = '';
"""
"""Of Quix Streams. Its sink takes the columns of a batch from the first row, without those that are None there: so
none may be None, and what is to be NULL is -1 or empty. Nor can it delete: a row that is no more is `void`."""
_TEXTS = frozenset(
    {"charter", "promised_by", "team_label", "priority_label", "calendar", "started_by", "ended_by", "status"}
)


def plain_row(row: ClockRow) -> dict[str, Any]:
    """A row of `PLAIN_CLOCKS`."""
    values = {name: getattr(row, name) for name in CLOCK_FIELDS}
    return {**{name: _nothing(name) if value is None else value for name, value in values.items()}, "void": False}


def void_rows(before: Lead, after: Lead) -> list[dict[str, Any]]:
    """What takes back the rows of instances that a lead, judged anew, has no more."""
    return [
        {name: _nothing(name) for name in CLOCK_FIELDS}
        | {"lead": after.key, "clock": clock, "number": number, "paused": False, "void": True}
        for clock, count in before.started.items()
        for number in range(after.started.get(clock, 0) + 1, count + 1)
    ]


def _nothing(name: str) -> str | int:
    return "" if name in _TEXTS else -1
