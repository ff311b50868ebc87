"""A lead's state as plain values that JSON can hold, and back. What has ended is left out: the store has it."""

from collections.abc import Mapping
from typing import Any

from services.domain.charter import Charters
from services.domain.clocks import Instance, Kind, Passage, Pause
from services.domain.events import EventType, Order
from services.domain.fold import Lead
from services.domain.handoffs import Handoff
from services.domain.occurrences import Deal, Dispute, Occurrences
from services.domain.silences import HANDOFF
from services.domain.telling import Told

ToldByInstance = dict[tuple[str, int], Told]
"""What was told of each instance, by clock and number; of a handoff by `HANDOFF` and its number."""


class UnknownCharter(LookupError):
    """A state was judged by a charter version, or a clock of it, that is not among the charters now."""


def freeze(lead: Lead, told: ToldByInstance) -> dict[str, Any]:
    """The state, with its open handoff and instances and what was told of these."""
    return {
        "attributes": dict(lead.attributes),
        "paused_at": lead.paused_at,
        "erased_at": lead.erased_at,
        "merged_into": lead.merged_into,
        "last": tuple(lead.last) if lead.last is not None else None,
        "handoff": _freeze_handoff(lead.handoff, told) if lead.handoff is not None else None,
        "handoffs_opened": lead.handoffs_opened,
        "started": dict(lead.started),
        "occurrences": _freeze_occurrences(lead.occurrences),
        "open": [
            _freeze_instance(instance, told.get((instance.clock.name, instance.number), Told()))
            for instance in lead.open.values()
        ],
    }


def knows_stalls(state: Mapping[str, Any]) -> bool:
    """Whether it was frozen by a version that noted stalls; else it is to be folded anew."""
    return state["handoff"] is None or "stalls" in state["handoff"]


def thaw(key: str, state: Mapping[str, Any], charters: Charters) -> tuple[Lead, ToldByInstance]:
    """The state of the lead `key` and what was told of its open instances. Raises UnknownCharter."""
    lead = Lead(
        key=key,
        attributes=state["attributes"],
        paused_at=state["paused_at"],
        erased_at=state["erased_at"],
        merged_into=state["merged_into"],
        last=_order(state["last"]),
        handoffs_opened=state["handoffs_opened"],
        started=dict(state["started"]),
        occurrences=_thaw_occurrences(state["occurrences"]),
    )
    told: ToldByInstance = {}
    if state["handoff"] is not None:
        lead.handoff = _thaw_handoff(state["handoff"], told)
        lead.handoffs.append(lead.handoff)
    for frozen in state["open"]:
        instance = _thaw_instance(frozen, charters)
        lead.open[instance.clock.name] = instance
        lead.instances.append(instance)
        told[instance.clock.name, instance.number] = Told(set(frozen["ever"]), set(frozen["standing"]))
    return lead, told


def _freeze_handoff(handoff: Handoff, told: ToldByInstance) -> dict[str, Any]:
    mine = told.get((HANDOFF, handoff.number), Told())
    return {
        "number": handoff.number,
        "opened_at": handoff.opened_at,
        "attributes": dict(handoff.attributes),
        "accepted_at": handoff.accepted_at,
        "touched_at": handoff.touched_at,
        "qualified_at": handoff.qualified_at,
        "opportunity_at": handoff.opportunity_at,
        "reason": handoff.reason,
        "verdict": handoff.verdict,
        "open_deals": sorted(handoff.open_deals),
        "stalls": [(stall.level, stall.at) for stall in handoff.stalls],
        "ever": sorted(mine.ever),
        "standing": sorted(mine.standing),
    }


def _thaw_handoff(frozen: Mapping[str, Any], told: ToldByInstance) -> Handoff:
    fields = dict(frozen)
    mine = Told(set(fields.pop("ever")), set(fields.pop("standing")))
    if mine.ever:
        told[HANDOFF, fields["number"]] = mine
    fields["open_deals"] = set(fields["open_deals"])
    fields["stalls"] = [Passage(Kind.STALLED, since, at) for since, at in fields["stalls"]]
    return Handoff(**fields)


def _freeze_occurrences(occurred: Occurrences) -> dict[str, Any]:
    """What there is of them: most leads have neither deals nor disputes, and many no conversation yet."""
    parts = {
        "conversations": occurred.conversations_held,
        "disputes": occurred.disputes_begun,
        "open_disputes": [(*each[:-1], dict(each.attributes)) for each in occurred.open_disputes],
        "deals": {
            name: (deal.amount, deal.currency, deal.new_customer, deal.stage, deal.won_at)
            for name, deal in occurred.deals.items()
        },
    }
    return {name: part for name, part in parts.items() if part}


def _thaw_occurrences(frozen: Mapping[str, Any]) -> Occurrences:
    return Occurrences(
        conversations_held=frozen.get("conversations", 0),
        disputes_begun=frozen.get("disputes", 0),
        open_disputes=[Dispute(*each) for each in frozen.get("open_disputes", ())],
        deals={name: Deal(*parts) for name, parts in frozen.get("deals", {}).items()},
    )


def _freeze_instance(instance: Instance, told: Told) -> dict[str, Any]:
    return {
        "charter": instance.charter.version,
        "clock": instance.clock.name,
        "number": instance.number,
        "started_at": instance.started_at,
        "started_by": tuple(instance.started_by),
        "target_number": instance.target_number,
        "team": instance.team,
        "priority": instance.priority,
        "due_at": instance.due_at,
        "carried_at": instance.carried_at,
        "pauses": [(pause.since, pause.until) for pause in instance.pauses],
        "ever": sorted(told.ever),
        "standing": sorted(told.standing),
    }


def _thaw_instance(frozen: Mapping[str, Any], charters: Charters) -> Instance:
    charter = charters.by_version.get(frozen["charter"])
    clock = charter.clocks.get(frozen["clock"]) if charter is not None else None
    started_by = _order(frozen["started_by"])
    if charter is None or clock is None or started_by is None:
        raise UnknownCharter(f"charter {frozen['charter']!r} with clock {frozen['clock']!r}")
    return Instance(
        charter=charter,
        clock=clock,
        number=frozen["number"],
        started_at=frozen["started_at"],
        started_by=started_by,
        target_number=frozen["target_number"],
        team=frozen["team"],
        priority=frozen["priority"],
        due_at=frozen["due_at"],
        carried_at=frozen["carried_at"],
        pauses=[Pause(since, until) for since, until in frozen["pauses"]],
    )


def _order(frozen: Any) -> Order | None:
    return Order(frozen[0], EventType(frozen[1]), frozen[2], frozen[3]) if frozen is not None else None
