"""Each verdict comes with the sentence that gives its reason."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.board.judgements import Judgement, of_file, of_file_at, of_row
from services.board.reasons import choice, reason
from services.board.times import Times
from services.domain.charter import Charters
from services.domain.events import EventType
from tests.board.world import CHARTER, HOUR, NOW, WARSAW, Story, at, file_of, forgotten

CHARTERS = Charters([CHARTER])
TIMES = Times(WARSAW, NOW)
KEY = "crm:1"
Plot = Callable[[Story], None]


def _plot(*steps: tuple[str, EventType, dict[str, object]]) -> Plot:
    def write(book: Story) -> None:
        for when, kind, data in steps:
            book.tell(KEY, when, kind, **data)

    return write


def _judge(plot: Plot, clock: str = "accept", number: int = 1, *, by_row: bool = False) -> Judgement:
    book = Story()
    plot(book)
    file = file_of(KEY, book.events[KEY], NOW, CHARTERS)
    if by_row:
        return next(of_row(row, CHARTERS, NOW) for row in file.clocks if (row.clock, row.number) == (clock, number))
    _, judgements = of_file(file, CHARTERS, NOW)
    return next(each for each in judgements if (each.clock, each.number) == (clock, number))


def _handed(when: str, **attributes: object) -> tuple[str, EventType, dict[str, object]]:
    return (when, EventType.LEAD_HANDED_OFF, {"attributes": attributes})


SENTENCES = [
    pytest.param(
        _plot(_handed("10-12 09:30"), ("10-12 10:42", EventType.LEAD_ACCEPTED, {})),
        "Met: accepted Mon 12 Oct 10:42, after 1 h 12 min of the 4 h that calendar office allows "
        "(target: everything else → 4h)",
        id="met",
    ),
    pytest.param(
        _plot(_handed("10-09 16:00"), ("10-12 10:00:30", EventType.LEAD_ACCEPTED, {})),
        "Met: accepted Mon 12 Oct 10:00, after 2 h of the 4 h that calendar office allows "
        "(target: everything else → 4h)",
        id="met over a weekend that does not count",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00", priority="hot"), ("10-12 09:20", EventType.LEAD_REJECTED, {"reason": "x"})),
        "Missed: rejected Mon 12 Oct 09:20, after 20 min of the 15 min that calendar always allows; "
        "it was due Mon 12 Oct 09:15 (target: priority is hot → 15m)",
        id="missed, by a target that was chosen by `when`",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00", score=91), ("10-12 10:00:00.5", EventType.LEAD_ACCEPTED, {})),
        "Missed: accepted Mon 12 Oct 10:00, after just over 1 h of the 1 h that calendar office allows; "
        "it was due Mon 12 Oct 10:00 (target: score is at least 80 → 1h)",
        id="missed by half a second",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00", priority="hot"), ("10-12 10:00", EventType.LEAD_WITHDRAWN, {})),
        "Missed: withdrawn Mon 12 Oct 10:00, when it was overdue already: due Mon 12 Oct 09:15, "
        "with 1 h of the 15 min that calendar always allows gone by (target: priority is hot → 15m)",
        id="withdrawn too late",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00"), ("10-12 09:40", EventType.LEAD_WITHDRAWN, {"reason": "spam"})),
        "Cancelled: withdrawn Mon 12 Oct 09:40, before it was due; "
        "40 min of the 4 h that calendar office allows had gone by (target: everything else → 4h)",
        id="cancelled by withdrawn",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00"), ("10-12 09:40", EventType.LEAD_ASSIGNED, {"owner": "ewa"})),
        "Cancelled: assigned Mon 12 Oct 09:40, which starts the clock anew; "
        "40 min of the 4 h that calendar office allows had gone by (target: everything else → 4h)",
        id="restarted",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00"), ("10-12 09:20", EventType.LEAD_ERASED, {})),
        "Cancelled: erased Mon 12 Oct 09:20, as the person asked to be forgotten; "
        "20 min of the 4 h that calendar office allows had gone by (target: everything else → 4h)",
        id="erased",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00", priority="hot")),
        "Overdue: due Mon 12 Oct 09:15 and not yet accepted or rejected; "
        "3 h of the 15 min that calendar always allows have gone by (target: priority is hot → 15m)",
        id="overdue",
    ),
    pytest.param(
        _plot(_handed("10-12 11:10", score=91)),
        "At risk: 50 min of the 1 h that calendar office allows have gone by, 75 % of it or more; "
        "due Mon 12 Oct 12:10, not yet accepted or rejected (target: score is at least 80 → 1h)",
        id="at risk",
    ),
    pytest.param(
        _plot(_handed("10-12 11:30")),
        "Running: 30 min of the 4 h that calendar office allows have gone by; "
        "due Mon 12 Oct 15:30, not yet accepted or rejected (target: everything else → 4h)",
        id="running",
    ),
    pytest.param(
        _plot(_handed("10-12 09:00"), ("10-12 10:00", EventType.LEAD_PAUSED, {"reason": "holiday"})),
        "Paused since Mon 12 Oct 10:00: nothing counts until the lead is resumed; "
        "1 h of the 4 h that calendar office allows have gone by (target: everything else → 4h)",
        id="paused",
    ),
    pytest.param(
        _plot(
            _handed("10-12 09:00"),
            ("10-12 09:30", EventType.LEAD_PAUSED, {"reason": "holiday"}),
            ("10-12 11:30", EventType.LEAD_RESUMED, {}),
            ("10-12 11:45", EventType.LEAD_ACCEPTED, {}),
        ),
        "Met: accepted Mon 12 Oct 11:45, after 45 min of the 4 h that calendar office allows "
        "(target: everything else → 4h)",
        id="met, less the time paused",
    ),
]


@pytest.mark.parametrize(("plot", "sentence"), SENTENCES)
def test_a_verdict_gives_its_reason(plot: Plot, sentence: str) -> None:
    """The sentence says what happened when, and how much of which calendar's time had been counted."""
    assert reason(_judge(plot), TIMES) == sentence


