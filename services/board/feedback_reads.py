"""The API that reads feedback: figures of a period, and the lists behind them."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from schemas import feedback_figures as wire
from services.board.feedback_desk import Action, Dispute, FeedbackDesk, Figures
from services.board.feedback_figures import Lines, Rate
from services.board.shapes import clock_instance, lead_path
from services.board.times import Times
from services.domain.charter import Reason
from services.domain.instants import format_exact
from services.views import FactView

_REJECTIONS = "/api/v1/feedback/rejections"


class FeedbackReads:
    """The handlers; they are run in threads, as the views wait for the database."""

    def __init__(self, *, desk: FeedbackDesk) -> None:
        self._desk = desk

    def figures(self, query: Annotated[wire.FeedbackQuery, Query()]) -> wire.FeedbackDocument:
        """Rejections of a period by reason, source, campaign and segment, with intervals, and their trend."""
        times = self._desk.desk.times()
        return figures_document(self._desk.figures(query, times), query, times)

    def rejections(self, query: Annotated[wire.RejectionsQuery, Query()]) -> wire.RejectionPage:
        """The rejections behind a number, in their order in time."""
        times = self._desk.desk.times()
        found, following = self._desk.rejections(query, times)
        items = [wire.RejectionItem(**_item(each)) for each in found]
        return wire.RejectionPage(as_of=format_exact(times.now), items=items, next=following)

    def disputes(self, query: Annotated[wire.DisputesQuery, Query()]) -> wire.DisputePage:
        """Disputes that nobody has settled, the oldest first, each with its clock."""
        times = self._desk.desk.times()
        found, following = self._desk.disputes(query, times)
        items = [_dispute(each, times) for each in found]
        return wire.DisputePage(as_of=format_exact(times.now), items=items, next=following)

    def actions(self, query: Annotated[wire.ActionsQuery, Query()]) -> wire.ActionPage:
        """What marketing promised, and whether the rejection rate of that source fell after."""
        times = self._desk.desk.times()
        found, following = self._desk.actions(query, times)
        return wire.ActionPage(as_of=format_exact(times.now), items=[_action(each) for each in found], next=following)


def figures_document(seen: Figures, query: wire.FeedbackQuery, times: Times) -> wire.FeedbackDocument:
    """The figures."""
    filters = {"period": seen.period.key, **asked(query)}
    counted, means = seen.breakdowns, seen.meanings
    return wire.FeedbackDocument(
        as_of=format_exact(times.now),
        period=seen.period.key,
        since=format_exact(seen.period.since),
        until=format_exact(seen.period.until),
        total=_rate(counted.total),
        reasons=_reasons(counted.reasons, means),
        sources=_breakdown("source", counted.sources, means, filters),
        campaigns=_breakdown("campaign", counted.campaigns, means, filters),
        segments=_breakdown("segment", counted.segments, means, filters),
        trend=[wire.MonthItem(month=each.period.key, rate=_rate(each.rate)) for each in seen.trend],
        open_disputes=seen.open_disputes,
    )


def asked(query: wire.FeedbackQuery) -> dict[str, str]:
    """The filters of a query that ask something, but for those of its list."""
    return query.model_dump(exclude={"cursor", "limit"}, exclude_none=True)


def add_reading(
    router: APIRouter,
    desk: FeedbackDesk,
    *,
    refused: dict[int | str, dict[str, Any]],
) -> None:
    """Add the routes; `refused` describes the answers that any of them may give beside 200."""
    handlers = FeedbackReads(desk=desk)
    router.add_api_route("/feedback", handlers.figures, responses=refused)
    router.add_api_route("/feedback/rejections", handlers.rejections, responses=refused)
    router.add_api_route("/feedback/disputes", handlers.disputes, responses=refused)
    router.add_api_route("/feedback/actions", handlers.actions, responses=refused)


def _rate(rate: Rate) -> wire.RateItem:
    interval = rate.interval
    return wire.RateItem(
        accepted=rate.accepted, rejected=rate.rejected, rate=rate.share.value, low=interval.low, high=interval.high
    )


def _reasons(counts: Mapping[str | None, int], means: Mapping[str, Reason]) -> list[wire.ReasonItem]:
    return [
        wire.ReasonItem(
            reason=name, means=means[name].means if name is not None and name in means else None, count=count
        )
        for name, count in counts.items()
    ]


def _breakdown(attribute: str, lines: Lines, means: Mapping[str, Reason], filters: Mapping[str, str]) -> wire.Breakdown:
    items = []
    for line in lines.shown:
        # A list cannot be asked for what is not known of a lead; then it has those of all values.
        narrowed = {**filters, attribute: line.value} if line.value is not None else filters
        items.append(
            wire.BreakdownItem(
                value=line.value,
                rate=_rate(line.rate),
                reasons=_reasons(line.reasons, means),
                href=f"{_REJECTIONS}?{urlencode(narrowed)}",
            )
        )
    return wire.Breakdown(items=items, left_out=lines.left_out)


def _item(seen: FactView) -> dict[str, Any]:
    known = seen.fact.attributes
    return {
        "lead": seen.lead,
        "href": f"/api/v1/leads/{lead_path(seen.lead)}",
        "at": format_exact(seen.fact.at),
        "source": seen.fact.source,
        **{name: known.get(name) for name in ("campaign", "segment", "team", "reason")},
    }


def _dispute(dispute: Dispute, times: Times) -> wire.DisputeItem:
    clock = clock_instance(dispute.clock, times) if dispute.clock is not None else None
    return wire.DisputeItem(**_item(dispute.seen), quarter_ends=format_exact(dispute.quarter.until), clock=clock)


def _action(action: Action) -> wire.ActionItem:
    return wire.ActionItem(
        **_item(action.seen),
        action=action.seen.fact.attributes.get("action"),
        before=_rate(action.compared.before),
        after=_rate(action.compared.after),
        change=action.compared.change.value,
    )
