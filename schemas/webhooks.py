"""What Baton's own webhooks say: CloudEvents 1.0 in JSON, signed by Standard Webhooks. Instants are RFC 3339 in UTC."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.api import Moment

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class AlertData(_Part):
    """What is the matter with which lead."""

    lead: str = Field(examples=["hubspot:contact:151"])
    clock: str = Field(description="`handoff` where it is told of a handoff.", examples=["accept"])
    number: int = Field(
        description="Instances of a clock on a lead are numbered from 1, and so are its handoffs.", examples=[1]
    )
    transition: Literal["at_risk", "overdue", "escalated", "stalled", "corrected"]
    title: str = Field(examples=["Overdue: accept on hubspot:contact:151"])
    url: str = Field(description="The lead's page.")
    promised_by: str | None = Field(None, examples=["sales"])
    owner: str | None = Field(None, examples=["jan.nowak"])
    team: str | None = Field(None, examples=["inbound"])
    account: str | None = Field(None, examples=["ACME"])
    source: str | None = Field(None, examples=["webinar"])
    client_team: str | None = Field(None, description="Of the charter: who looks after the account.")
    to: str | None = Field(None, description="Of an escalation: whom the charter names.", examples=["sales-leads"])
    before: str | None = Field(None, description="Of a correction: the verdict that was told.", examples=["overdue"])
    after: str | None = Field(None, description="Of a correction: the verdict now.", examples=["met"])


class AlertEvent(_Part):
    """A CloudEvent about an alert. One that comes again has the same `id`."""

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(examples=["hubspot:contact:151/accept/1/overdue"])
    source: Literal["baton"] = "baton"
    type: Literal["baton.transition"] = "baton.transition"
    subject: str = Field(description="The lead.", examples=["hubspot:contact:151"])
    time: Moment = Field(description="When it came to be.")
    datacontenttype: Literal["application/json"] = "application/json"
    data: AlertData