@pytest.mark.parametrize(("plot", "sentence"), [each for each in SENTENCES if each.id not in ("paused", "overdue")])
def test_the_stored_row_alone_gives_the_same_reason(plot: Plot, sentence: str) -> None:
    """A list, which has no events at hand, says the same, wherever the row is enough to tell."""
    assert reason(_judge(plot, by_row=True), TIMES) == sentence


def test_a_row_does_not_pretend_to_know_what_was_paused() -> None:
    """Without the lead's events the counted time of a paused instance is unknown, and said to be."""
    judged = _judge(_plot(_handed("10-12 09:00"), ("10-12 10:00", EventType.LEAD_PAUSED, {"reason": "x"})), by_row=True)
    assert judged.counted is None
    assert "an unknown part of the 4 h" in reason(judged, TIMES)


def test_a_condition_on_an_event_is_said() -> None:
    """What would keep a promise is told with its condition: not just any touch."""
    plot = _plot(_handed("10-12 09:00"), ("10-12 09:30", EventType.LEAD_ACCEPTED, {}))
    assert "not yet touched (kind is call or meeting)" in reason(_judge(plot, "first_call"), TIMES)


def test_a_clock_with_one_target_names_no_condition() -> None:
    """Where there was nothing to choose from, no choice is explained."""
    plot = _plot(_handed("10-12 09:00"), ("10-12 09:30", EventType.LEAD_ACCEPTED, {}))
    judged = _judge(plot, "first_call")
    assert reason(judged, TIMES).endswith("(target: 1d)")
    assert choice(judged.target) == "The clock’s only target"


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"priority": "hot", "score": 99}, "Target 1 of 3, because priority is hot"),
        ({"score": 80}, "Target 2 of 3, because score is at least 80"),
        ({"score": 79}, "Target 3 of 3: no condition before it held"),
    ],
)
def test_the_target_is_explained(attributes: dict[str, object], words: str) -> None:
    """The first target whose condition held is the one, and the condition is named."""
    assert choice(_judge(_plot(_handed("10-12 11:30", **attributes))).target) == words


def test_a_forgotten_lead_keeps_its_verdicts() -> None:
    """After erasure the events are gone; the stored verdict still gives its reason."""
    book = Story()
    _plot(_handed("10-12 09:00", name="Anna"), ("10-12 09:20", EventType.LEAD_ERASED, {}))(book)
    file = forgotten(file_of(KEY, book.events[KEY], NOW, CHARTERS))
    lead, judgements = of_file(file, CHARTERS, NOW)
    assert not lead.attributes
    assert reason(judgements[0], TIMES).startswith("Cancelled: erased Mon 12 Oct 09:20")


def test_a_verdict_outlives_its_charter() -> None:
    """Where the charter that judged is no longer among the charters, the verdict stands with what the row has."""
    other = Charters([replace(CHARTER, version="2027-Q1")])
    book = Story()
    _plot(_handed("10-12 09:30"), ("10-12 10:42", EventType.LEAD_ACCEPTED, {}))(book)
    file = file_of(KEY, book.events[KEY], NOW, CHARTERS)
    judged = next(of_row(row, other, NOW) for row in file.clocks if row.clock == "accept")
    assert reason(judged, TIMES) == (
        "Met: accepted Mon 12 Oct 10:42, after 1 h 12 min of the 4 h that calendar office allows (target: 4 h)"
    )
    assert "no longer among the charters" in choice(judged.target)


def test_a_lead_is_judged_as_it_was_at_another_instant() -> None:
    """With `as_of` the events after that instant are as if they had not happened."""
    book = Story()
    _plot(_handed("10-12 09:30"), ("10-12 10:42", EventType.LEAD_ACCEPTED, {}))(book)
    file = file_of(KEY, book.events[KEY], NOW, CHARTERS)
    _, judgements = of_file_at(file, CHARTERS, at("10-12 10:00"))
    assert [(each.clock, each.status, each.left) for each in judgements] == [("accept", "running", 7 * HOUR // 2)]


def test_what_was_told_is_stronger_than_what_the_events_say_now() -> None:
    """Where the stored row and the events differ, the page shows the row: what people were told."""
    book = Story()
    _plot(_handed("10-12 09:30"))(book)
    file = file_of(KEY, book.events[KEY], NOW, CHARTERS)
    told = replace(file.clocks[0], status="met", ended_at=at("10-12 10:00"), ended_by="lead.accepted s 1", counted=HOUR)
    _, judgements = of_file(replace(file, clocks=[told]), CHARTERS, NOW)
    assert reason(judgements[0], TIMES).startswith("Met: accepted Mon 12 Oct 10:00, after 1 h of the 4 h")


def test_an_instant_of_another_year_says_its_year() -> None:
    """Only what is not of this year needs its year."""
    assert TIMES.moment(at("2025-12-31 23:59")) == "Wed 31 Dec 2025 23:59"
    assert TIMES.moment(at("10-12 10:42")) == "Mon 12 Oct 10:42"
