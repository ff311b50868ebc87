"""What Alertmanager is given over time, on a real store: whatever ends, is corrected, paused, or started again."""

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from services.adapters.sql.held_alerts import SqlHeldAlerts
from services.domain.instants import SECOND
from services.errors import Unavailable
from services.notifier.notifier import Notifier
from services.notifier.shown import ENDS_AFTER, Shower, ShownSink
from services.ports import ShownAlert
from tests.notifier.support import BOARD, HandClock
from tests.tracker.support import CHARTER, Bench, at, charters_of, event

NAMES = ["BatonLeadAtRisk", "BatonLeadEscalated", "BatonLeadOverdue"]


class MemoryBoard:
    """An Alertmanager in memory: alerts by their labels, each over from its end on."""

    def __init__(self) -> None:
        self.posts: list[list[ShownAlert]] = []
        self.asked = 0
        self.is_away = False
        self.on_refused: Callable[[], object] = bool
        self.on_taken: Callable[[], object] = bool
        self._shown: dict[frozenset[tuple[str, str]], ShownAlert] = {}

    def post(self, alerts: Sequence[ShownAlert]) -> None:
        """Take them."""
        if self.is_away:
            self.on_refused()
            raise Unavailable("no answer")
        self.asked += 1
        if alerts:
            self.posts.append([*alerts])
        self.on_taken()
        for alert in alerts:
            assert alert.starts_at <= alert.ends_at
            self._shown[frozenset(alert.labels.items())] = alert

    def forget(self) -> None:
        """It is started again, and has kept nothing."""
        self._shown.clear()

    def firing(self, now: int) -> list[str]:
        """The names of the alerts that are not over."""
        return sorted(alert.labels["alertname"] for alert in self._shown.values() if alert.ends_at > now)

    def resolved(self, now: int) -> list[str]:
        """The names of those that it knows to be over."""
        return sorted(alert.labels["alertname"] for alert in self._shown.values() if alert.ends_at <= now)


class Watch:
    """A tracker, its store, and what keeps a board up to date."""

    def __init__(self, charter: str = CHARTER) -> None:
        self.bench = Bench(charters_of(charter))
        self.clock = HandClock("09:00")
        self.board = MemoryBoard()
        self.restart()

    def restart(self) -> None:
        """Another process on the same store."""
        held = SqlHeldAlerts(self.bench.database, sink="alertmanager")
        self.notifier = Notifier(
            outbox=self.bench.outbox(),
            sinks=[ShownSink(name="alertmanager", held=held, clock=self.clock, real=self.clock)],
            clock=self.clock,
            board_url=BOARD,
            client_team_of={"ACME": "key-accounts"}.get,
        )
        self.shower = Shower(held=held, board=self.board, real=self.clock)

    def at(self, now: str) -> list[str]:
        """Judge, deliver and look at that time; what the board then shows as firing."""
        self.clock.set(now)
        self.bench.tick(now)
        self.notifier.deliver_due()
        self.shower.look()
        return self.board.firing(at(now))

    def hand_off(self, when: str, **attributes: object) -> None:
        """A lead is handed off."""
        self.bench.feed([event("lead.handed_off", when, attributes=attributes)], when)

    def touch(self, when: str, now: str) -> None:
        """A touch that was made then arrives now."""
        said: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
        self.bench.feed([event("lead.touched", when, **said)], now)


@pytest.fixture
def watch() -> Watch:
    watch = Watch()
    watch.hand_off("09:00", team="inbound", account="ACME")
    return watch


def test_labels_say_who_and_annotations_say_what(watch: Watch) -> None:
    """Routing, silences and inhibition go by the labels; people read the annotations."""
    watch.at("10:00:01")
    shown = {alert.labels["alertname"]: alert for alert in watch.board.posts[0]}
    common = {
        "lead": "crm:lead:1",
        "clock": "touch",
        "promised_by": "sales",
        "team": "inbound",
        "client_team": "key-accounts",
    }
    assert {name: dict(alert.labels) for name, alert in shown.items()} == {
        "BatonLeadAtRisk": {**common, "alertname": "BatonLeadAtRisk", "severity": "warning"},
        "BatonLeadOverdue": {**common, "alertname": "BatonLeadOverdue", "severity": "critical"},
        "BatonLeadEscalated": {
            **common,
            "alertname": "BatonLeadEscalated",
            "severity": "critical",
            "escalation": "sales",
        },
    }
    overdue = shown["BatonLeadOverdue"]
    assert overdue.annotations["summary"] == "Overdue: touch on crm:lead:1"
    assert overdue.annotations["description"].startswith("Was due Mon 05 Oct 2026 10:00 UTC")
    assert overdue.annotations["link"] == overdue.url == f"{BOARD}/leads/crm%3Alead%3A1"
    assert overdue.starts_at == at("10:00") + 1
    assert overdue.ends_at == at("10:00:01") + ENDS_AFTER


