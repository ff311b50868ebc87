"""What others read from the topics of leads and transitions. Instants are RFC 3339 in UTC.

Both topics are delivered at least once: a record that comes again is the same under the same key.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.api import Moment


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True)


class OpenClock(_Message):
    """A promise that is being timed. What it is now follows: overdue after `due_at`."""

    clock: str = Field(examples=["accept"])
    number: int = Field(description="Instances of a clock on a lead are numbered from 1.", examples=[1])
    charter: str = Field(description="The version of the charter that judges it.", examples=["2026-Q4"])
    promised_by: Literal["marketing", "sales"]
    started_at: Moment
    at_risk_at: Moment | None = Field(description="Null while it is paused before that.")
    due_at: Moment | None = Field(description="Null while it is paused before that.")
    paused: bool


class LeadMessage(_Message):
    """A lead as it is known now: the value in `baton.leads` under the lead's key."""

    lead: str = Field(examples=["hubspot:contact:151"])
    handoff: int | None = Field(description="The number of the open handoff.", examples=[1])
    handed_off_at: Moment | None
    last_event_at: Moment
    stalls_at: Moment | None = Field(description="When it counts as stalled unless something happens before.")
    owner: str | None = Field(examples=["jan.nowak"])
    team: str | None = Field(examples=["inbound"])
    priority: str | None = Field(examples=["hot"])
    source: str | None = Field(examples=["webinar"])
    account: str | None = Field(examples=["ACME"])
    clocks: list[OpenClock] = Field(description="Its open instances.")


class TransitionData(_Message):
    """What was told of an instance of a clock, or of a handoff."""

    lead: str = Field(examples=["hubspot:contact:151"])
    clock: str = Field(description="`handoff` where it was told of a handoff.", examples=["accept"])
    number: int = Field(description="Of the instance, or of the handoff.", examples=[1])
    transition: str = Field(description="What happened to it.", examples=["escalated"])
    level: int | None = Field(
        description="Of an escalation, its number in the charter; of a stall, when the silence began, in microseconds "
        "since 1970.",
        examples=[2],
    )
    promised_by: str | None = Field(
        description="Null of a handoff, and where late events have taken the instance away."
    )
    told_at: Moment
    standing: bool = Field(description="False once late events took it back: a correction tells so too.")
    before: str | None = Field(description="Of a correction: the verdict before it.", examples=["overdue"])
    after: str | None = Field(description="Of a correction: the verdict now.", examples=["met"])


class TransitionMessage(_Message):
    """A CloudEvents document: the value in `baton.transitions` under its `id`, in the order of the lead."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(description="LEAD/CLOCK/INSTANCE/TRANSITION[/LEVEL]", examples=["hubspot:contact:151/accept/1/met"])
    source: Literal["/baton"] = "/baton"
    type: str = Field(description="baton.clock.KIND, or baton.handoff.KIND.", examples=["baton.clock.met"])
    subject: str = Field(description="The lead's key.", examples=["hubspot:contact:151"])
    time: Moment = Field(description="When it happened.")
    datacontenttype: Literal["application/json"] = "application/json"
    data: TransitionData
