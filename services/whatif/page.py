"""The comparison as one self-contained HTML page for screen and print: numbers in tables, and bars of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from services.domain.clocks import Status
from services.domain.instants import format_instant
from services.replay.history import History
from services.replay.judge import percentile
from services.whatif import bars, words
from services.whatif.alerts import KINDS, week_name, weeks_between
from services.whatif.bars import Chart, Pair
from services.whatif.compare import ClockOutcome, Comparison
from services.whatif.report import SHARES, WEEKDAYS, Changes, alerts_by_week

CHANGES_SHOWN = 20
_WEEKS_DRAWN = 60

Numbers = Sequence[tuple[str, int, int]]
"""What is counted, under A and under B."""


@dataclass(frozen=True, slots=True)
class Names:
    """What A and B are called: their versions, and where they lie."""

    a: str
    b: str


@dataclass(frozen=True, slots=True)
class _Row:
    """One clock under one charter; the texts are missing where that charter lacks it."""

    side: str
    owed_by: str = ""
    promise: Sequence[str] = ()
    is_reached: bool | None = None
    numbers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class _Counted:
    """A chart of alerts with its table."""

    title: str
    says: str
    column: str
    chart: Chart
    numbers: Numbers


def as_html(names: Names, history: History, comparison: Comparison, changes: Changes) -> str:
    """The page. Nothing in it comes from elsewhere, and no script is in it."""
    return _template().render(
        names=names,
        history=history,
        comparison=comparison,
        as_of=format_instant(comparison.as_of),
        started=[sum(clock.tally.started for clock in each.clocks.values()) for each in (comparison.a, comparison.b)],
        objectives=[_objectives(each.clocks.values()) for each in (comparison.a, comparison.b)],
        attainment=_attainment(comparison),
        clocks={name: _rows(comparison, name) for name in comparison.clocks},
        kinds=[
            *((_word(kind), comparison.a.alerts.kinds[kind], comparison.b.alerts.kinds[kind]) for kind in KINDS),
            ("all", comparison.a.alerts.total, comparison.b.alerts.total),
        ],
        counted=_counted(comparison),
        changes=changes,
        shown=changes.kept[:CHANGES_SHOWN],
        words=words,
    )


def _objectives(clocks: Iterable[ClockOutcome]) -> tuple[int, int]:
    """How many objectives were reached, of how many there were something to judge by."""
    judged = [clock.is_reached for clock in clocks if clock.is_reached is not None]
    return sum(judged), len(judged)


def _attainment(comparison: Comparison) -> Chart:
    def note(clock: ClockOutcome | None) -> str:
        if clock is None:
            return "is without it"
        return "nothing to judge" if clock.tally.attainment is None else words.percent(clock.tally.attainment)

    pairs = []
    for name in comparison.clocks:
        a, b = comparison.a.clocks.get(name), comparison.b.clocks.get(name)
        values = (a.tally.attainment if a else None, b.tally.attainment if b else None)
        marks = (_objective(a), _objective(b))
        pairs.append(Pair(name, values, (note(a), note(b)), marks))
    return bars.lying("Share of each promise kept under A and under B, and the objectives", pairs)


def _objective(clock: ClockOutcome | None) -> float | None:
    return None if clock is None or clock.objective is None else float(clock.objective)


def _rows(comparison: Comparison, name: str) -> Sequence[_Row]:
    sides = (("A", comparison.a.clocks.get(name)), ("B", comparison.b.clocks.get(name)))
    return [_row(side, clock) if clock else _Row(side) for side, clock in sides]


def _row(side: str, clock: ClockOutcome) -> _Row:
    counts = clock.tally.by_status
    open_ = counts[Status.RUNNING] + counts[Status.AT_RISK] + counts[Status.PAUSED]
    numbers = (
        clock.tally.started,
        *(counts[status] for status in (Status.MET, Status.MISSED, Status.OVERDUE)),
        open_,
        counts[Status.CANCELLED],
    )
    seconds = sorted(clock.tally.seconds)
    return _Row(
        side=side,
        owed_by=clock.tally.promised_by,
        promise=(
            ", ".join(words.targets(clock)),
            words.objective(clock.objective),
            words.percent(clock.tally.attainment),
            words.reached(clock),
            words.duration(clock.break_even()),
        ),
        is_reached=clock.is_reached,
        numbers=(
            *(f"{number:,}" for number in numbers),
            *(words.duration(percentile(seconds, share)) for share in SHARES),
        ),
    )


def _counted(comparison: Comparison) -> Sequence[_Counted]:
    weeks = alerts_by_week(comparison)
    a, b = comparison.a.alerts, comparison.b.alerts
    drawn, left_out = _weeks_drawn(comparison)
    hours = [(f"{hour:02d}", *pair) for hour, pair in enumerate(zip(a.hours, b.hours, strict=True))]
    weekdays = list(zip(WEEKDAYS, a.weekdays, b.weekdays, strict=True))
    zone = f"Clock of {comparison.zone}."
    return [
        _Counted("Alerts per week", f"ISO weeks. {zone}{left_out}", "week", _chart("Alerts per week", drawn), weeks),
        _Counted("Alerts by weekday", zone, "weekday", _chart("Alerts by weekday", weekdays), weekdays),
        _Counted("Alerts by hour of the day", zone, "hour", _chart("Alerts by hour of the day", hours), hours),
    ]


def _weeks_drawn(comparison: Comparison) -> tuple[Numbers, str]:
    """The last weeks, those without an alert too, and what to say where earlier ones are left out."""
    a, b = comparison.a.alerts.weeks, comparison.b.alerts.weeks
    if not a and not b:
        return [], ""
    weeks = list(weeks_between(min(a.keys() | b.keys()), max(a.keys() | b.keys())))
    left_out = f" The last {_WEEKS_DRAWN} of {len(weeks):,} weeks are drawn." if len(weeks) > _WEEKS_DRAWN else ""
    return [(week_name(week), a[week], b[week]) for week in weeks[-_WEEKS_DRAWN:]], left_out


def _chart(title: str, numbers: Numbers) -> Chart:
    pairs = [Pair(label, (a, b), (f"{a:,}", f"{b:,}")) for label, a, b in numbers]
    return bars.upright(f"{title} under A and under B", pairs)


def _word(kind: str) -> str:
    return str(kind).replace("_", " ")


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("services.whatif"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("whatif.html")