def test_what_is_not_known_is_no_label() -> None:
    """A lead without team and account, and a clock that has not escalated, bear no empty labels."""
    watch = Watch()
    watch.hand_off("09:00")
    watch.at("09:45")
    ((alert,),) = watch.board.posts
    assert alert.labels.keys() == {"alertname", "severity", "lead", "clock", "promised_by"}


def test_it_is_posted_again_before_it_ends(watch: Watch) -> None:
    """Looked at every half minute for an hour, it is firing all the while, with a post a minute."""
    watch.at("10:00:01")
    for _ in range(120):
        watch.clock.pass_by(30)
        watch.shower.look()
        assert set(watch.board.firing(watch.clock.now())) == set(NAMES)
    assert len(watch.board.posts) == 61


def test_it_resolves_when_the_promise_is_kept_late(watch: Watch) -> None:
    """The stop of the clock ends all of its alerts at once."""
    assert watch.at("10:00:01") == NAMES
    watch.touch("10:10", "10:10")
    assert watch.at("10:10:05") == []
    assert watch.board.resolved(at("10:10:05")) == NAMES


def test_it_resolves_when_the_verdict_is_corrected(watch: Watch) -> None:
    """A proof that reaches us late shows that the promise was kept in time."""
    assert watch.at("10:00:01") == NAMES
    watch.touch("09:30", "10:05")
    assert watch.at("10:05") == []
    assert watch.board.resolved(at("10:05")) == NAMES


def test_a_pause_takes_back_what_is_at_risk(watch: Watch) -> None:
    """Paused before it is due it wakes nobody, and resumed it is shown again."""
    assert watch.at("09:50") == ["BatonLeadAtRisk"]
    watch.bench.feed([event("lead.paused", "09:51", reason="holiday")], "09:51")
    assert watch.at("09:51") == []
    watch.bench.feed([event("lead.resumed", "09:52")], "09:52")
    assert watch.at("09:52") == ["BatonLeadAtRisk"]


def test_a_verdict_that_is_corrected_twice_fires_again(watch: Watch) -> None:
    """Taken back, settled, and then true after all: a rejected proof is not the end of it."""
    watch.at("10:00:01")
    watch.touch("09:30", "10:05")
    watch.at("10:05")
    for now in ("10:19", "10:21", "10:40"):
        watch.at(now)
    assert watch.board.posts[-1][0].ends_at == at("10:05")
    posts = len(watch.board.posts)
    watch.at("10:45")
    assert len(watch.board.posts) == posts, "it was settled"
    # Another charter judges from the same day on: only what the lead itself sends counts as a touch.
    inbound = "{type: lead.touched, when: {direction: inbound}}"
    watch.bench.judge_by(charters_of(CHARTER.replace("[lead.touched]", f"[{inbound}]").replace("test", "strict", 1)))
    watch.bench.feed([event("lead.updated", "10:49", attributes={})], "10:50")
    assert "touch/1/corrected/2" in watch.bench.told()
    assert "BatonLeadOverdue" in watch.at("10:50")


def test_a_restart_of_baton_changes_nothing(watch: Watch) -> None:
    """What fires, and what has to be told as over, follows from the store."""
    watch.at("10:00:01")
    watch.restart()
    assert watch.at("10:00:10") == NAMES
    assert len(watch.board.posts) == 2, "a new process posts at once"
    watch.touch("10:10", "10:10")
    watch.restart()
    assert watch.at("10:10:05") == []
    assert watch.board.resolved(at("10:10:05")) == NAMES


def test_a_restart_of_alertmanager_is_made_good_within_a_minute(watch: Watch) -> None:
    """It keeps no alerts: they come again, and those that are over as well, for a quarter of an hour."""
    watch.at("10:00:01")
    watch.board.forget()
    assert watch.at("10:01:01") == NAMES
    watch.touch("10:10", "10:10")
    watch.at("10:10:05")
    watch.board.forget()
    watch.at("10:11:05")
    assert watch.board.resolved(at("10:11:05")) == NAMES
    watch.at("10:25:30")
    watch.board.forget()
    watch.at("10:30")
    assert watch.board.resolved(at("10:30")) == []


def test_an_outage_hides_no_end(watch: Watch) -> None:
    """Away for longer than that, Alertmanager hears when it is back what is over."""
    watch.at("10:00:01")
    watch.touch("10:10", "10:10")
    watch.board.is_away = True
    for now in ("10:10", "10:40", "11:40"):
        with pytest.raises(Unavailable):
            watch.at(now)
    watch.board.is_away = False
    watch.at("11:41")
    assert watch.board.resolved(at("11:41")) == NAMES


