"""What must hold for one goal: conditions that its measure can meet, and months that add up to its target."""

from collections.abc import Iterator
from decimal import Decimal

from schemas import charter_shares as shares
from schemas import charter_times as times
from schemas import charter_values as values
from schemas.charter import SHARES, spell_out_attainment
from services.charters.nodes import Finding, Node

_MONTHS = {"quarter": 3, "year": 12}


def check_goal(place: str, goal: Node) -> Iterator[Finding]:
    """Everything within a goal that does not fit together."""
    spelled = spell_out_attainment(goal.plain())
    measure = spelled.get("measure") if isinstance(spelled, dict) else None
    where = goal.get("where")
    if measure == "completeness" and where is None:
        _, line = goal.find(["measure"])
        text = "completeness of what? say it by `where`, such as `where: {source: {known: true}}`"
        yield Finding(line, f"{place}: {text}")
    if measure == "attainment" and where is not None:
        text = "attainment counts every instance of its clock; leave `where` out"
        yield Finding(where.line, f"{place}.where: {text}")
    months = goal.get("targets")
    if months is not None and isinstance(measure, str):
        yield from _months(f"{place}.targets", goal, months, measure)


def _months(place: str, goal: Node, months: Node, measure: str) -> Iterator[Finding]:
    per = goal.text("per")
    if measure in SHARES:
        yield Finding(months.line, f"{place}: {measure} is a share, to which months do not add up; leave them out")
        return
    if per not in _MONTHS:
        if per is not None:
            yield Finding(months.line, f"{place}: months are parts of a quarter or a year, not of a {per:.20}")
        return
    read: dict[str, Decimal | None] = {
        name: values.or_none(shares.read_part, entry.node.value) for name, entry in months.entries()
    }
    amounts = [each for each in read.values() if each is not None]
    if not read or len(amounts) < len(read) or any(values.or_none(times.read_month, name) is None for name in read):
        return  # told as a mistake of shape
    wanted = _around(min(read), _MONTHS[per])
    if set(read) != set(wanted):
        listed = ", ".join(wanted)
        yield Finding(months.line, f"{place}: give a number to each month of one {per} and to no other: {listed}")
        return
    node = goal.get("target")
    target = values.or_none(shares.read_quantity, node.value) if node is not None else None
    if target is not None and sum(amounts) != target:
        text = f"the months add up to {sum(amounts):f}, the target is {target:f}; let them be the same"
        yield Finding(months.line, f"{place}: {text}")


def _around(month: str, count: int) -> list[str]:
    """The months of the period of `count` months in which `month` lies."""
    year, number = int(month[:4]), int(month[5:])
    first = (number - 1) // count * count + 1
    return [f"{year}-{first + place:02}" for place in range(count)]
