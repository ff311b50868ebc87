"""What a file of Prometheus rules is made of, and how names and numbers are written in PromQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Recording:
    """A rule that writes a series."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that tells somebody. `summary` and `description` are templates of Prometheus, which read labels.

    So no name of a charter stands in them: `{{` in one would be a template of its own.
    """

    name: str
    expr: str
    severity: str
    summary: str
    description: str
    labels: Mapping[str, str] = field(default_factory=dict)
    """Beside the severity. Their values are templates as well: see `literally`."""
    hold: str = ""
    """How long it must be so before anybody is told; empty: not at all."""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that are worked out together, in their order."""

    name: str
    rules: Sequence[Recording | Alert]
    comment: str


def selector(metric: str, **labels: str) -> str:
    """A metric with the values that its labels must have, quoted as PromQL has it."""
    matchers = ",".join(f"{name}={quoted(value)}" for name, value in labels.items())
    return f"{metric}{{{matchers}}}"


def quoted(text: str) -> str:
    """A text as a string of PromQL. Names in a charter are printable, so that two characters alone need a backslash."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def number(value: Fraction | int) -> str:
    """A number as PromQL reads it. Charters and factors have decimals that end, so that nothing is cut."""
    decimal = Decimal(value.numerator) / Decimal(value.denominator)
    text = f"{decimal:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def literally(text: str) -> str:
    """A text for a place where Prometheus expects a template, so that it stands there as it is."""
    return text.replace("{{", '{{"{{"}}')


def percent(share: Fraction) -> str:
    """A share as the charter has it, such as 99.95 %."""
    return f"{number(share * 100)} %"


def about(share: Fraction) -> str:
    """A share that three figures are enough for, such as 10.7 %."""
    return f"{float(share * 100):.3g} %"
