"""What must hold for commitments and goals: amounts that fit their measure, clocks and parents that are there."""

from collections.abc import Iterator, Sequence

from schemas import charter_shares as shares
from schemas import charter_values as values
from schemas.charter import SHARES, spell_out_attainment
from services.charters.goal_rules import check_goal
from services.charters.nodes import Finding, Node


def check_promises(root: Node) -> Iterator[Finding]:
    """Everything that does not fit together in the commitments and goals."""
    for name, entry in root.block("commitments"):
        yield from _measured(root, f"commitments.{name}", entry.node, "at_least")
        yield from _completeness(f"commitments.{name}", entry.node)
    goals = root.list("goals")
    for number, goal in enumerate(goals, 1):
        yield from _measured(root, f"goals.{number}", goal, "target")
        yield from check_goal(f"goals.{number}", goal)
    yield from _names_of(goals)
    yield from _parents(goals)


def _measured(root: Node, place: str, promise: Node, amount_key: str) -> Iterator[Finding]:
    spelled = spell_out_attainment(promise.plain())
    if not isinstance(spelled, dict) or not isinstance(measure := spelled.get("measure"), str):
        return
    if measure == "attainment":
        yield from _clock(root, place, promise, spelled.get("attainment"))
    amount = promise.get(amount_key)
    if amount is None or values.or_none(shares.read_quantity, amount.value) is None:
        return
    if measure in SHARES:
        try:
            shares.read_share(amount.value)
        except ValueError as error:
            yield Finding(amount.line, f"{place}.{amount_key}: {measure} is a share: {error}")
    elif shares.is_percentage(amount.value):
        number = str(amount.value).rstrip("% ")
        yield Finding(amount.line, f"{place}.{amount_key}: {measure} is no share; write a number such as {number}")


def _clock(root: Node, place: str, promise: Node, clock: object) -> Iterator[Finding]:
    clocks = [name for name, _ in root.block("clocks")]
    node, line = promise.find(["attainment" if promise.get("attainment") is not None else "measure"])
    if clock is None:
        yield Finding(line, f"{place}: attainment of which clock? write `attainment: {next(iter(clocks), 'accept')}`")
    elif isinstance(clock, str) and not root.defines("clocks", clock):
        hint = values.did_you_mean(clock, clocks) or "; define it under `clocks`"
        yield Finding(node.line, f'{place}: the clock "{clock:.60}" is not defined{hint}')


def _completeness(place: str, promise: Node) -> Iterator[Finding]:
    measure, fields = promise.get("measure"), promise.get("fields")
    if measure is not None and measure.value == "completeness" and (fields is None or fields.value == []):
        yield Finding(
            measure.line,
            f"{place}: completeness of what? add `fields`, such as `fields: [source, campaign, score, account]`",
        )


def _names_of(goals: Sequence[Node]) -> Iterator[Finding]:
    lines: dict[str, int] = {}
    for goal in goals:
        name, (_, line) = goal.text("name"), goal.find(["name"])
        if name in lines:
            yield Finding(line, f'goals: "{name}" names a goal in line {lines[name]} too; give each its own name')
        elif name is not None:
            lines[name] = line


def _parents(goals: Sequence[Node]) -> Iterator[Finding]:
    parents = {name: goal.text("parent") for goal in goals if (name := goal.text("name")) is not None}
    for number, goal in enumerate(goals, 1):
        name, parent, (_, line) = goal.text("name"), goal.text("parent"), goal.find(["parent"])
        if parent is None:
            continue
        if parent not in parents:
            hint = values.did_you_mean(parent, [each for each in parents if each != name])
            yield Finding(
                line, f'goals.{number}: the goal "{parent:.60}" is not defined{hint or "; add it to `goals`"}'
            )
        elif name is not None and _serves_itself(name, parents):
            yield Finding(
                line, f'goals.{number}: "{name}" serves itself through its parents; let one of them have none'
            )


def _serves_itself(name: str, parents: dict[str, str | None]) -> bool:
    above = parents[name]
    for _ in parents:
        if above == name:
            return True
        above = parents.get(above or "")
    return False
