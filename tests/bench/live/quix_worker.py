"""Quix Streams with its PostgreSQL sink: judged in a stateful `apply`, the clocks go to the sink, batch by batch.

Runs in a virtual environment of its own. The judging is Baton's (`services.domain`), so that the result is the same,
but for merges: state is kept for each key, and a merge is about two. It writes clocks alone, no events nor leads.
"""

import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from quixstreams import Application, State
from quixstreams.sinks.community.postgresql import PostgreSQLSink

from services.domain.events import TYPES_BY_WIRE_NAME, Event
from services.domain.fold import Lead, apply, fold
from services.domain.instants import parse_instant
from services.domain.snapshot import freeze, thaw
from services.tracker.rows import clock_row
from tests.bench.live import peers
from tests.bench.live.job import Job, load

_COMMIT_EVERY = 4000
"""Records in a checkpoint: a thousand of each partition, as Baton's batches are."""

Row = dict[str, Any]


class Judge:
    """Judges the events of one key at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._charters = job.load_charters()

    def judge(self, value: Mapping[str, Any], state: State) -> list[Row]:
        """Rows of the lead's clocks; none where the event is known."""
        self._job.began()
        event, key = _event(value), value["subject"]
        stored = state.get("lead") or {"known": [], "lead": None}
        if event.id in stored["known"]:
            return []
        lead = thaw(key, stored["lead"], self._charters)[0] if stored["lead"] is not None else Lead(key)
        void: list[Row] = []
        if lead.last is None or event.order > lead.last:
            apply(lead, event, self._charters)
        else:
            earlier = [_event(state.get(f"event/{number}") or {}) for number in stored["known"]]
            before, lead = lead, fold(key, [*earlier, event], self._charters)
            void = peers.void_rows(before, lead)
        state.set(f"event/{event.id}", dict(value))
        state.set("lead", {"known": [*stored["known"], event.id], "lead": freeze(lead, {})})
        return [*void, *(peers.plain_row(clock_row(key, each)) for each in lead.instances)]


def _event(value: Mapping[str, Any]) -> Event:
    kind = TYPES_BY_WIRE_NAME[value["type"]]
    return Event(parse_instant(value["time"]), kind, value["source"], value["id"], value["subject"], value["data"])


def build(job: Job) -> Application:
    """The application."""
    app = Application(
        broker_address=job.broker,
        consumer_group=job.group,
        auto_offset_reset="earliest",
        commit_every=_COMMIT_EVERY,
        state_dir=f"{job.folder}/state",
        loglevel="WARNING",
    )
    url = urlsplit(job.database)
    sink = PostgreSQLSink(
        host=str(url.hostname),
        port=int(url.port or 0),
        dbname=url.path.removeprefix("/"),
        user=str(url.username),
        password=str(url.password),
        table_name="clocks",
        schema_auto_update=False,
        primary_key_columns=["lead", "clock", "number"],
        upsert_on_primary_key=True,
        include_metadata=False,
    )
    rows = app.dataframe(app.topic(job.topic, value_deserializer="json", key_deserializer="str"))
    rows.apply(Judge(job).judge, stateful=True, expand=True).sink(sink)
    return app


def main() -> None:
    """Work until SIGTERM."""
    build(load(sys.argv[1])).run()


if __name__ == "__main__":
    main()
