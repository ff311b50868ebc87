"""Routes: who is told of what, in which language and when; and what is said of a file with mistakes."""

from pathlib import Path
from typing import Any

import pytest
import structlog

from schemas.routes import Match, Route
from services.charters.files import parse_charter
from services.domain.instants import parse_instant
from services.errors import UsageError
from services.notifier.messages import message
from services.notifier.notifier import Notifier
from services.notifier.routes import EVERYTHING, Plan, Routing, begins_after, opens_at
from services.storage import AlertRow
from services.wiring.routes import read_routes
from tests.command import baton
from tests.notifier.support import BOARD, Desk
from tests.notifier.test_messages import DETAILS, PAST_DUE
from tests.notifier.test_sinks import Receiver
from tests.notifier.webhook_server import SECRET, WebhookServer
from tests.servers.alertmanager import AlertmanagerServer
from tests.tracker.support import CHARTER, at, event

# Apprise loads all its services at the first use, and one of them asks whether this module is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

OFFICE = CHARTER.replace(
    "calendars:", 'calendars:\n  office: {timezone: UTC, hours: {mon-fri: "09:00-10:30"}, day: 8h}', 1
)
CALENDARS = parse_charter(OFFICE, "test").charter.calendars


def row(kind: str = "overdue", **details: object) -> AlertRow:
    """An alert of the clock `touch`, of the team `inbound`."""
    return AlertRow(f"crm:lead:1/touch/1/{kind}", kind, "crm:lead:1", "touch", 1, 0, {**DETAILS, **details})


def routing(*routes: Route) -> Routing:
    """Routes about the sinks `chat` and `mail`."""
    return Routing(routes, sinks=["chat", "mail"], calendar_of=CALENDARS.get)


def to_chat(**route: Any) -> Routing:
    """One route to `chat`."""
    return routing(Route(name="one", send_to=["chat"], **route))


MATCHES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, {}, True),
    ({"clock": ["touch", "x"]}, {}, True),
    ({"clock": ["x"]}, {}, False),
    ({"team": ["inbound"]}, {}, True),
    ({"team": ["inbound"]}, {"team": None}, False),
    ({"client_team": ["key-accounts"]}, {}, True),
    ({"client_team": ["others"]}, {}, False),
    ({"level": ["overdue", "escalated"]}, {}, True),
    ({"level": ["at_risk"]}, {}, False),
    ({"level": ["at_risk"]}, {"kind": "corrected"}, True),
    ({"to": ["sales-leads"]}, {"kind": "escalated", "to": "sales-leads"}, True),
    ({"to": ["sales-leads"]}, {"kind": "escalated", "to": "sales"}, False),
    ({"to": ["sales-leads"]}, {}, False),
    ({"to": ["sales-leads"]}, {"kind": "corrected"}, True),
    ({"clock": ["touch"], "team": ["x"]}, {}, False),
]


@pytest.mark.parametrize(("when", "alert", "is_told"), MATCHES)
def test_all_that_a_route_asks_must_hold(when: dict[str, Any], alert: dict[str, Any], is_told: bool) -> None:
    """Level and escalation are not asked of a correction: it goes to those who were warned."""
    plan = to_chat(when=Match(**when)).plan("chat", row(**alert), "key-accounts", 5, is_warned=True)
    assert (plan is not None) == is_told


CORRECTIONS: list[tuple[list[list[str] | None], bool, str | None]] = [
    ([None], True, "0"),
    ([None], False, None),
    ([["overdue"]], True, "0"),
    ([["overdue"]], False, None),
    ([["corrected"]], False, "0"),
    ([["overdue"], ["stalled", "corrected"]], True, "1"),
    ([["overdue"], ["corrected"]], False, "1"),
]


@pytest.mark.parametrize(("levels", "is_warned", "by"), CORRECTIONS)
def test_corrections_go_to_the_warned_and_where_they_are_asked_for(
    levels: list[list[Any] | None], is_warned: bool, by: str | None
) -> None:
    """A route that names them says how; else the first that matches, to those who were warned alone."""
    languages: list[Any] = ["en", "pl"]
    routes = [
        Route(name=str(number), when=Match(level=level), send_to=["chat"], language=languages[number])
        for number, level in enumerate(levels)
    ]
    plan = routing(*routes).plan("chat", row("corrected"), None, 5, is_warned=is_warned)
    assert (plan.language if plan is not None else None) == (languages[int(by)] if by is not None else None)


