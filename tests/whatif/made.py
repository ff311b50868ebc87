"""Small charters and histories to compare."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ALWAYS = "always: {timezone: UTC, hours: {mon-sun: '00:00-24:00'}, day: 24h}"
OFFICE = "office: {timezone: Europe/Warsaw, hours: {mon-fri: '09:00-17:00'}, day: 8h}"
TOUCH = """
  touch:
    promised_by: sales
    starts_on: [lead.handed_off]
    stops_on: [lead.touched]
    calendar: always
    targets: [{within: %s}]
    objective: 60%%"""
ANSWER = """
  answer:
    promised_by: marketing
    starts_on: [lead.rejected]
    stops_on: [feedback.answered]
    calendar: always
    targets: [{within: 1h}]"""
CALL: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}


def touch(within: str, *more: str) -> str:
    """The clock `touch`; `more` are further lines of it."""
    return TOUCH % within + "".join(f"\n    {line}" for line in more)


def charter(path: Path, *clocks: str, version: str = "1", calendars: str = ALWAYS, since: str = "2026-01-01") -> Path:
    """A charter file, not signed by anyone."""
    path.write_text(
        f"charter: 1\nversion: {version}\neffective_from: {since}T00:00:00Z\n"
        f"calendars:\n  {calendars}\nclocks:{''.join(clocks)}\n"
    )
    return path


def event(name: str, time: str, lead: str = "l1", **data: object) -> str:
    """A line of a history; `time` is one of 2 March 2026 (a Monday), UTC."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{name}{time}{lead}",
            "source": "/t",
            "type": name,
            "subject": lead,
            "time": f"2026-03-02T{time}Z",
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def history(folder: Path, lines: Iterable[str]) -> Path:
    """A history file."""
    path = folder / "history.jsonl"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


LEADS = [
    event("lead.handed_off", "09:00:00", "l1"),
    event("lead.touched", "09:20:00", "l1", **CALL),
    event("lead.handed_off", "09:00:00", "l2"),
    event("lead.touched", "09:50:00", "l2", **CALL),
    event("lead.handed_off", "09:30:00", "l3"),
    event("lead.touched", "11:00:00", "l3", **CALL),
    event("lead.handed_off", "10:40:00", "l4"),
]
"""Touched after 20, 50 and 90 minutes; one still open, 20 minutes old at the end."""
