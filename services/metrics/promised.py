"""Reads goals, commitments and the collaboration index for a scrape, worked out anew each time: exact.

Every goal and commitment of the charter has its series from the start. A ratio of nothing is no number, and says so.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services import metric_table as table
from services.domain.charter import Charters
from services.measures.book import Book
from services.measures.standing import Standing
from services.metrics.collector import gauge
from services.ports import WallClock

Values = Mapping[tuple[str, ...], Standing]


class PromiseCollector(Collector):
    """Collects how the goals and commitments of the charter in force stand, each in its present period."""

    def __init__(self, *, book: Book, charters: Callable[[], Charters], clock: WallClock) -> None:
        self._book = book
        self._charters = charters
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        """All metrics, read now."""
        figures = self._book.figures(self._charters(), self._clock.now())
        goals: Values = {(goal.name, str(goal.per)): standing for goal, standing in figures.goals}
        yield _gauge(table.GOAL_PROGRESS_RATIO, goals, lambda each: each.progress)
        yield _gauge(table.GOAL_PACE_RATIO, goals, lambda each: each.pace)
        yield _gauge(table.GOAL_DUE_RATIO, goals, lambda each: each.due)
        yield _gauge(table.GOAL_COUNTED, goals, lambda each: each.figure.number)
        promised: Values = {
            (each.commitment.name, str(each.commitment.promised_by), str(each.commitment.per)): each.standing
            for each in figures.commitments
        }
        without_per: Values = {labels[:2]: standing for labels, standing in promised.items()}
        yield _gauge(table.COMMITMENT_RATIO, without_per, lambda each: each.progress)
        yield _gauge(table.COMMITMENT_PACE_RATIO, promised, lambda each: each.pace)
        yield _gauge(table.COMMITMENT_DUE_RATIO, promised, lambda each: each.due)
        yield _gauge(table.COMMITMENT_COUNTED, promised, lambda each: each.figure.number)
        yield gauge(table.COLLABORATION_INDEX, {(): _number(figures.index.value)})


def _gauge(metric: table.Metric, values: Values, read: Callable[[Standing], Fraction | int | None]) -> Metric:
    return gauge(metric, {labels: _number(read(standing)) for labels, standing in values.items()})


def _number(value: Fraction | int | None) -> float:
    return float("nan") if value is None else float(value)