def test_of_other_sinks_only_the_warned_hear_of_corrections() -> None:
    """A route changes nothing for those that it is not about."""
    assert to_chat().plan("log", row("corrected"), None, 5) is None
    assert to_chat().plan("log", row("corrected"), None, 5, is_warned=True) is EVERYTHING


def test_a_sink_of_corrections_hears_of_those_of_others(desk: Desk) -> None:
    """Say, whoever keeps count of them. The one that was warned hears as well."""
    notify(
        desk,
        Route(name="a", send_to=["chat"], when=Match(level=["overdue"])),
        Route(name="b", send_to=["mail"], when=Match(level=["corrected"])),
    )
    hand_off(desk, 1)
    desk.tell("10:40:01")
    said: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
    desk.bench.feed([event("lead.touched", "10:00", "crm:lead:0", **said)], "10:41")
    desk.tell("10:41")
    assert [each.kind for each in desk.chat.taken] == ["overdue", "corrected"]
    assert [each.kind for each in desk.mail.taken] == ["corrected"]


def test_a_stall_is_a_level(desk: Desk) -> None:
    """Told as one message with what else is due of the lead; by its clock it is `handoff`."""
    notify(
        desk,
        Route(name="a", send_to=["chat"], when=Match(level=["stalled"])),
        Route(name="b", send_to=["mail"], when=Match(clock=["handoff"])),
    )
    said: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
    desk.bench.feed([event("lead.handed_off", "09:00"), event("lead.touched", "09:10", **said)], "09:10")
    desk.tell("11:10")
    assert [each.title for each in desk.chat.taken] == ["Stalled: crm:lead:1"]
    assert [each.title for each in desk.mail.taken] == ["Stalled: crm:lead:1"]


def test_routes_are_about_their_sinks_alone() -> None:
    """The log and whatever else there is hears everything; a sink that no route names for an alert hears nothing."""
    assert to_chat().plan("log", row(), None, 5) is EVERYTHING
    assert to_chat().plan("mail", row(), None, 5) is None


def test_the_first_route_that_matches_says_how() -> None:
    """Of several routes to one sink, which is told once all the same."""
    routes = [
        Route(name="others", when=Match(team=["x"]), send_to=["chat"]),
        Route(name="polish", send_to=["chat"], language="pl"),
        Route(name="english", send_to=["chat"]),
    ]
    assert routing(*routes).plan("chat", row(), None, 5) == Plan("pl", 5, "lead")


OPENINGS = [
    ("2026-10-05T09:30:00Z", "2026-10-05T09:30:00Z"),
    ("2026-10-05T09:00:00Z", "2026-10-05T09:00:00Z"),
    ("2026-10-05T08:00:00Z", "2026-10-05T09:00:00Z"),
    ("2026-10-05T10:30:00Z", "2026-10-06T09:00:00Z"),
    ("2026-10-09T12:00:00Z", "2026-10-12T09:00:00Z"),
]


@pytest.mark.parametrize(("now", "opens"), OPENINGS)
def test_when_a_calendar_opens(now: str, opens: str) -> None:
    """At once while it is open, else when its next hours begin, over nights and weekends."""
    assert opens_at(CALENDARS["office"], parse_instant(now)) == parse_instant(opens)


def test_a_calendar_that_is_gone_holds_nothing_back() -> None:
    """A new charter may have others; an alert must not be lost by that."""
    assert to_chat(hours="gone").plan("chat", row(), None, 5) == Plan("en", 5, "lead")


@pytest.fixture
def desk() -> Desk:
    """A desk whose chat is told in the office's hours (9:00 to 10:30) and in Polish; mail hears of what is overdue."""
    desk = Desk(OFFICE)
    routes = routing(
        Route(name="a", send_to=["chat"], language="pl", hours="office"),
        Route(name="b", send_to=["mail"], when=Match(level=["overdue"])),
    )
    desk.notifier = Notifier(
        outbox=desk.bench.outbox(), sinks=[desk.mail, desk.chat], clock=desk.clock, board_url=BOARD, routing=routes
    )
    return desk


