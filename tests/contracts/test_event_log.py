"""The contract of `services.ports.EventLog`: what every log promises to whoever appends."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.errors import Unavailable
from services.ports import Record
from tests.contracts.event_logs import KafkaSubject, SpooledSubject, SqliteSubject, Subject, once, record, texts
from tests.contracts.killing import killed_after


@pytest.fixture(params=["sqlite", "kafka", "spooled"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    """A fresh log."""
    subject: SqliteSubject | KafkaSubject | SpooledSubject
    match request.param:
        case "sqlite":
            subject = SqliteSubject(tmp_path)
        case "kafka":
            subject = KafkaSubject(request.getfixturevalue("kafka"))
        case _:
            subject = SpooledSubject(request.getfixturevalue("kafka"), tmp_path)
            subject.start_relay()
    yield subject
    await subject.close()


async def test_what_is_appended_is_there(subject: Subject) -> None:
    """A record is read back as it came: topic, key, bytes and headers."""
    events = subject.events
    odd = Record(events, "ż\x00'", bytes(range(256)), {})
    named = Record(events, "hubspot:contact:1", b"{}", {"crm": "hubspot", "where": "Łódź"})
    await subject.log.append([odd, named])
    found = await subject.everything(events)
    assert {(each.topic, each.key, each.value, tuple(each.headers.items())) for each in found} == {
        (events, odd.key, odd.value, ()),
        (events, named.key, b"{}", (("crm", "hubspot"), ("where", "Łódź"))),
    }
    assert len(found) == 2


async def test_topics_stand_apart(subject: Subject) -> None:
    """One append may write to several."""
    events, deals = subject.events, subject.deals
    await subject.log.append([record("e0", topic=events), record("d0", topic=deals), record("e1", topic=events)])
    await subject.log.append([record("d1", topic=deals)])
    assert texts(await subject.everything(events)) == ["e0", "e1"]
    assert texts(await subject.everything(deals)) == ["d0", "d1"]


async def test_appending_nothing(subject: Subject) -> None:
    """It is done at once."""
    await subject.log.append([])
    await subject.log.append([record("0", topic=subject.events)])
    assert texts(await subject.everything(subject.events)) == ["0"]


async def test_many_at_once(subject: Subject) -> None:
    """Two hundred appends at once are all there, and those of a key in their order."""

    async def append(number: int) -> None:
        for turn in range(3):
            await subject.log.append(
                [record(f"{number}/{turn}/{part}", key=str(number), topic=subject.events) for part in range(4)]
            )

    await asyncio.gather(*(append(number) for number in range(200)))
    found = await subject.everything(subject.events)
    for number in range(200):
        of_one = [each for each in found if each.key == str(number)]
        assert once(texts(of_one)) == [f"{number}/{turn}/{part}" for turn in range(3) for part in range(4)]
        assert len({each.partition for each in of_one}) == 1
    assert len(once(texts(found))) == 200 * 3 * 4


async def test_given_up(subject: Subject) -> None:
    """Whoever stops waiting for an append does not disturb the others."""
    events = subject.events
    waiting = [asyncio.ensure_future(subject.log.append([record(str(number), topic=events)])) for number in range(10)]
    await asyncio.sleep(0)
    waiting[3].cancel()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results if result is not None] in ([], [asyncio.CancelledError])
    await subject.log.append([record("last", topic=events)])
    found = texts(await subject.everything(events))
    assert found[-1] == "last"
    assert {str(number) for number in range(10) if number != 3} <= set(found)


async def test_a_mistake_of_ours_is_told(subject: Subject) -> None:
    """What cannot be written, because of a fault of our own, is no outage; and the log goes on."""
    events = subject.events
    with pytest.raises(UnicodeEncodeError):
        await subject.log.append([record("0", key="half a pair: \ud800", topic=events)])
    await subject.log.append([record("1", topic=events)])
    assert texts(await subject.everything(events)) == ["1"]


async def test_closed(subject: Subject) -> None:
    """What was handed in before the log is closed is written; later appends are refused; closing twice is once."""
    await subject.log.append([record("0", topic=subject.events)])
    last = asyncio.ensure_future(subject.log.append([record("1", topic=subject.events)]))
    await asyncio.sleep(0.001)
    await subject.close()
    await last
    with pytest.raises(Unavailable, match="closed"):
        await subject.log.append([record("2", topic=subject.events)])
    await subject.close()
    assert texts(await subject.everything(subject.events)) == ["0", "1"]


@pytest.mark.parametrize("after", [1, 40])
async def test_durable(subject: Subject, after: int) -> None:
    """What an append has returned for is there after the process was killed."""
    await subject.close()
    acknowledged = await asyncio.to_thread(killed_after, after, subject.kind, *subject.where.split())
    found = once(texts(await subject.everything(subject.events)))
    # One more may be there: written, and killed before it was told.
    assert found == [str(number) for number in range(len(found))]
    assert len(found) in (acknowledged, acknowledged + 1)
