"""Of *Service health*, what concerns single processes: services that run apart, and the system's view of each."""

from collections.abc import Iterator

from services import metric_table as table
from services.dashboards.kinds import bars, lines, stat
from services.dashboards.panels import BAD, GOOD, WARN, Panel, Query, Step
from services.dashboards.promql import RATE, each, now, of_process

_APART = "Empty where all of Baton is one process."
_NONE_IS_GOOD = (Step(None, GOOD), Step(1, BAD))


def apart() -> Iterator[Panel]:
    """What only services have which run apart from each other."""
    yield stat(
        title="Trackers that cannot judge",
        description="1: the database or Kafka is away, or it is not in the group yet.",
        queries=[Query(each(table.DRIVER_STALLED, ["instance"], take="max"), "{{instance}}", "instant")],
        unit="short",
        steps=_NONE_IS_GOOD,
        width=8,
        height=5,
        may_be_empty=_APART,
    )
    yield stat(
        title="Notifiers at work",
        description="One works, the others stand by until it ends.",
        queries=[Query(each(table.NOTIFIER_ACTIVE), "at work", "instant")],
        unit="short",
        steps=(Step(None, BAD), Step(1, GOOD), Step(2, BAD)),
        width=8,
        height=5,
        may_be_empty=_APART,
    )
    yield bars(
        title="Spools of the gateways",
        description="How full each is with what Kafka cannot take yet. Full, senders are turned away.",
        queries=[Query(each(table.SPOOL_RATIO, ["instance"], take="max"), "{{instance}}", "instant")],
        unit="percentunit",
        most=1,
        steps=(Step(None, GOOD), Step(0.3, WARN), Step(0.7, BAD)),
        width=8,
        height=5,
        may_be_empty=_APART,
    )
    yield lines(
        title="Kept in spools",
        description="What gateways keep on their disks because Kafka is away.",
        queries=[Query(each(table.SPOOL_BYTES, ["instance"], take="max"), "{{instance}}")],
        unit="bytes",
        least=0,
        may_be_empty=_APART,
    )
    yield lines(
        title="Changes to relay",
        description="What the topics of leads and transitions still have to get.",
        queries=[Query(now(table.RELAY_UNSENT), "changes")],
        unit="short",
        least=0,
        may_be_empty=_APART,
    )


def processes() -> Iterator[Panel]:
    """What the operating system says of each process."""
    yield lines(
        title="Processor time",
        description="Seconds of it in a second: 1 is one core.",
        queries=[Query(f"rate({of_process('process_cpu_seconds_total')}[{RATE}])", "{{job}} · {{instance}}")],
        unit="short",
        least=0,
    )
    yield lines(
        title="Memory",
        description="What each process has in memory.",
        queries=[Query(of_process("process_resident_memory_bytes"), "{{job}} · {{instance}}")],
        unit="bytes",
        least=0,
    )
    yield lines(
        title="Open files",
        description="Of those that each process may open: at 1 it can open no more, nor take requests.",
        queries=[
            Query(f"{of_process('process_open_fds')} / {of_process('process_max_fds')}", "{{job}} · {{instance}}")
        ],
        unit="percentunit",
        least=0,
        most=1,
        steps=(Step(None, GOOD), Step(0.8, BAD)),
        marked=True,
    )
    yield lines(
        title="Running for",
        description="Since each process began; a fall is a new start.",
        queries=[Query(f"time() - {of_process('process_start_time_seconds')}", "{{job}} · {{instance}}")],
        unit="s",
        least=0,
    )