def test_outside_of_hours_it_is_held_back(desk: Desk) -> None:
    """The others are told at once; whoever has closed is told when it opens, once."""
    desk.bench.feed([event("lead.handed_off", "09:40")], "09:40")
    desk.tell("10:40:01")
    assert desk.mail.ids == ["touch/1/overdue"]
    assert desk.chat.ids == []
    desk.clock.set("10:40:01")
    desk.wait(22 * 3600 + 20 * 60)
    (told,) = desk.chat.taken
    assert (told.title, told.kind) == ("Alerty: 3, crm:lead:1", "escalated")
    starts = [line.partition(":")[0] for line in told.body.split("\n")]
    assert starts == ["Zagrożone", "Po terminie", "Eskalacja do sales", "https"]
    desk.wait(60)
    assert len(desk.chat.ids) == 1
    assert desk.mail.ids == ["touch/1/overdue"]
    assert desk.bench.outbox().unsettled() == 0


def test_what_is_over_when_it_opens_is_not_told(desk: Desk) -> None:
    """Nobody begins the day with what was settled in the night."""
    desk.bench.feed([event("lead.handed_off", "09:40")], "09:40")
    desk.tell("10:40:01")
    said: dict[str, Any] = {"kind": "call", "direction": "outbound", "connected": True}
    desk.bench.feed([event("lead.touched", "11:00", **said)], "11:00")
    desk.wait(24 * 3600)
    assert desk.chat.ids == []
    assert desk.bench.outbox().unsettled() == 0


def notify(desk: Desk, *routes: Route) -> None:
    """Have these routes from now on."""
    desk.notifier = Notifier(
        outbox=desk.bench.outbox(),
        sinks=[desk.mail, desk.chat],
        clock=desk.clock,
        board_url=BOARD,
        routing=routing(*routes),
    )


def hand_off(desk: Desk, leads: int) -> None:
    """So many leads are handed off at 9:40."""
    desk.bench.feed([event("lead.handed_off", "09:40", f"crm:lead:{number}") for number in range(leads)], "09:40")


def test_one_message_a_lead(desk: Desk) -> None:
    """What is due of a lead at the same time is one message; of another lead it is another."""
    notify(desk, Route(name="a", send_to=["chat"]), Route(name="b", send_to=["mail"], per="alert"))
    hand_off(desk, 2)
    desk.tell("10:40:01")
    assert [told.title for told in desk.chat.taken] == ["3 alerts on crm:lead:0", "3 alerts on crm:lead:1"]
    assert len(desk.mail.taken) == 6
    assert outcomes(desk) == ["sent"] * 6
    desk.tell("11:10:01")
    assert [told.title for told in desk.chat.taken[2:]] == [
        f"Escalated to sales-leads: touch on crm:lead:{number}" for number in (0, 1)
    ]


def test_one_that_is_refused_is_tried_without_the_others(desk: Desk) -> None:
    """What it says may be what is wrong; the rest of the lead's are told."""
    notify(desk, Route(name="a", send_to=["chat"]))
    hand_off(desk, 1)
    desk.chat.refused = {"crm:lead:0/touch/1/at_risk"}
    desk.tell("10:40:01")
    assert desk.chat.taken == []
    for seconds in (5, 15):
        desk.wait(seconds)
    assert [told.title for told in desk.chat.taken] == ["2 alerts on crm:lead:0"]
    desk.chat.refused = set()
    desk.wait(60)
    assert desk.chat.taken[-1].title == "At risk: touch on crm:lead:0"
    assert desk.bench.outbox().unsettled() == 0


def test_a_digest_is_one_message_when_hours_begin(desk: Desk) -> None:
    """Even within hours it waits for the next ones; what is overdue by then is not told as at risk."""
    notify(desk, Route(name="a", send_to=["chat"], hours="office", digest=True, when=Match(level=["at_risk"])))
    desk.bench.feed(
        [event("deal.opened", "09:40", f"crm:lead:{number}", deal=f"crm:deal:{number}") for number in range(3)], "09:40"
    )
    hand_off(desk, 3)
    desk.tell("10:25:01")
    next_day = "2026-10-06T{}Z"
    for now in ("03:39:59", "08:59:59", "09:00:00"):
        instant = parse_instant(next_day.format(now))
        desk.bench.tick(instant)
        desk.clock.pass_by((instant - desk.clock.now()) / 1_000_000)
        assert desk.chat.taken == []
        desk.notifier.deliver_due()
    (told,) = desk.chat.taken
    assert told.title == "3 alerts on 3 leads"
    assert [line.partition(".")[0] for line in told.body.split("\n")[::2]] == [
        f"At risk: close on crm:lead:{number}" for number in range(3)
    ]
    assert desk.bench.outbox().unsettled() == 0


