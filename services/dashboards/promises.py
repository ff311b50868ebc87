"""What the dashboards say about the charter's clocks: in words, and as thresholds."""

from collections.abc import Sequence

from services.dashboards.panels import BAD, CALM, GOOD, STILL, WARN, Step
from services.domain.charter import Charter, Clock, Side
from services.domain.clocks import Status
from services.domain.instants import SECOND

SIDES = (Side.MARKETING, Side.SALES)
"""From left to right, as on the board."""
STATUS_COLORS = {
    str(Status.RUNNING): GOOD,
    str(Status.AT_RISK): WARN,
    str(Status.OVERDUE): BAD,
    str(Status.PAUSED): STILL,
}


def clocks_of(charter: Charter, side: Side) -> list[Clock]:
    """The clocks that a side owes, in the charter's order."""
    return [clock for clock in charter.clocks.values() if clock.promised_by is side]


def objective_steps(clock: Clock) -> Sequence[Step]:
    """Good from the objective on; without one nothing is judged."""
    if clock.objective is None:
        return (Step(None, CALM),)
    return Step(None, BAD), Step(float(clock.objective), GOOD)


def target_steps(clock: Clock) -> Sequence[Step]:
    """A line at each target of the clock, in seconds; past the longest nothing is kept."""
    targets = sorted({target.within / SECOND for target in clock.targets})
    *shorter, longest = targets
    return Step(None, GOOD), *(Step(each, WARN) for each in shorter), Step(longest, BAD)


def sentence(clock: Clock) -> str:
    """What is promised, as one sentence with its end."""
    says = clock.says or f"The promise {clock.name} of {clock.promised_by}"
    return says if says.endswith((".", "!", "?")) else says + "."


def objective_words(clock: Clock) -> str:
    """What is to be reached."""
    if clock.objective is None:
        return "The charter has no objective for it."
    return f"Objective: {float(clock.objective) * 100:.4g} % kept."


def target_words(clock: Clock) -> str:
    """How long it may take."""
    texts = list(dict.fromkeys(target.text for target in clock.targets))
    return f"Target{'s, by lead' if len(texts) > 1 else ''}: {', '.join(texts)} of counted time."
