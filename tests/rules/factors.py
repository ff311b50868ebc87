"""The table of factors by objective, as docs/alerts.md has it: `python -m tests.rules.factors` prints it."""

import sys
from fractions import Fraction

from services.rules.burn import STEPS, condition, fewest_for_verdict
from services.rules.model import about, number

OBJECTIVES = ("50%", "70%", "80%", "85%", "90%", "95%", "97%", "99%", "99.5%")


def table() -> str:
    """A row for each objective, a column for each pair of windows."""
    head = ["Objective", "Highest burn", *(f"{step.long} and {step.short}" for step in STEPS), "30d"]
    lines = [head, ["---"] * len(head), *(_row(each) for each in OBJECTIVES)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _row(written: str) -> list[str]:
    objective = Fraction(written.removesuffix("%")) / 100
    cells = [written.replace("%", " %"), f"{float(1 / (1 - objective)):.3g}"]
    for step in STEPS:
        told = condition(step, objective)
        cells.append("never" if told is None else f"{number(told.factor)}: {about(told.late)} of {told.fewest}")
    return [*cells, str(fewest_for_verdict(objective))]


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
