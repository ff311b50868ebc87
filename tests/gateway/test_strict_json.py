"""JSON is read so strictly that later steps can trust it."""

import json
import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.strict_json import MOST_DEPTH, MOST_NODES, UnreadableJson, loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"[", "not JSON"),
        (b'{"a":1', "not JSON"),
        (b"[1] x", "not JSON"),
        (b"{'a':1}", "not JSON"),
        (b"[1,]", "not JSON"),
        (b'"a\nb"', "not JSON"),
        (b'"\xff"', "UTF-8"),
        (b'"\xed\xa0\x80"', "UTF-8"),
        (b"\xef\xbb\xbf[]", "not JSON"),
        ("[]".encode("utf-16"), "UTF-8"),
        (b"NaN", "NaN"),
        (b"[Infinity]", "Infinity"),
        (b'{"a":-Infinity}', "-Infinity"),
        (b"1e400", "too large"),
        (b"[-1e400]", "too large"),
        (b"9" * 4301, "digits"),
        (b"[-" + b"9" * 100_000 + b"]", "digits"),
        (b'{"a":1,"a":1}', "twice"),
        (b'[{"b":{"a":1,"\\u0061":2}}]', "twice"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff":1}', "surrogate"),
        (b'[["\\ud83d"]]', "surrogate"),
        (b'"a\\u0000"', "U+0000"),
        (b'{"\\u0000":1}', "U+0000"),
        (b"[" * 33 + b"]" * 33, "deeper"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "deeper"),
        (b"[" * 200_000, "deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "deeper"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "deeper"),
        (b"[" + b"1," * MOST_NODES + b"1]", "more than"),
        (b"[" + b"[],[[]]," * MOST_NODES + b"1]", "more than"),
    ],
)
def test_what_cannot_be_trusted_is_unreadable(raw: bytes, why: str) -> None:
    """One error, which says why; never RecursionError, never infinity."""
    with pytest.raises(UnreadableJson, match=re.escape(why)):
        loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b" [1, -2.5e3, true] ",
        b'"\\ud83d\\ude00 \xc5\x82"',
        b"[" * MOST_DEPTH + b"]" * MOST_DEPTH,
        b"[" + b"1," * (MOST_NODES - 2) + b"1]",
        b"9" * 4300,
    ],
)
def test_what_is_within_bounds_is_read(raw: bytes) -> None:
    """The bounds themselves are still fine."""
    assert loads(raw) == json.loads(raw)


@given(JSON)
def test_all_honest_json_is_read_as_it_is(value: object) -> None:
    """Whatever a JSON writer writes comes back, unless it has a character that no store takes."""
    raw = json.dumps(value).encode()
    if b"\\u0000" in raw:
        return
    assert loads(raw) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_the_one_error(raw: bytes) -> None:
    """Nothing else is ever raised, and no number is infinite."""
    try:
        value = loads(raw)
    except UnreadableJson:
        return
    assert not (isinstance(value, float) and not math.isfinite(value))