def test_another_instance_of_the_clock_takes_over_its_labels(watch: Watch) -> None:
    """Reassigned, a lead's new clock may be at risk while the end of the former is still told: it stays shown."""
    watch.at("09:50")
    watch.bench.feed([event("lead.assigned", "09:55", owner="eva")], "09:55")
    assert watch.at("09:55") == []
    assert watch.at("10:40:01") == ["BatonLeadAtRisk"]
    assert watch.at("10:42") == ["BatonLeadAtRisk"]


def test_a_time_lapse_is_told_in_real_time(watch: Watch) -> None:
    """Alertmanager compares with its own clock: an hour of a clock 60 times as fast is a minute."""
    real = HandClock("20:00")
    watch.clock.speed = 60.0
    watch.clock.real_seconds = lambda duration: duration / SECOND / 60  # type: ignore[method-assign]
    held = SqlHeldAlerts(watch.bench.database, sink="alertmanager")
    sink = ShownSink(name="alertmanager", held=held, clock=watch.clock, real=real)
    watch.bench.tick("10:45")
    watch.clock.set("10:45")
    Notifier(outbox=watch.bench.outbox(), sinks=[sink], clock=watch.clock, board_url=BOARD).deliver_due()
    Shower(held=held, board=watch.board, real=real).look()
    starts = {alert.labels["alertname"]: alert.starts_at for alert in watch.board.posts[0]}
    assert starts["BatonLeadAtRisk"] == at("19:59")


async def test_it_goes_on_after_an_outage(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """An outage is waited out, and a stop ends it."""
    monkeypatch.setattr("services.notifier.shown._BACK_OFF", (0.01,))
    monkeypatch.setattr("services.notifier.shown._LOOK_EVERY", 0.01)
    watch.board.is_away = True
    with pytest.raises(Unavailable):
        watch.at("10:00:01")
    soon = asyncio.get_running_loop().call_soon_threadsafe
    stop, refused, taken = asyncio.Event(), asyncio.Event(), asyncio.Event()
    watch.board.on_refused = functools.partial(soon, refused.set)
    watch.board.on_taken = functools.partial(soon, taken.set)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        tasks.create_task(watch.shower.run(stop))
        await asyncio.wait_for(refused.wait(), 5)
        watch.board.is_away = False
        await asyncio.wait_for(taken.wait(), 5)
        stop.set()
    assert watch.board.firing(watch.clock.now()) == NAMES


def test_a_stall_is_shown_while_the_lead_lies_still() -> None:
    """As a warning, until an event comes, and again by the next silence; a late event takes it back."""
    watch = Watch()
    watch.hand_off("09:00", team="inbound")
    watch.touch("09:10", "09:10")
    assert watch.at("11:09") == []
    assert watch.at("11:10") == ["BatonLeadStalled"]
    (alert,) = watch.board.posts[-1]
    assert dict(alert.labels) == {
        "alertname": "BatonLeadStalled",
        "severity": "warning",
        "lead": "crm:lead:1",
        "clock": "handoff",
        "team": "inbound",
    }
    assert alert.starts_at == at("11:10")
    watch.touch("11:20", "11:20")
    assert watch.at("11:21") == []
    assert watch.board.resolved(at("11:21")) == ["BatonLeadStalled"]
    assert watch.at("13:20") == ["BatonLeadStalled"]
    watch.restart()
    assert watch.at("13:22") == ["BatonLeadStalled"]
    watch.touch("12:00", "13:23")
    assert watch.at("13:23") == []
    assert watch.at("14:00") == ["BatonLeadStalled"]
    watch.bench.feed([event("lead.rejected", "14:01", reason="wrong_fit")], "14:01")
    assert watch.at("14:02") == []


def test_where_nothing_holds_it_is_asked_each_minute_whether_it_takes_anything(watch: Watch) -> None:
    """So that an outage is known before the first alert that it would lose."""
    for now, asked in (("09:00", 1), ("09:00:59", 1), ("09:01", 2), ("09:01:59", 2)):
        watch.at(now)
        assert watch.board.asked == asked
    assert watch.board.posts == []
    watch.board.is_away = True
    watch.clock.set("09:02")
    with pytest.raises(Unavailable):
        watch.shower.look()


async def test_it_is_at_work_while_it_runs(watch: Watch) -> None:
    """What is known of a board is of that time alone."""
    stop, asked = asyncio.Event(), asyncio.Event()
    watch.board.on_taken = functools.partial(asyncio.get_running_loop().call_soon_threadsafe, asked.set)
    running = asyncio.create_task(watch.shower.run(stop))
    await asked.wait()
    assert watch.shower.is_at_work
    stop.set()
    await running
    assert not watch.shower.is_at_work
