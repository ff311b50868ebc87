"""Writes docs/metrics.md and docs/settings.md from the code: `python -m tests.docs`. Tests hold the files to it."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from schemas.dead_letters import DEAD_LETTER_REASONS
from services import metric_table as table
from services.domain.charter import Side
from services.domain.clocks import CLOCK_KINDS
from services.ports import READ_TOPICS
from services.settings import Listed, Settings, variable

DOCS = Path(__file__).parents[1] / "docs"

_LABELS: Mapping[str, str] = {
    "clock": "the charter's clocks",
    "team": "`labels.team` of the charter, or `other`",
    "priority": "`labels.priority` of the charter, or `other`",
    "source": "`labels.source` of the charter, or `other`",
    "promised_by": ", ".join(Side),
    "transition": f"of clocks: {', '.join(CLOCK_KINDS)}; of handoffs: {', '.join(table.HANDOFF_KINDS)}",
    "status": f"of clocks: {', '.join(table.OPEN_STATUSES)}; of webhooks: the HTTP status; of all requests: its class, "
    f"{', '.join(table.HTTP_CLASSES)} (or 3xx)",
    "outcome": f"of handoffs: {', '.join(table.OUTCOMES)}; of events: {', '.join(table.STORED_OUTCOMES)}, ignored; "
    f"of an API: {', '.join(table.API_OUTCOMES)}; of transactions: {', '.join(table.DATABASE_OUTCOMES)}; "
    "of webhooks out: sent, moot, given_up, disabled",
    "kind": ", ".join(table.FEEDBACK_KINDS),
    "reason": f"of feedback: the charter's reasons, or `other`; of dead letters: {', '.join(DEAD_LETTER_REASONS)}",
    "failure": ", ".join(table.API_FAILURES),
    "per": ", ".join(table.PERIODS),
    "crm": "the last part of the address under `/hooks/`; `other` for what a foreign producer wrote to the log",
    "route": "the template of the route, such as `/leads/{key}`, or `other` where there is none",
    "method": "those that the route has (HEAD is GET), or `other`",
    "batch": ", ".join(table.BATCH_KINDS),
    "access": ", ".join(table.DATABASE_ACCESSES),
    "type": "the type of the event, or `other` where it was ignored",
    "version": "the charter's `version`",
    "topic": ", ".join(READ_TOPICS),
    "partition": "the partition's number",
    "receiver": "a hash of the URL of `BATON_WEBHOOK_URLS`, as in the log: `webhook:` and 12 digits",
    "alertmanager": "host and port of `BATON_ALERTMANAGER_URL`, and the prefix if there is one",
}

_METRICS = """\
# Metrics

`GET /metrics` answers in Prometheus's text format. Counters and histograms of what was judged are rows of the database
that the transaction which judges moves, so they are exact and survive a restart; what no transaction keeps (requests,
ignored events, what APIs said, batches, transactions) starts at 0 with the process. Gauges are counted at the moment
they are read. Every combination of labels is there from the start with 0, so that `increase()` sees the first event
too. No lead, person or free text is in a label, and no path: what is not known beforehand is `other`.

{metrics}

Where the services run apart, the board has those of the database, each service its own counts and gauges. Copies of the
board show the same numbers: take the `max`, not the `sum`, over their instances.

Beside these there are `process_*`: processor time, memory and open files of the process.

How long a webhook takes to be seen here, and a scrape of 10,000 series: [How fast it tells](latency.md).

## Labels

{labels}

## Buckets

{buckets}

`baton_clock_counted_seconds` has each target of the clock as a bound, and 0.25, 0.5, 0.75, 1.5, 2 and 4 times it: the
share that kept a target is exact. Bounds of earlier charters stay.
"""

_SETTINGS = """\
# Settings

Settings are environment variables, or lines `NAME=value` in a file `.env` in the working folder. An option of the
command line goes before the variable, the variable before the file; an empty variable counts as none. Where something
is wrong, `baton` says which variable, never its value, and ends with 2.

{settings}

¹ Several values, parted by spaces or line breaks. They are secret: they appear in no log and no message.
"""


def metrics() -> str:
    """The page about metrics."""
    named = sorted({label for metric in table.METRICS for label in metric.labels})
    return _METRICS.format(
        metrics=_table(
            ("Metric", "Kind", "Labels", "What it says"),
            ((f"`{each.name}`", each.shape, ", ".join(each.labels), each.help) for each in table.METRICS),
        ),
        labels=_table(("Label", "Values"), ((f"`{label}`", _LABELS[label]) for label in named)),
        buckets=_table(
            ("Histogram", "Upper bounds, in seconds"),
            (
                (f"`{each.name}`", ", ".join(f"{bound:g}" for bound in each.buckets))
                for each in table.METRICS
                if each.buckets
            ),
        ),
    )


def settings() -> str:
    """The page about settings."""
    rows = (
        (
            f"`{variable(name)}`" + ("¹" if field.rebuild_annotation() == Listed else ""),
            _default(field.default),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    )
    return _SETTINGS.format(settings=_table(("Variable", "Default", "Meaning"), rows))


def _default(value: Any) -> str:
    if value in (None, (), PydanticUndefined):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


PAGES = {"metrics.md": metrics, "settings.md": settings}


def main() -> None:
    """Write both files."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