def outcomes(desk: Desk) -> list[str | None]:
    """What became of each alert."""
    with desk.bench.database.reading() as connection:
        return list(connection.exec_driver_sql("SELECT outcome FROM alerts ORDER BY id").scalars())


BEGINNINGS = [
    ("2026-10-05T08:00:00Z", "2026-10-05T09:00:00Z"),
    ("2026-10-05T09:00:00Z", "2026-10-06T09:00:00Z"),
    ("2026-10-05T09:30:00Z", "2026-10-06T09:00:00Z"),
    ("2026-10-09T12:00:00Z", "2026-10-12T09:00:00Z"),
]


@pytest.mark.parametrize(("now", "begins"), BEGINNINGS)
def test_when_hours_begin_after_an_instant(now: str, begins: str) -> None:
    """The hours that it lies in have begun."""
    assert begins_after(CALENDARS["office"], parse_instant(now)) == parse_instant(begins)


POLISH = {
    "at_risk": ("Zagrożone: touch, crm:lead:1", "Termin: 05.10.2026 12:00 CEST. Z czasu 1h według kalendarza office "),
    "overdue": ("Po terminie: touch, crm:lead:1", "Termin minął 05.10.2026 12:00 CEST: upłynął czas 1h "),
    "escalated": ("Eskalacja do sales-leads: touch, crm:lead:1", "Termin minął 05.10.2026 12:00 CEST"),
    "corrected": ("Sprostowanie: touch, crm:lead:1, stan: dotrzymane", "Zgłoszono stan: po terminie. "),
}


@pytest.mark.parametrize("kind", POLISH)
def test_in_polish(kind: str) -> None:
    """Title and sentences are Polish, what the charter says is as it stands there."""
    at_ = at("09:45") if kind == "at_risk" else PAST_DUE
    told = message(row(kind, at=at_, to="sales-leads", before="overdue", after="met"), BOARD, language="pl")
    title, sentence = POLISH[kind]
    assert told.title == title
    first, *rest = told.body.split("\n")
    assert first.startswith(sentence)
    assert rest == [
        "Zobowiązanie (sprzedaż): Sales touches every lead.",
        "Lead: opiekun jan, zespół inbound, klient ACME, źródło webinar.",
        f"{BOARD}/leads/crm%3Alead%3A1",
    ]


GOOD = """version: 1
sinks:
  chat: {url_file: chat-url}
routes:
  - name: key accounts
    when: {client_team: key-accounts, level: [overdue, escalated]}
    send_to: chat
    language: pl
    hours: office
  - name: rest
    send_to: [chat]
"""


def read(folder: Path, text: str, url: str = "json://127.0.0.1/s3cr3t") -> Any:
    """Read a file of routes beside one with the URL of `chat`."""
    (folder / "chat-url").write_text(f"{url}\n")
    (folder / "routes.yaml").write_text(text)
    return read_routes(folder / "routes.yaml")


def test_a_file_of_routes(tmp_path: Path) -> None:
    """A single value is a list of one; a sink keeps its name whatever its URL, which is in a file of its own."""
    read_file = read(tmp_path, GOOD)
    first, rest = read_file.routes
    assert first.when == Match(client_team=["key-accounts"], level=["overdue", "escalated"])
    assert (first.send_to, first.language, first.hours) == (["route:chat"], "pl", "office")
    assert (rest.when, rest.send_to, rest.language, rest.hours) == (Match(), ["route:chat"], "en", None)
    assert [sink.name for sink in read_file.sinks] == ["route:chat"]
    assert read_routes(None).sinks == ()


BAD = {
    "an unknown sink": (("send_to: chat", "send_to: mail"), r"routes\.yaml:7: there is no 'mail' in `sinks`"),
    "an unknown level": (
        ("[overdue, escalated]", "[stuck]"),
        r"routes\.yaml:6: routes\.when\.level: Input should be",
    ),
    "an unknown key": (("hours: office", "quiet: office"), r"routes\.yaml:9: routes\.quiet: Extra inputs"),
    "an unknown language": (("language: pl", "language: de"), r"routes\.yaml:8: routes\.language: Input should be"),
    "a digest without hours": (
        ("hours: office", "digest: true"),
        r"routes\.yaml:5: routes: a digest is sent when hours",
    ),
    "a name twice": (("name: rest", "name: key accounts"), r"routes\.yaml:10: two routes have this name"),
    "no file with the URL": (("chat-url", "missing"), r"routes\.yaml:3: .*missing: No such file"),
    "another version": (("version: 1", "version: 2"), r"routes\.yaml:1: version: "),
    "a key twice": (("hours: office", "language: pl"), r"routes\.yaml:\d+: .*duplicate"),
}


