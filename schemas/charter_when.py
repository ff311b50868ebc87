"""How a `when` asks for a value: the value, a list, or `{gte: 80}`, `{not: ...}`, `{known: true}`."""

from collections.abc import Mapping
from typing import Any

from schemas.charter_values import did_you_mean, said
from services.domain.conditions import COMPARISONS, AnyOf, Compared, Known, NoneOf, Test
from services.domain.events import Scalar


def read_test(value: object) -> Any:
    """What an attribute must be, as plain data."""
    tests_of(value)
    if isinstance(value, Mapping):
        return {name: _scalars(each) for name, each in value.items()}
    return _scalars(value)


def tests_of(value: object) -> tuple[Test, ...]:
    """The tests that a value of a `when` stands for."""
    if not isinstance(value, Mapping):
        return (AnyOf(_values(value)),)
    if not value:
        raise ValueError("an empty test; write a value, a list, or one such as {gte: 80}")
    return tuple(_test(name, wanted) for name, wanted in value.items())


def _test(name: str, wanted: object) -> Test:
    if name in COMPARISONS:
        if isinstance(wanted, bool) or not isinstance(wanted, int | float):
            raise ValueError(f"{name} compares numbers, and {said(wanted)} is none; write {{{name}: 80}}")
        return Compared(name, wanted + 0)
    if name == "not":
        return NoneOf(_values(wanted))
    if name == "known":
        if not isinstance(wanted, bool):
            raise ValueError(f"known is true or false, not {said(wanted)}; write {{known: true}}")
        return Known(wanted)
    raise ValueError(f'there is no test "{name:.40}"{did_you_mean(name, (*COMPARISONS, "not", "known"))}')


def _values(value: object) -> tuple[Scalar, ...]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        raise ValueError("an empty list holds for nothing; write the values it may be")
    for each in values:
        if each is None:
            raise ValueError("nothing is no value; to ask for an unknown attribute write {known: false}")
        if not isinstance(each, str | int | float):
            raise ValueError(f"a value must be text, a number, true or false, not {said(each)}")
    return tuple(_scalar(each) for each in values)


def _scalars(value: object) -> object:
    return [_scalar(each) for each in value] if isinstance(value, list | tuple) else _scalar(value)


def _scalar(value: Any) -> Scalar:
    """The plain value, without the memory of how it was written."""
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return None
