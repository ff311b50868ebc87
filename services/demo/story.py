"""What happens to the demo's leads, as webhooks with the instants at which the CRM sends them. Pure: a seeded
generator decides; the same seed tells the same day.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from services.demo.leads import DemoLead
from services.domain.instants import SECOND, Instant, format_exact

PORTAL = 33
_MINUTE = 60 * SECOND
_BETWEEN_LEADS = (3, 9)  # minutes
_OWNERS = tuple(f"rep-{number:02d}" for number in range(1, 9))
_REASONS = ("wrong_fit", "no_budget", "wrong_fit", "not_reachable")
_SUBSCRIPTIONS = {"contact.creation": 1, "contact.propertyChange": 2, "deal.creation": 3, "deal.propertyChange": 4}
_ASSOCIATION = 5
_FIRST_CONTACT = 1001
_FIRST_DEAL = 500_001

Notification = dict[str, object]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook: when it is sent, through which door, and what it says."""

    at: Instant
    crm: str
    items: Sequence[Notification]


class Story:
    """Tells the life of one lead after the other."""

    def __init__(self, leads: Sequence[DemoLead], start: Instant, seed: int = 7) -> None:
        """`start` is the instant at which the first lead is captured."""
        self._leads = leads
        self._now = start
        self._rng = random.Random(seed)  # noqa: S311 - nothing here is a secret
        self._ids = itertools.count(1)

    def lives(self) -> Iterator[tuple[Instant, list[Delivery]]]:
        """For each lead the instant of its capture, and all deliveries about it. They are not in order of time."""
        for number, lead in enumerate(self._leads):
            yield self._now, list(self._life(_FIRST_CONTACT + number, _FIRST_DEAL + number, lead))
            self._now += self._minutes(*_BETWEEN_LEADS)

    def _life(self, contact: int, deal: int, lead: DemoLead) -> Iterator[Delivery]:
        captured = self._now
        yield self._captured(contact, captured, lead)
        handed = captured + self._minutes(2, 20 if self._chance(0.85) else 60)
        yield self._handed_off(contact, handed, lead)
        fate = self._rng.choices(
            ("worked", "won", "rejected", "late", "told_late", "forgotten"),
            (38, 12 if lead.is_won else 6, 14, 12, 14, 10),
        )[0]
        if lead.is_won:
            fate = "won"
        yield from getattr(self, f"_{fate}")(contact, deal, handed, lead)

    def _worked(self, contact: int, _deal: int, handed: Instant, _lead: DemoLead) -> Iterator[Delivery]:
        accepted = handed + self._minutes(3, 30)
        yield self._status(contact, accepted, "IN_PROGRESS")
        yield self._touch(contact, accepted + self._minutes(5, 70))

    def _won(self, contact: int, deal: int, handed: Instant, lead: DemoLead) -> Iterator[Delivery]:
        accepted = handed + self._minutes(2, 25)
        yield self._status(contact, accepted, "IN_PROGRESS")
        touched = accepted + self._minutes(5, 40)
        yield self._touch(contact, touched)
        opened = touched + self._minutes(20, 60)
        yield self._deal_opened(contact, deal, opened, lead)
        yield self._deal_stage(deal, opened + self._minutes(30, 120), "closedwon")

    def _rejected(self, contact: int, _deal: int, handed: Instant, _lead: DemoLead) -> Iterator[Delivery]:
        rejected = handed + self._minutes(5, 50)
        reason = self._rng.choice(_REASONS)
        yield self._hubspot(rejected, [self._property(contact, rejected, "baton_rejection_reason", reason)])
        if self._chance(0.7):
            yield self._answer(contact, rejected + self._minutes(20, 150))

    def _late(self, contact: int, _deal: int, handed: Instant, _lead: DemoLead) -> Iterator[Delivery]:
        accepted = handed + self._minutes(70, 110)
        yield self._status(contact, accepted, "OPEN")
        yield self._touch(contact, accepted + self._minutes(60, 150))

    def _told_late(self, contact: int, _deal: int, handed: Instant, _lead: DemoLead) -> Iterator[Delivery]:
        # Accepted and called in time, but the CRM is slow to say so: the verdict has to be corrected.
        accepted = handed + self._minutes(3, 12)
        late = self._minutes(65, 100)
        yield Delivery(accepted + late, "hubspot", [self._property(contact, accepted, "hs_lead_status", "OPEN")])
        yield self._touch(contact, accepted + self._minutes(10, 40))

    def _forgotten(self, _contact: int, _deal: int, _handed: Instant, _lead: DemoLead) -> Iterator[Delivery]:
        yield from ()

    def _captured(self, contact: int, at: Instant, lead: DemoLead) -> Delivery:
        items = [
            self._item("contact.creation", contact, at),
            self._property(contact, at, "hs_analytics_source", lead.source),
            self._property(contact, at, "campaign", lead.campaign),
            self._property(contact, at, "priority", self._rng.choices(("hot", "warm", "cold"), (2, 5, 3))[0]),
            self._property(contact, at, "hubspot_team_id", self._rng.choices(("inbound", "enterprise"), (3, 1))[0]),
        ]
        if lead.segment is not None:
            items.append(self._property(contact, at, "segment", lead.segment))
        return self._hubspot(at, items)

    def _handed_off(self, contact: int, at: Instant, _lead: DemoLead) -> Delivery:
        return self._hubspot(
            at,
            [
                self._property(contact, at, "lifecyclestage", "marketingqualifiedlead"),
                self._property(contact, at, "hubspot_owner_id", self._rng.choice(_OWNERS)),
            ],
        )

    def _status(self, contact: int, at: Instant, status: str) -> Delivery:
        return self._hubspot(at, [self._property(contact, at, "hs_lead_status", status)])

    def _touch(self, contact: int, at: Instant) -> Delivery:
        value = format_exact(at // SECOND * SECOND)
        return self._hubspot(at, [self._property(contact, at, "notes_last_contacted", value)])

    def _deal_opened(self, contact: int, deal: int, at: Instant, _lead: DemoLead) -> Delivery:
        association: Notification = {
            **self._item("contact.associationChange", contact, at),
            "subscriptionId": _ASSOCIATION,
            "associationType": "CONTACT_TO_DEAL",
            "fromObjectId": contact,
            "toObjectId": deal,
            "associationRemoved": False,
            "isPrimaryAssociation": True,
        }
        return self._hubspot(at, [self._item("deal.creation", deal, at), association])

    def _deal_stage(self, deal: int, at: Instant, stage: str) -> Delivery:
        amount = str(self._rng.randrange(2_000, 60_000, 500))
        items = [
            self._property(deal, at, name, value, "deal") for name, value in (("amount", amount), ("dealstage", stage))
        ]
        return self._hubspot(at, items)

    def _answer(self, contact: int, at: Instant) -> Delivery:
        """Marketing answers in a tool of its own, which sends CloudEvents."""
        answer = self._rng.choices(("agreed", "disputed"), (3, 1))[0]
        event: Notification = {
            "specversion": "1.0",
            "id": f"answer-{next(self._ids)}",
            "source": "/marketing/desk",
            "type": "feedback.answered",
            "subject": f"hubspot:contact:{contact}",
            "time": format_exact(at),
            "datacontenttype": "application/json",
            "data": {"answer": answer, **({"action": "Tighten the audience"} if answer == "agreed" else {})},
        }
        return Delivery(at, "cloudevents", [event])

    def _hubspot(self, at: Instant, items: Sequence[Notification]) -> Delivery:
        # HubSpot takes a moment to send.
        return Delivery(at + self._rng.randrange(1, 20) * SECOND, "hubspot", items)

    def _property(self, target: int, at: Instant, name: str, value: str, kind: str = "contact") -> Notification:
        return {**self._item(f"{kind}.propertyChange", target, at), "propertyName": name, "propertyValue": value}

    def _item(self, kind: str, target: int, at: Instant) -> Notification:
        return {
            "eventId": next(self._ids),
            "subscriptionId": _SUBSCRIPTIONS.get(kind, 0),
            "portalId": PORTAL,
            "appId": 1,
            "occurredAt": at // 1000,
            "subscriptionType": kind,
            "attemptNumber": 0,
            "objectId": target,
            "changeSource": "CRM",
        }

    def _minutes(self, fewest: int, most: int) -> int:
        return self._rng.randrange(fewest * 60, most * 60) * SECOND

    def _chance(self, share: float) -> bool:
        return self._rng.random() < share
