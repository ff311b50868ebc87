"""Expressions over Baton's own metrics. A metric or a label that there is not is a fault when a dashboard is made.

What the database knows, every copy of the board tells alike: its copies are put together by `max`. What a process
counts itself is added up over the processes.
"""

import json
from collections.abc import Iterable

from services.metric_table import Metric, Shape

RATE = "$__rate_interval"
"""For rates: Grafana makes it four scrapes long at least."""
RANGE = "$__range"
"""The time range that the dashboard shows."""
WINDOW = "$window"
"""What the viewer chooses, for counts along a time axis."""
OF_TARGET = ("job", "instance")
"""The labels that Prometheus gives to all that it reads from one process."""
_JOB = 'job=~"$job"'


def is_(value: str) -> str:
    """A label that is exactly this."""
    # Grafana would take a dollar for one of its variables, and PromQL knows it by its number too.
    return "=" + json.dumps(value, ensure_ascii=False).replace("$", "\\x24")


def is_not(value: str) -> str:
    """A label that is anything but this."""
    return "!" + is_(value)


def one_of(values: Iterable[str]) -> str:
    """A label that is one of these plain words."""
    return f'=~"{"|".join(values)}"'


def chosen(variable: str) -> str:
    """A label that is one of those chosen in a variable of the dashboard."""
    return f'=~"${variable}"'


def now(metric: Metric, by: Iterable[str] = (), **where: str) -> str:
    """What a gauge of the database is, added up but for the labels `by`."""
    return _summed(_gathered("max", metric.labels, _selected(metric, where)), metric, by)


def gained(metric: Metric, over: str, by: Iterable[str] = (), **where: str) -> str:
    """By how much a counter of the database grew, added up but for the labels `by`."""
    return _summed(_gathered("max", metric.labels, f"increase({_selected(metric, where)}[{over}])"), metric, by)


def or_zero(expr: str) -> str:
    """A sum, or 0 where there is nothing to sum up yet."""
    return f"{expr} or vector(0)"


def worst_first(expr: str) -> str:
    """The series with the largest first."""
    return f"sort_desc({expr})"


def buckets(metric: Metric, over: str, by: Iterable[str] = (), **where: str) -> str:
    """By how much the buckets of a histogram of the database grew, added up but for `by` and their bounds."""
    labels = (*metric.labels, "le")
    inner = f"max by ({_listed(labels)}) (increase({_selected(metric, where, '_bucket')}[{over}]))"
    return f"sum by ({_listed((*_checked(metric, by), 'le'))}) ({inner})"


def quantile(share: float, metric: Metric, over: str, by: Iterable[str] = (), **where: str) -> str:
    """Under what so large a share of the observations of a histogram of the database lies."""
    return f"histogram_quantile({share:g}, {buckets(metric, over, by, **where)})"


def each(metric: Metric, by: Iterable[str] = (), *, take: str = "sum", **where: str) -> str:
    """What a gauge of the processes is, put together but for the labels `by`."""
    return _gathered(take, _checked(metric, by), _selected(metric, where))


def growing(metric: Metric, function: str, over: str, by: Iterable[str] = (), **where: str) -> str:
    """How a counter of the processes grows (`rate` or `increase`), added up but for the labels `by`."""
    return _gathered("sum", _checked(metric, by), f"{function}({_selected(metric, where)}[{over}])")


def observed(metric: Metric, function: str, over: str, by: Iterable[str] = (), **where: str) -> str:
    """How the number of a histogram's observations in the processes grows, added up but for the labels `by`."""
    return _gathered("sum", _checked(metric, by), f"{function}({_selected(metric, where, '_count')}[{over}])")


def quantile_of_processes(share: float, metric: Metric, over: str, by: Iterable[str] = (), **where: str) -> str:
    """Under what so large a share of the observations of a histogram of the processes lies."""
    labels = (*_checked(metric, by), "le")
    inner = _gathered("sum", labels, f"rate({_selected(metric, where, '_bucket')}[{over}])")
    return f"histogram_quantile({share:g}, {inner})"


def of_process(name: str) -> str:
    """What the operating system says of each process."""
    return f"{name}{{{_JOB}}}"


def _summed(inner: str, metric: Metric, by: Iterable[str]) -> str:
    labels = _checked(metric, by)
    if set(labels) == set(metric.labels):
        return inner
    return _gathered("sum", labels, inner)


def _gathered(how: str, labels: tuple[str, ...], inner: str) -> str:
    return f"{how} by ({_listed(labels)}) ({inner})" if labels else f"{how}({inner})"


def _selected(metric: Metric, where: dict[str, str], part: str = "") -> str:
    if part and metric.shape is not Shape.HISTOGRAM:
        raise ValueError(f"{metric.name} has no {part}")
    _checked(metric, where)
    return f"{metric.name}{part}{{{', '.join([_JOB, *(f'{label}{test}' for label, test in where.items())])}}}"


def _checked(metric: Metric, labels: Iterable[str]) -> tuple[str, ...]:
    found = tuple(labels)
    if not set(found) <= {*metric.labels, *OF_TARGET}:
        raise ValueError(f"{metric.name} has the labels {metric.labels}, not {found}")
    return found


def _listed(labels: Iterable[str]) -> str:
    return ", ".join(labels)
