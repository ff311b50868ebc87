"""From records of the log to events: what is new, what is a duplicate, what cannot be used. Reads nothing itself."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import ValidationError

from schemas.dead_letters import DeadLetter
from services import metric_table as metrics
from services import samples
from services.domain.charter import OTHER, Charter
from services.domain.events import WIRE_NAMES, Event, EventType
from services.domain.fold import preferred
from services.domain.instants import Instant
from services.errors import BadEvent
from services.ports import DEAD_LETTERS, LogRecord
from services.storage import Changes, CounterKey, DeadLetterRow, EventRow, stream_of
from services.translate import NUL, from_json

Identity = tuple[str, str, str]
"""Stream, source and id: what makes two events the same."""

CEREMONY_PREFIX = "ceremony:"
_MERGED = EventType.LEAD_MERGED.wire.encode()
_DOOR = re.compile(r"[a-z0-9][a-z0-9_.-]{0,49}", re.ASCII)
_MOST_ID = 500
"""As of events; ours are 64 characters."""

_FEEDBACK_FIELDS: Mapping[EventType, str] = {
    EventType.FEEDBACK_GIVEN: "verdict",
    EventType.FEEDBACK_ANSWERED: "answer",
    EventType.FEEDBACK_SETTLED: "outcome",
}


@dataclass(slots=True)
class Intake:
    """The events of a batch, each once; and where two differ under one identity, that it is so."""

    rows: dict[Identity, EventRow] = field(default_factory=dict)
    conflicts: set[Identity] = field(default_factory=set)
    """Identities that came with another content before: what is stored is replaced, and the lead judged anew."""
    duplicates: int = 0


def identity_of(event: Event) -> Identity:
    """What makes the event the same as another."""
    return stream_of(event), event.source, event.id


def decode(
    records: Iterable[LogRecord], *, most_ahead: int, changes: Changes, doors: Collection[str] | None = None
) -> list[EventRow]:
    """The events of the records. What cannot be used becomes a dead letter.

    `doors` are the names of those through which something may come; another, which a foreign producer may have
    written, is `other`. Left out, any name will do that looks like one.

    That is what is unreadable, and what is said to happen more than `most_ahead` microseconds after it was appended:
    so the same records give the same events, whenever they are read.
    """
    rows = []
    for record in records:
        crm = _door(record.headers.get("crm", OTHER), doors)
        try:
            if record.topic == DEAD_LETTERS:
                changes.dead_letters.append(_dead_letter(record, doors))
                continue
            event = from_json(record.value)
            if event.time > record.appended_at + most_ahead:
                raise BadEvent("too_far_ahead", "its time lies further ahead than clocks may differ")
        except BadEvent as error:
            # Its place in the log is its id: read again, it is the same dead letter.
            letter = f"{record.topic}/{record.partition}/{record.offset}"
            changes.dead_letters.append(
                DeadLetterRow(letter, crm, error.reason, _storable(str(error)), record.appended_at, record.value)
            )
        else:
            rows.append(EventRow(event, crm, record.appended_at))
            changes.heard[crm] = max(record.appended_at, changes.heard.get(crm, 0))
    for letter_row in changes.dead_letters:
        samples.add(changes.counters, samples.sample(metrics.DEAD_LETTERS_TOTAL, reason=letter_row.reason))
    return rows


def survivor_of(value: bytes) -> str | None:
    """The lead into which a record has another one merged, where it is of that; nothing else is looked at closely."""
    if _MERGED not in value:
        return None
    try:
        event = from_json(value)
    except BadEvent:
        return None
    return str(event.data["into"]) if event.type == EventType.LEAD_MERGED else None


def sift(rows: Sequence[EventRow], stored: Mapping[Identity, Event], changes: Changes) -> Intake:
    """Keep what is new. Of two events under one identity the preferred one stays, whichever came first."""
    intake = Intake()
    for row in rows:
        identity = identity_of(row.event)
        other = intake.rows[identity].event if identity in intake.rows else stored.get(identity)
        if other is None:
            intake.rows[identity] = row
            _count(row, "used", changes.counters)
            continue
        _count(row, "duplicate", changes.counters)
        if other != row.event and preferred(other, row.event) is row.event:
            intake.rows[identity] = row
            intake.conflicts.add(identity)
    return intake


def count_delay(row: EventRow, now: Instant, counters: dict[CounterKey, int]) -> None:
    """Observe how long it took from the CRM's time to use, or how far that time was ahead of ours.

    Two histograms: Prometheus has no sum for one that goes below zero.
    """
    delay = now - row.event.time
    metric = metrics.EVENT_DELAY_SECONDS if delay >= 0 else metrics.EVENT_AHEAD_SECONDS
    samples.observe(counters, samples.sample(metric, crm=row.crm), abs(delay), metric.buckets)


def count_feedback(event: Event, source: object, charter: Charter, counters: dict[CounterKey, int]) -> None:
    """Count what one team said to the other."""
    if event.type == EventType.LEAD_REJECTED:
        kind = "rejected"
    elif event.type in _FEEDBACK_FIELDS:
        kind = str(event.data.get(_FEEDBACK_FIELDS[event.type]))
    else:
        return
    key = samples.sample(
        metrics.FEEDBACK_TOTAL,
        kind=kind,
        reason=charter.label("reason", event.data.get("reason")),
        source=charter.label("source", source),
    )
    samples.add(counters, key)


def _count(row: EventRow, outcome: str, counters: dict[CounterKey, int]) -> None:
    key = samples.sample(metrics.EVENTS_TOTAL, crm=row.crm, type=WIRE_NAMES[row.event.type], outcome=outcome)
    samples.add(counters, key)


def _dead_letter(record: LogRecord, doors: Collection[str] | None) -> DeadLetterRow:
    try:
        letter = DeadLetter.model_validate_json(record.value)
    except ValidationError:
        raise BadEvent("unreadable", "a record of the dead letters that is none") from None
    if NUL in letter.id or len(letter.id) > _MOST_ID:
        raise BadEvent(
            "unreadable", f"a record of the dead letters whose id has U+0000, or more than {_MOST_ID} characters"
        )
    detail = _storable(letter.detail)
    return DeadLetterRow(letter.id, _door(letter.crm, doors), letter.reason, detail, record.appended_at, letter.body)


def _door(name: str, doors: Collection[str] | None) -> str:
    """The door through which it came. It is a label, and a foreign producer may have written anything."""
    return name if _DOOR.fullmatch(name) and (doors is None or name in doors) else OTHER


def _storable(text: str) -> str:
    """What is wrong with something; it may quote it, and must not keep the batch from being committed."""
    return text.replace(NUL, "\N{REPLACEMENT CHARACTER}")
