"""Every mistake is told with its line, in words that say what to write instead."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.charters import parse_charter
from services.charters.yaml_file import MAX_BYTES
from services.errors import CharterError
from tests.charters.texts import GOOD, broken

# What is replaced, by what (`#!` marks the line at fault where it is not the first), and what must be said.
MISTAKES = [
    # The file as YAML.
    ("  team: [inbound, enterprise]", "\tteam: [inbound]", "a tab; indent with spaces"),
    ("  team: [inbound, enterprise]", "  team: &team [inbound]", 'an anchor "&team"; leave it out'),
    ("strategy: One sentence.", "strategy: *above", 'an alias "*above"; write its value out'),
    ("strategy: One sentence.", "strategy: !!str 5", 'a tag "tag:yaml.org,2002:str"; leave it out'),
    (
        "strategy: One sentence.",
        "strategy: One\nstrategy: Two #!",
        'the key "strategy" is written twice, first in line',
    ),
    ("strategy: One sentence.", "strategy: Our aim: grow", "put the value in quotes, or check the indentation"),
    ("strategy: One sentence.", "strategy: 100% @all\nwho: @all #!", 'a value cannot begin with "@"'),
    ("strategy: One sentence.", "? [a, b]\n: c", "a key must be text, not a list or a block"),
    ("strategy: One sentence.", 'strategy: "\\U99999999"', "cannot be read from here on"),
    ("strategy: One sentence.", "strategy: One \x07 sentence", "a character that is no text (code 7)"),
    ("strategy: One sentence.", "---\nstrategy: One sentence. #!", "a second document"),
    ("charter: 1\n", "%YAML 1.1\n---\ncharter: 1\n", "older YAML"),
    # Keys.
    ("    pausable: true", "    pauseable: true", 'there is no key "pauseable"; did you mean "pausable"?'),
    ("reasons:\n", "reason:\n", 'there is no key "reason"; did you mean "reasons"?'),
    ("{at: 100%, to: sales}", "{at:100%, to: sales}", '"at:100%" is no key; put a space after the colon'),
    (
        "  accept:\n    says: Sales accepts or rejects every lead\n    promised_by: sales\n",
        "  accept: #!\n",
        "clocks.accept: `promised_by` is missing; add it, such as `promised_by: sales`",
    ),
    ("strategy: One sentence.", "strategie: One sentence.", 'did you mean "strategy"?'),
    ("    stops_on: [lead.accepted, lead.rejected]", "    stops_on:", "clocks.accept: `stops_on` is missing; add it"),
    (
        "    timezone: Europe/Warsaw\n",
        "    timezone:\n",
        "`timezone` is missing; add it, such as `timezone: Europe/Warsaw`",
    ),
    # Types.
    ("charter: 1\n", "charter: 2\n", 'charter: cannot be "2"; write 1'),
    ("charter: 1\n", "charter: '1'\n", 'cannot be "1"; write 1 without quotes'),
    ("version: 2026-Q4", "version: [2026, 4]", "version: must be text, not a list"),
    ("    pausable: true", "    pausable: yes", 'must be true or false, not "yes"'),
    ("  team: [inbound, enterprise]", "  team: inbound", 'must be a list, not "inbound"; write [inbound]'),
    ("    starts_on: [lead.handed_off]", "    starts_on: lead.handed_off", "must be a list"),
    ("    starts_on: [lead.handed_off]", "    starts_on: []", "is empty; write at least one"),
    ("stalled_after: {time: 3d, calendar: office}", "stalled_after: 3d", "must be a block of keys with time, calendar"),
    ("  review: {every: quarter}", "  review: quarter", "must be a block of keys with every"),
    ("  accept:\n", "  accept/reject:\n", 'because it has a "/"; write "accept-reject"'),
    # The head.
    ("2026-10-01T00:00:00+02:00", "2026-10-01", "lacks the time and its offset; write 2026-10-01T00:00:00+02:00"),
    ("2026-10-01T00:00:00+02:00", "2026-10-01T00:00:00", "is not an RFC 3339 time with an offset"),
    ("on: 2026-09-21", "on: 21.09.2026", '"21.09.2026" is not a date; write it as year-month-day'),
    ("on: 2026-09-21", "on: 2026-09-31", 'there is no day "2026-09-31"'),
    ("{side: marketing, by", "{side: service, by", '"service" is no side of a charter; write one of: marketing, sales'),
    ("by: Head of Marketing, ", "", "agreed.1: `by` is missing"),
    # Calendars.
    ("timezone: Europe/Warsaw", "timezone: Warsaw", 'no time zone "Warsaw"; did you mean "Europe/Warsaw"?'),
    ("timezone: Europe/Warsaw", "timezone: Europe", 'there is no time zone "Europe"'),
    ("timezone: Europe/Warsaw", "timezone: ../../etc/passwd", "there is no time zone"),
    ("{mon-thu: ", "{mno-thu: ", '"mno" is not a weekday; write mon, tue, wed'),
    ("{mon-thu: ", "{Monday-thu: ", '"Monday" is not a weekday; write "mon"'),
    ("{mon-thu: ", "{mon-fri: ", '"fri" names fri, which has hours in line 10 already'),
    ('mon-thu: "09:00-17:00"', "mon-thu: 9:00-17:00", '"9:00-17:00" is not hours; write "09:00-17:00"'),
    ('mon-thu: "09:00-17:00"', "mon-thu: 9-17", 'write "09:00-17:00"'),
    ('mon-thu: "09:00-17:00"', "mon-thu: 09:00–17:00", 'write "09:00-17:00"'),
    ('mon-thu: "09:00-17:00"', "mon-thu: 540", '"540" is not hours; write text such as "09:00-17:00"'),
    ('mon-thu: "09:00-17:00"', "mon-thu: 9:00", '"9:00" is not hours; write text such as'),
    ('mon-thu: "09:00-17:00"', 'mon-thu: {from: "09:00"}', "a block of keys is not hours"),
    ('mon-thu: "09:00-17:00"', "mon-thu:", "has no hours; write some"),
    ('mon-thu: "09:00-17:00"', 'mon-thu: "09:00-24:30"', "no such time of day: 24:30"),
    ('mon-thu: "09:00-17:00"', 'mon-thu: "09:60-17:00"', "no such time of day: 09:60"),
    ('mon-thu: "09:00-17:00"', 'mon-thu: "24:00-06:00"', "can only be an end"),
    ('"13:00-16:00"]', '"11:00-16:00"]', '"fri 11:00-16:00" begins before "fri 09:00-12:00" ends'),
    ('mon-thu: "09:00-17:00"', 'mon-thu: "22:00-09:30"', '"fri 09:00-12:00" begins before "thu 22:00-09:30" ends'),
    (
        '{mon-thu: "09:00-17:00", fri: ["09:00-12:00", "13:00-16:00"]}',
        '{sun: "22:00-06:00", mon: "05:00-09:00"}',
        '"mon 05:00-09:00" begins before "sun 22:00-06:00" ends',
    ),
    ('{mon-sun: "00:00-24:00"}', '{mon: "00:00-24:00", tue: "00:00-00:01", mon: "01:00-02:00"}', "written twice"),
    ('{mon-sun: "00:00-24:00"}', "{}", "no time is counted; give hours such as"),
    ('{mon-sun: "00:00-24:00"}', "{mon: []}", "no time is counted"),
    ('open: {2026-12-27: "10:00-14:00"}', 'open: {2026-12-27: ["10:00-14:00", "13:00-15:00"]}', "hours not overlap"),
    ('open: {2026-12-27: "10:00-14:00"}', 'open: {27.12.2026: "10:00-14:00"}', '"27.12.2026" is not a date'),
    ("closed: [2026-12-31]", "closed: [2026-13-31]", 'there is no day "2026-13-31"'),
    ("closed: [2026-12-31]", "closed: 2026-12-31", "must be a list"),
    ("country: PL", "country: Poland", 'did you mean "PL"?'),
    ("country: PL", "country: true", 'no holidays are known for the country "true"'),
    ("country: PL", "country: XX", "write its two-letter ISO 3166 code"),
    ("country: PL", "country: US, subdivision: NYC", 'US has no region "NYC"; did you mean "NY"?'),
    ("country: PL", "country: SG, subdivision: MZ", "SG has no regions with holidays of their own"),
    ("country: PL", "subdivision: NY", "is a region of a country; add `country`"),
    ("    day: 8h", "    day: 1d", 'write hours, such as "8h"'),
    ("    day: 8h", "    day: 40h", "is longer than a day"),
    ("    day: 8h", "    day: 8", '"8" is not a duration; a bare number has no unit, write 8m or 8h'),
    # Times.
    ("{time: 3d, calendar: office}", "{time: 3 days, calendar: office}", "is not a duration; write it like 90s, 15m"),
    ("{time: 3d, calendar: office}", "{time: 0d, calendar: office}", "is no time at all"),
    ("{time: 3d, calendar: office}", "{time: 3d, calendar: ofice}", '"ofice" is not defined; did you mean "office"?'),
    ("{time: 3d, calendar: office}", "{time: 3d, calendar: dayless}", "does not say how long one is; add `day: 8h`"),
    ("{time: 3d, calendar: office}", "{time: 3d}", "stalled_after: `calendar` is missing"),
    # Clocks.
    (
        "  accept:\n",
        "  handoff:\n",
        '"handoff" cannot name a clock, because it names the handoff itself; write "handoff-clock"',
    ),
    ("[lead.handed_off]", "[lead.handedoff]", 'no event "lead.handedoff"; did you mean "lead.handed_off"?'),
    ("type: lead.touched, ", "type: lead.touch, ", 'did you mean "lead.touched"?'),
    ("kind: [call, meeting]", "kind: [call, meating]", '"meating" is no kind of lead.touched; did you mean "meeting"?'),
    (
        "{reason: wrong_fit}",
        "{reason: wrong_fitt}",
        'the reason "wrong_fitt" is not defined; did you mean "wrong_fit"?',
    ),
    ("{reason: wrong_fit}", "{reason: {not: [bad]}}", 'the reason "bad" is not defined'),
    ("{within: 4h}", "{within: 0h}", "is no time at all; write how long"),
    ("{within: 4h}", "{within: 4}", "a bare number has no unit, write 4m or 4h"),
    ("{within: 4h}", "{within: 4h, calendar: nights}", 'the calendar "nights" is not defined'),
    ("{within: 4h}", "{within: 4h, when: {team: inbound}}", "the last target has a `when`"),
    ("within: 15m, calendar: dayless}", "within: 1d, calendar: dayless}", "does not say how long one is"),
    ("{when: {score: {gte: 80}}, within: 1h}", "{within: 1h}", "the targets after it are never reached"),
    ("{score: {gte: 80}}", '{score: {gte: "80"}}', "gte compares numbers"),
    ("{score: {gte: 80}}", "{score: {min: 80}}", 'there is no test "min"; write one of: gte, gt, lte, lt, not, known'),
    ("{score: {gte: 80}}", "{score: {known: yes}}", "known is true or false"),
    ("{score: {gte: 80}}", "{score: []}", "an empty list holds for nothing"),
    ("{score: {gte: 80}}", "{score: null}", "write {known: false}"),
    ("{score: {gte: 80}}", "{score: {}}", "an empty test"),
    ("{score: {gte: 80}}", "score", "must be a block of keys"),
    (
        "    calendar: office\n    targets: [{within: 1d4h}]",
        "    targets: [{within: 1d4h}] #!",
        "no calendar counts this time; add `calendar` here or to the clock",
    ),
    ("    at_risk: 75%", "    at_risk: 75", "75 is more than the whole; write 75%"),
    ("    at_risk: 75%", "    at_risk: 0", "would put every clock at risk at once"),
    ("    at_risk: 75%", "    at_risk: 120%", "no share of a whole; write between 0% and 100%"),
    ("    at_risk: 75%", "    at_risk: most", '"most" is not a number; write a share such as "75%" or 0.75'),
    ("    objective: 95%", "    objective: 100%", "leaves no room for a single miss, write 99%"),
    ("    objective: 95%", "    objective: 0%", "write one such as 95%"),
    ("{at: 150%, to", "{at: 50%, to", '"50%" comes before the one above it; put them in ascending order'),
    ("{at: 150%, to", "{at: 0%, to", "is before the clock starts"),
    ("{at: 150%, to", "{at: 150, to", "write 150%"),
    ("{within: 4h}", "{within: 999999w}", "lasts more than ten years; write less"),
    ("{time: 3d, calendar: office}", "{time: 9999w, calendar: office}", "lasts more than ten years"),
    ("    settle: 1m", "    settle: 999999h", "lasts more than ten years"),
    ("    settle: 1m", "    settle: soon", "is not a duration"),
    (
        "    promised_by: sales\n    starts_on: [lead.acc",
        "    promised_by: seles\n    starts_on: [lead.acc",
        "did you mean",
    ),
    # Commitments, goals and the rest.
    ("measure: handoffs,", "measure: handoff,", 'there is no measure "handoff"; did you mean "handoffs"?'),
    ("per: month, at_least: 400", "per: mnth, at_least: 400", 'cannot be "mnth"; did you mean "month"?'),
    (", at_least: 400", "", "commitments.volume: `at_least` is missing"),
    ("at_least: 400", "at_least: 40%", "handoffs is no share; write a number such as 40"),
    ("at_least: 400", "at_least: 0", "is always reached"),
    ("at_least: 70%", "at_least: 70", "accept_rate is a share: 70 is more than the whole; write 70%"),
    (", fields: [source]", "", "completeness of what? add `fields`"),
    ("attainment: accept,", "attainment: acept,", 'the clock "acept" is not defined; did you mean "accept"?'),
    ("attainment: accept,", "measure: attainment,", "attainment of which clock?"),
    ("means: Not our kind of customer, ", "", "reasons.wrong_fit: `means` is missing"),
    ("target: 1200000", 'target: "1 200 000"', "is not a number; write 1200000"),
    ("currency: PLN", "currency: zł", '"zł" is not a currency'),
    ("currency: PLN", "currency: pln", "write PLN"),
    ("parent: revenue", "parent: revenues", 'the goal "revenues" is not defined; did you mean "revenue"?'),
    ("parent: revenue", "parent: wins", "serves itself"),
    ("name: wins,", "name: revenue,", '"revenue" names a goal in line'),
    ("  review: {every: quarter}", "  review: {every: day}", "write one of: week, month, quarter, year"),
    ("accounts: [ACME], ", "", "client_teams.key-accounts: `accounts` is missing"),
    ("{feedback: {evidence: feedback_rate}}", "{feedback: feedback_rate}", "must be a block of keys with evidence"),
    ("{MQL: A lead that marketing hands over}", "{MQL: [lead]}", "must be text, not a list"),
]


def problems_of(text: str) -> list[tuple[int, str]]:
    """The line and text of every problem."""
    try:
        parse_charter(text, "charter.yaml")
    except CharterError as error:
        return [(problem.line, problem.text) for problem in error.problems]
    return []


def test_the_good_charter_is_good() -> None:
    """The charter that the table breaks has no mistake of its own."""
    assert problems_of(GOOD) == []


@pytest.mark.parametrize(("old", "new", "fragment"), MISTAKES, ids=[f"{new:.50}" for _, new, _ in MISTAKES])
def test_a_mistake_is_told_with_its_line(old: str, new: str, fragment: str) -> None:
    """A mistake is told on its own line, with what to write instead."""
    text, line = broken(old, new)
    found = problems_of(text)
    assert any(at == line and fragment in said for at, said in found), (line, found)


@pytest.mark.parametrize(("old", "new"), [row[:2] for row in MISTAKES], ids=[f"{new:.50}" for _, new, _ in MISTAKES])
def test_messages_are_in_plain_words(old: str, new: str) -> None:
    """No message uses the words of the libraries that found the mistake."""
    words = " ".join(said for _, said in problems_of(broken(old, new)[0]))
    for technical in (
        "Input should",
        "dictionary",
        "Extra inputs",
        "Field required",
        "NoneType",
        "Traceback",
        "<class",
    ):
        assert technical not in words


def test_all_mistakes_are_told_in_one_run() -> None:
    """Mistakes of every kind, all over the file, are told together and in the order of the file."""
    text = GOOD
    changes = [
        ("2026-10-01T00:00:00+02:00", "soon"),
        ("Europe/Warsaw", "Europe/Warszawa"),
        ("{mon-thu: ", "{mon-fri: "),
        ("{time: 3d, calendar: office}", "{time: 3d, calendar: ofice}"),
        ("    pausable: true", "    pauseable: true"),
        ("{within: 4h}", "{within: 4h, calendar: nights}"),
        ("    at_risk: 75%", "    at_risk: 75"),
        ("{at: 150%, to", "{at: 50%, to"),
        ("{reason: wrong_fit}", "{reason: other}"),
        ("at_least: 70%", "at_least: 70"),
        ("parent: revenue", "parent: nothing"),
        ("{every: quarter}", "quarter"),
    ]
    for old, new in changes:
        text = text.replace(old, new, 1)
    lines = [line for line, _ in problems_of(text)]
    assert len(lines) == len(changes)
    assert lines == sorted(lines)


def test_a_broken_clock_does_not_hide_its_other_mistakes() -> None:
    """Where a clock lacks a key, what is wrong with its targets is told all the same."""
    text = GOOD.replace("    stops_on: [lead.accepted, lead.rejected]\n", "").replace(
        "within: 15m, calendar: dayless", "within: 0m, calendar: nights"
    )
    said = " ".join(each for _, each in problems_of(text))
    assert "`stops_on` is missing" in said
    assert "is no time at all" in said
    assert '"nights" is not defined' in said


def test_a_section_without_shape_is_one_mistake() -> None:
    """Where the clocks are no block, nobody is told that each clock that is named elsewhere is missing."""
    start, end = GOOD.index("clocks:\n"), GOOD.index("commitments:\n")
    assert [line for line, _ in problems_of(GOOD[:start] + "clocks: [accept]\n" + GOOD[end:])] == [17]


def test_a_problem_names_the_file_and_its_line() -> None:
    """A problem reads `file:line: what is wrong`, as editors and terminals expect."""
    with pytest.raises(CharterError) as raised:
        parse_charter("charter: 1\nversion: []\n", "agreements/q4.yaml")
    assert "agreements/q4.yaml:2: version: must be text, not a list" in str(raised.value).splitlines()


def test_an_empty_text_is_no_charter() -> None:
    """An empty file says how to begin."""
    assert problems_of("# nothing yet\n") == [(1, "the file is empty; begin with `charter: 1`")]


def test_a_huge_text_is_refused() -> None:
    """Beyond 1 MiB nothing is read at all."""
    assert problems_of("#" * (MAX_BYTES + 1)) == [(1, "larger than 1 MiB; a charter is a few pages")]


def test_endless_nesting_is_refused() -> None:
    """Lists within lists without end are one problem, not a crash."""
    assert "nested without end" in problems_of("[" * 5000)[0][1]


def test_messages_cannot_steer_a_terminal() -> None:
    """Control characters that a file smuggles in by escapes are not printed."""
    assert all(said.isprintable() for _, said in problems_of('"\\e[2J\\x07": 1\n'))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200) | st.text("abc:-?[]{}#&*!|>'\"%@` \n\t,.019~<=\\U", max_size=60))
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever the text, there is a charter or a list of its mistakes."""
    assert problems_of(text)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_small_change_breaks_the_reader(data: st.DataObject) -> None:
    """A charter with a passage cut out or overwritten is read or refused, never a crash."""
    start = data.draw(st.integers(0, len(GOOD)))
    end = data.draw(st.integers(start, min(len(GOOD), start + 40)))
    between = data.draw(
        st.sampled_from(["", "null", "[]", "{}", "{a: 1}", "[[1]]", "0", "-1", "true", '"x"', "1.5", ": "])
    )
    problems_of(GOOD[:start] + between + GOOD[end:])
