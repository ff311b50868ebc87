"""What changed from one version of a charter to the next, as places with what stood there before and stands now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from schemas.charter import CharterDocument

_NOT_COMPARED = {"charter", "version", "effective_from", "agreed"}
"""What differs with every version, and is shown by itself."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place, such as `clocks.accept.targets.2.within`. Places of lists are counted from 1."""

    place: str
    before: str | None
    """None where nothing stood there."""
    after: str | None
    """None where nothing stands there any more."""


def changes(before: CharterDocument, after: CharterDocument) -> list[Change]:
    """Every place that differs, in the order of the newer version, then what was taken out of the older one."""
    old, new = _places(before), _places(after)
    changed = [Change(place, old.get(place), text) for place, text in new.items() if old.get(place) != text]
    return changed + [Change(place, text, None) for place, text in old.items() if place not in new]


def _places(document: CharterDocument) -> dict[str, str]:
    written = document.model_dump(mode="json", exclude=_NOT_COMPARED, exclude_none=True)
    return dict(_leaves(written, ""))


def _leaves(value: object, place: str) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping():
            for name, inner in value.items():
                yield from _leaves(inner, f"{place}.{name}" if place else str(name))
        case Sequence() if not isinstance(value, str) and any(isinstance(each, Mapping) for each in value):
            for number, inner in enumerate(value, start=1):
                name = inner.get("name", number) if isinstance(inner, Mapping) else number
                yield from _leaves(inner, f"{place}.{name}")
        case Sequence() if not isinstance(value, str):
            if value:
                yield place, ", ".join(str(each) for each in value)
        case _:
            yield place, str(value)
