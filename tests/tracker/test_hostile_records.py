"""Records of producers that are not our gateway: whatever they write, the partition goes on."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from schemas.dead_letters import DeadLetter
from services.ports import DEAD_LETTERS, EVENTS, LogRecord
from services.storage import DeadLetterRow
from services.translate import to_wire
from tests.databases import MEMORY, POSTGRES, url_of
from tests.tracker.support import Bench, at, event

NUL = "\0"


@pytest.fixture(params=[MEMORY, POSTGRES])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(url=url_of(request.param, request))
    yield bench
    bench.database.close()


def document(**changed: Any) -> dict[str, Any]:
    """A valid event as JSON, but for what is given."""
    return to_wire(event("lead.handed_off", "09:00", attributes={"team": "inbound"})) | changed


def nested(levels: int) -> dict[str, Any]:
    """Objects within each other, and a text in the innermost."""
    value: Any = "deep"
    for _ in range(levels):
        value = {"a": value}
    return {"more": value}


def incompressible(length: int) -> str:
    """Any characters of three bytes each; PostgreSQL would make little of a text that repeats itself."""
    return "".join(chr(Random(length + number).randrange(0x4E00, 0x9FFF)) for number in range(length))


def letters(bench: Bench) -> list[DeadLetterRow]:
    """All dead letters."""
    return list(bench.views.dead_letters(None, 100))


@pytest.mark.parametrize(
    ("hostile", "detail"),
    [
        (document(id=f"1{NUL}"), "id: has the character U+0000"),
        (document(subject=f"{NUL}crm:lead:1"), "subject: has the character U+0000"),
        (document(source=NUL), "source: has the character U+0000"),
        (document(type=f"lead.{NUL}"), "type: has the character U+0000"),
        (document(data={"attributes": {"team": f"in{NUL}bound"}}), "data.attributes.team: has the character U+0000"),
        (document(data={"attributes": {f"te{NUL}am": 1}}), "data.attributes: a name in it has the character U+0000"),
        (document(data={"more": [1, ["x", NUL]]}), "data.more.1.1: has the character U+0000"),
        (document(**{f"x{NUL}": 1}), "the document: a name in it has the character U+0000"),
        (document(data=nested(500)), "data.more.a.a"),
        (document(id=incompressible(500), source=incompressible(400)), "id, source, and subject or data.deal: longer"),
        (document(data={"deal": incompressible(900)}), "id, source, and subject or data.deal: longer"),
    ],
)
def test_what_no_store_can_keep_is_a_dead_letter(bench: Bench, hostile: dict[str, Any], detail: str) -> None:
    """It names the field, has what came byte for byte, and costs its neighbours nothing."""
    raw = json.dumps(hostile).encode()
    bench.feed_raw(
        [json.dumps(document(id="before")).encode(), raw, json.dumps(document(id="after")).encode()], "09:00"
    )
    (letter,) = letters(bench)
    assert (letter.reason, letter.body) == ("invalid", raw)
    assert letter.detail.startswith(detail)
    assert bench.store.position(EVENTS, 0) == 3
    assert [each.number for each in bench.clocks()] == [1]


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps(document(id="half \ud800 of a pair")).encode(),
        json.dumps(document(data={"more": 1e300})).replace("1e+300", "1e400").encode(),
        b"[" * 5000,
        b'"\x00"',
    ],
)
def test_what_is_no_json_is_a_dead_letter(bench: Bench, raw: bytes) -> None:
    """Lone surrogates, numbers beyond all bounds, and depths that no parser takes."""
    bench.feed_raw([raw], "09:00")
    assert [(letter.reason, letter.body) for letter in letters(bench)] == [("unreadable", raw)]


@pytest.mark.parametrize(
    "good",
    [
        document(data={"more": r"\u0000 is six characters"}),
        document(data={"more": "\x01 \ufffe \U0010ffff"}),
        document(data={"more": [-(2**63), 2**64 - 1, 1e300]}),
        document(data=nested(190)),
        document(data={"more": "[{" * 500}),
        document(id=incompressible(300), source=incompressible(300), subject=incompressible(200)),
        document(id="😀" * 500, source="/", subject="k"),
    ],
)
def test_everything_else_is_kept(bench: Bench, good: dict[str, Any]) -> None:
    """What looks like it, and what is as large as it may be."""
    bench.feed_raw([json.dumps(good).encode()], "09:00")
    assert letters(bench) == []
    lead = str(good["subject"])
    assert [each.data for each in bench.store.events([f"lead:{lead}"])[f"lead:{lead}"]] == [good["data"]]
    assert [row.number for row in bench.clocks(lead)] == [1]


@pytest.mark.parametrize("time", ["1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_times_beyond_all_columns_are_dead_letters(bench: Bench, time: str) -> None:
    """Times are those of the years 1970 to 2199, far within 64 bits of microseconds."""
    bench.feed_raw([json.dumps(document(time=time)).encode()], "09:00")
    (letter,) = letters(bench)
    assert letter.detail.startswith("time: ")


def feed_letter(bench: Bench, *, crm: str = "hubspot", **fields: str) -> None:
    """A record of the topic of dead letters, through the door of `crm`."""
    letter = DeadLetter.model_validate(
        {"id": "1", "crm": crm, "reason": "invalid", "detail": "no", "received_at": "2026-10-05T09:00:00Z"}
        | {"content_type": "application/json", "body": b"{\0"}
        | fields
    )
    value = letter.model_dump_json().encode()
    bench.tracker.apply([LogRecord(DEAD_LETTERS, 0, 0, "1", value, {"crm": crm}, at("09:00"))], at("09:00"))


def test_dead_letters_lose_what_cannot_be_said(bench: Bench) -> None:
    """Where it came from and why is text; the body is kept as bytes."""
    feed_letter(bench, detail=f"a{NUL}b", crm=f"c{NUL}")
    assert [(each.id, each.crm, each.detail, each.body) for each in letters(bench)] == [("1", "other", "a�b", b"{\0")]


@pytest.mark.parametrize("key", [f"1{NUL}", incompressible(1000)])
def test_a_dead_letter_whose_id_cannot_be_kept_gets_another(bench: Bench, key: str) -> None:
    """Its place in the log; then the body is the whole record."""
    feed_letter(bench, id=key)
    (letter,) = letters(bench)
    assert (letter.id, letter.reason) == (f"{DEAD_LETTERS}/0/0", "unreadable")
    assert b'"detail":"no"' in letter.body


@pytest.mark.parametrize("door", [f"x{NUL}", "x" * 5000, "Hub Spot", ""])
def test_headers_are_the_producers_too(bench: Bench, door: str) -> None:
    """The door's name is a label of counters and a column: what is none is `other`."""
    good = json.dumps(document()).encode()
    bench.tracker.apply([LogRecord(EVENTS, 0, 0, "k", good, {"crm": door}, at("09:00"))], at("09:00"))
    assert bench.store.position(EVENTS, 0) == 1
    assert {dict(labels)["crm"] for _, labels in bench.store_counters() if "crm" in dict(labels)} == {"other"}