@pytest.mark.parametrize(("change", "said"), BAD.values(), ids=BAD)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    """And with what would be right."""
    assert change[0] in GOOD
    with pytest.raises(UsageError, match=said):
        read(tmp_path, GOOD.replace(*change))


def test_a_calendar_that_the_charter_lacks_is_refused(tmp_path: Path) -> None:
    """With the line of the route, and those that there are."""
    charter = parse_charter(CHARTER, "test").charter
    with pytest.raises(
        UsageError, match=r"^.*routes\.yaml:9: the charter test has no calendar 'office'; it has always$"
    ):
        read(tmp_path, GOOD).check(charter)
    read(tmp_path, GOOD).check(parse_charter(OFFICE, "test").charter)
    read(tmp_path, GOOD.replace("    hours: office\n", "")).check(charter)


def test_baton_does_not_start_with_it(tmp_path: Path) -> None:
    """One line says what is wrong; nothing else happens."""
    read(tmp_path, GOOD)
    (tmp_path / "charter.yaml").write_text(CHARTER)
    given = ("--charter", tmp_path / "charter.yaml", "--data", tmp_path / "data", "--port", "0")
    done = baton("up", *given, BATON_ROUTES=str(tmp_path / "routes.yaml"))
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert line.endswith("routes.yaml:9: the charter test has no calendar 'office'; it has always")


def test_a_later_charter_without_it_holds_nothing_back(tmp_path: Path) -> None:
    """It is told at once, and the log says so, once."""
    charters = [parse_charter(text, "test").charter for text in (OFFICE, CHARTER)]
    in_force = charters[:1]
    decides = read(tmp_path, GOOD).routing(lambda: in_force[-1])
    night = at("20:00")
    held = decides.plan("route:chat", row(), "key-accounts", night)
    assert held is not None
    assert held.not_before > night
    in_force.append(charters[1])
    with structlog.testing.capture_logs() as logs:
        told = [decides.plan("route:chat", row(), "key-accounts", night) for _ in range(3)]
    assert [plan.not_before for plan in told if plan is not None] == [night] * 3
    assert [(each["event"], each["calendar"]) for each in logs] == [("route holds nothing back", "office")]


def test_a_url_that_cannot_be_used_is_not_shown(tmp_path: Path) -> None:
    """The line of the sink says whose it is."""
    with pytest.raises(UsageError, match=r"routes\.yaml:3: Apprise cannot use") as refused:
        read(tmp_path, GOOD, url="nosuch://s3cr3t")
    assert "s3cr3t" not in str(refused.value)


def test_a_test_goes_along_each_route(tmp_path: Path) -> None:
    """`baton alerts test` says of each place whether it has taken a message, and ends with 1 where one has not."""
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    receiver = Receiver()
    try:
        with WebhookServer() as server, AlertmanagerServer(folder) as alertmanager:
            read(tmp_path, GOOD, url=receiver.url)
            settings = {
                "BATON_ROUTES": str(tmp_path / "routes.yaml"),
                "BATON_ALERTMANAGER_URL": alertmanager.url,
                "BATON_WEBHOOK_URLS": server.url,
                "BATON_WEBHOOK_SECRET": SECRET,
                "BATON_WEBHOOK_ALLOW_PRIVATE": "true",
            }
            done = baton("alerts", "test", **settings)
            assert done.returncode == 0, done.stdout + done.stderr
            lines = [line.rpartition(": ") for line in done.stdout.strip().splitlines()]
            assert {said for _, _, said in lines} == {"taken"}
            ways = [way.partition(":")[0] for way, _, _ in lines]
            assert ways == ["key accounts -> chat", "rest -> chat", "log", "webhook", "alertmanager 127.0.0.1"]
            assert [each["title"] for each in receiver.posted] == ["Test Batona", "Baton test"]
            assert [each["data"]["lead"] for each in server.once.values()] == ["baton:test:1"]
            assert [each["labels"]["alertname"] for each in alertmanager.alerts()] == ["BatonTest"]
            receiver.status = 500
            done = baton("alerts", "test", **settings)
            assert done.returncode == 1
            assert "key accounts -> chat: not taken: the service did not take it" in done.stdout
    finally:
        receiver.close()
