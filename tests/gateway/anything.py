"""Whatever may come: strategies for any JSON and for damaged payloads; and what must hold all the same."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from schemas.dead_letters import DEAD_LETTER_REASONS
from services.domain.events import Event
from services.errors import BadEvent
from services.gateway.records import event_record
from services.ports import Record
from services.translate import from_json
from tests.gateway.conftest import Gateway

TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.sampled_from(
        ["", "0", "1462216307945", "2026-11-23T08:00:00Z", "marketingqualifiedlead", "closedwon", "{value}"]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
HTTP = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
PURE = settings(max_examples=200, deadline=None)

_Place = tuple[str | int, ...]


def changed(good: dict[str, Any], names: list[str], values: dict[str, st.SearchStrategy[Any]]) -> Any:
    """Items like `good`, with some fields changed to anything, or to something of their own kind, or left out."""
    changes = st.dictionaries(st.sampled_from(names), JSON, max_size=4)
    likely = st.fixed_dictionaries({}, optional=values)
    left_out = st.sets(st.sampled_from(names), max_size=2)
    return st.builds(
        lambda one, two, three: {k: v for k, v in {**good, **one, **two}.items() if k not in three},
        likely,
        changes,
        left_out,
    )


@st.composite
def damaged(draw: st.DrawFn, good: Sequence[object]) -> Any:
    """One of the documents, at one to three places of which stands something else, or nothing.

    What stands there may be what stands in another place of them: of the right kind, where it does not belong.
    """
    document = draw(st.sampled_from(good))
    elsewhere = st.sampled_from(good).flatmap(lambda other: st.sampled_from([part for _, part in _parts(other)]))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from([place for place, _ in _parts(document)]))
        document = _replaced(document, place, draw(st.none() | st.builds(lambda one: (one,), JSON | elsewhere)))
    return document


def _parts(document: Any, place: _Place = ()) -> Iterator[tuple[_Place, Any]]:
    yield place, document
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document if isinstance(document, list) else ())
    )
    for step, part in inner:
        yield from _parts(part, (*place, step))


def _replaced(document: Any, place: _Place, other: tuple[Any] | None) -> Any:
    """The document with `other` at the place; without the place where there is none."""
    if not place:
        return document if other is None else other[0]
    step, *rest = place
    pairs = list(document.items() if isinstance(document, dict) else enumerate(document))
    if not rest and other is None:
        kept = [(name, part) for name, part in pairs if name != step]
    else:
        kept = [(name, _replaced(part, tuple(rest), other) if name == step else part) for name, part in pairs]
    return dict(kept) if isinstance(document, dict) else [part for _, part in kept]


def is_json(document: object) -> bool:
    """Whether it is a value of JSON."""
    try:
        return bool(json.loads(json.dumps(document)) == document)
    except (TypeError, ValueError):
        return False


def check_log(gateway: Gateway) -> None:
    """The log has nothing but valid events and dead letters of known reasons, none of them a fault of ours."""
    for document in gateway.log.documents():
        from_json(json.dumps(document))
    for letter in gateway.log.letters:
        assert letter.reason in DEAD_LETTER_REASONS
        assert letter.reason != "fault"


def usable(read: Callable[[], Sequence[Event]]) -> list[tuple[Event, Record]]:
    """The events that are read, with their records; none where it is said why not."""
    try:
        return [(event, event_record("any", event)) for event in read()]
    except BadEvent as bad:
        if bad.reason in DEAD_LETTER_REASONS and str(bad):
            return []
        raise
